/**
 * What the guard costs: `npm run bench` runs everything and prints tables in Markdown, `npm run bench -- sign
 * list` parts of it, `npm run bench -- soak 30` half an hour of mixed use, `-- fleet 100` a fleet of a hundred
 * machines. Each figure is measured next to bare OpenSSH, in the same run.
 */
import { messageOf } from "../src/errors.ts";
import { benchConnect, benchList, benchLogin, benchSign } from "./agent.ts";
import { becomeSsh } from "./as-ssh.ts";
import { benchAskpass } from "./askpass.ts";
import { benchEnv } from "./env.ts";
import { benchFifo } from "./fifo.ts";
import { benchFleet } from "./fleet/fleet.ts";
import { benchFlood } from "./flood.ts";
import { Lab } from "./lab.ts";
import { benchClients, benchMemory } from "./load.ts";
import { benchLog } from "./log.ts";
import { benchLogins, benchRide, benchSession, benchTransfer } from "./mux.ts";
import { benchIdle } from "./mux-idle.ts";
import { benchPrompt } from "./prompt.ts";
import { benchPty } from "./pty.ts";
import { benchRules } from "./rules.ts";
import { benchRun } from "./run.ts";
import { benchSoak } from "./soak.ts";
import { describeMachine, type Row, renderTable } from "./table.ts";
import { benchTedium } from "./tedium.ts";
import { benchWeek } from "./week/week.ts";

interface Section {
  name: string;
  group: string;
  /**
   * @param remark prints a paragraph below the tables
   * @param conclude prints a line at the very end
   * @param number how much, where that is up to whoever runs it: minutes, or machines
   */
  run(
    lab: Lab,
    remark: (text: string) => void,
    conclude: (line: string) => void,
    number: number | undefined,
  ): Promise<Row[]>;
}

const sections: readonly Section[] = [
  { name: "sign", group: "agent", run: benchSign },
  { name: "login", group: "agent", run: benchLogin },
  { name: "list", group: "agent", run: benchList },
  { name: "connect", group: "agent", run: benchConnect },
  { name: "memory", group: "agent", run: benchMemory },
  { name: "clients", group: "agent", run: benchClients },
  { name: "flood", group: "load", run: benchFlood },
  { name: "soak", group: "soak", run: (lab, _remark, _conclude, minutes) => benchSoak(lab, minutes) },
  { name: "prompt", group: "desktop", run: benchPrompt },
  { name: "run", group: "cli", run: benchRun },
  { name: "pty", group: "cli", run: benchPty },
  { name: "env", group: "cli", run: benchEnv },
  { name: "session", group: "mux", run: benchSession },
  { name: "transfer", group: "mux", run: benchTransfer },
  { name: "idle", group: "mux", run: benchIdle },
  { name: "logins", group: "mux", run: benchLogins },
  { name: "ride", group: "mux", run: benchRide },
  { name: "fifo", group: "mux", run: benchFifo },
  { name: "askpass", group: "cli", run: benchAskpass },
  { name: "rules", group: "rules", run: benchRules },
  { name: "log", group: "log", run: benchLog },
  { name: "tedium", group: "questions", run: benchTedium },
  { name: "week", group: "week", run: benchWeek },
  { name: "fleet", group: "fleet", run: benchFleet },
];

function chooseSections(names: readonly string[]): readonly Section[] {
  const known = sections.flatMap(({ name, group }) => [name, group]);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Error(`no section ${unknown}; there are ${[...new Set(known)].join(", ")}`);
  return sections.filter(
    ({ name, group }) => names.length === 0 || names.includes(name) || names.includes(group),
  );
}

/** A table for each group, what there is to say about them, and the last lines. */
async function measure(chosen: readonly Section[], number: number | undefined): Promise<string> {
  const lab = await Lab.open();
  try {
    const groups = new Map<string, Row[]>();
    const remarks: string[] = [];
    const conclusions: string[] = [];
    const remark = (text: string): void => void remarks.push(text);
    const conclude = (line: string): void => void conclusions.push(line);
    for (const { name, group, run } of chosen) {
      process.stderr.write(`${name}...\n`);
      try {
        groups.set(group, [...(groups.get(group) ?? []), ...(await run(lab, remark, conclude, number))]);
      } catch (error) {
        // what was measured before is not lost, nor what comes
        process.stderr.write(`bench: ${name}: ${messageOf(error)}\n`);
        process.exitCode = 1;
      }
    }
    const machine = `p50 (p95). ${describeMachine()}.`;
    const paragraphs = [...[...groups.values()].map(renderTable), ...remarks, machine];
    return [...paragraphs, ...(conclusions.length > 0 ? [conclusions.join("\n")] : [])].join("\n\n");
  } finally {
    await lab.close();
  }
}

await becomeSsh();
try {
  const words = process.argv.slice(2);
  const number = words.find((word) => /^\d+$/.test(word));
  const chosen = chooseSections(words.filter((word) => word !== number));
  process.stdout.write(`${await measure(chosen, number === undefined ? undefined : Number(number))}\n`);
} catch (error) {
  process.stderr.write(`bench: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
