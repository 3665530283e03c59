/**
 * The guard between programs that die: `npm run test:faults [-- --kills N --seconds S --seed X]`. Daemon, master,
 * clients and agent are killed at random moments while they are used, and what was done is compared with the
 * log.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { until } from "../../../lab/processes.ts";
import { messageOf } from "../../../src/errors.ts";
import { becomeApart } from "../apart.ts";
import { renderTable } from "../table.ts";
import { type Account, takeAccount } from "./account.ts";
import { type Killed, kill } from "./killing.ts";
import { planKills, victims } from "./plan.ts";
import { kinds, Traffic } from "./traffic.ts";
import { World } from "./world.ts";

interface Options {
  kills: number;
  seconds: number;
  seed: number;
}

/** Of a daemon that nobody asks anything. */
interface Held {
  /**
   * But for those of processes that were looked at, of which up to 256 are kept. Undefined where the kernel does
   * not tell: to others than root, of a process that can't be traced.
   */
  descriptors: number | undefined;
  megabytes: number;
}

interface Run {
  planned: number;
  killed: Killed[];
  traffic: Traffic;
  before: Held;
  after: Held;
  account: Account;
  strays: string[];
}

interface Finding {
  what: string;
  found: string;
  limit: string;
  holds: boolean;
}

/** What a daemon may have more than before. */
const [MORE_DESCRIPTORS, MORE_MEGABYTES] = [4, 20];

/** Until what was there for the last use is closed, and what a daemon needs for the first one is loaded. */
const [SETTLED, WARM] = [3000, 5000];

function readOptions(): Options {
  const { values } = parseArgs({
    options: { kills: { type: "string" }, seconds: { type: "string" }, seed: { type: "string" } },
  });
  const numbers = { kills: 300, seconds: 600, seed: Date.now() % 1_000_000 };
  for (const [name, text] of Object.entries(values)) {
    const number = Number(text);
    if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} ${text}: a whole number, please`);
    numbers[name as keyof Options] = number;
  }
  return numbers;
}

async function run({ kills, seconds, seed }: Options, folder: string): Promise<Run> {
  const plan = planKills(kills, seconds, seed);
  const last = plan.findLastIndex(({ victim }) => victim === "daemon") + 1;
  const began = Date.now();
  const endOf = (index: number): number => began + (seconds * 1000 * index) / kills;
  const world = await World.open(folder);
  const traffic = new Traffic(world);
  const killed: Killed[] = [];
  const held: Held[] = [];
  for (const [from, to] of [
    [0, last],
    [last, kills],
  ] as const) {
    await allBack(world);
    await traffic.start();
    killed.push(await kill(plan.slice(from, to), world, traffic, endOf(to)));
    await allBack(world);
    await sleep(WARM);
    held.push(await heldBy(world, traffic));
  }
  await world.close();
  const [before, after] = held as [Held, Held];
  const account = takeAccount(folder, world.home.logFile, traffic.effects);
  return { planned: kills, killed, traffic, before, after, account, strays: await strays() };
}

function allBack(world: World): Promise<void> {
  const parts = ["agent", "daemon", "master"] as const;
  return until(() => parts.every((part) => world.part(part)), "agent, daemon and master", 60_000);
}

/** Ends the traffic, and looks at the daemon then. */
async function heldBy(world: World, traffic: Traffic): Promise<Held> {
  await traffic.stop();
  await sleep(SETTLED);
  const pid = world.part("daemon")?.pid;
  const [, kilobytes = "NaN"] =
    /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return { descriptors: descriptorsOf(`/proc/${pid}/fd`), megabytes: Math.round(Number(kilobytes) / 1024) };
}

function descriptorsOf(folder: string): number | undefined {
  try {
    return readdirSync(folder).filter((name) => !linkOf(join(folder, name)).startsWith("/proc/")).length;
  } catch {
    return undefined;
  }
}

/** Empty if it was closed. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** Of all that was started, in this place of its own, nothing is to be left. */
async function strays(): Promise<string[]> {
  const others = (): string[] =>
    readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== "1" && Number(name) !== process.pid);
  await until(() => others().length === 0, "the end of all processes", SETTLED).catch(() => {});
  return others().map((pid) => {
    const file = join("/proc", pid, "cmdline");
    return existsSync(file) ? readFileSync(file, "utf8").replaceAll("\0", " ").trim() : pid;
  });
}

function findings({ killed, traffic, before, after, account, strays: left }: Run): Finding[] {
  const none = (what: string, found: readonly string[]): Finding => ({
    what,
    found: [`${found.length}`, ...found.slice(0, 5)].join("; "),
    limit: "0",
    holds: found.length === 0,
  });
  const missing = killed.flatMap((part) => part.missing);
  const idle = kinds.filter((kind) => traffic.counts[kind].done === 0);
  const grown = (after.descriptors ?? 0) - (before.descriptors ?? 0);
  return [
    none(`effects without an entry that allows them, of ${account.effects}`, account.undecided),
    ...account.totals.map(({ what, counted, allowed }) => ({
      what,
      found: `${counted}`,
      limit: `≤ ${allowed}, so many entries`,
      holds: counted <= allowed,
    })),
    none("uses that hung", traffic.hung),
    none("killed programs that did not come back", missing),
    none("kinds of use of which none was done", idle),
    none("processes that were left", left),
    {
      what: "descriptors of the daemon, before and after",
      found:
        before.descriptors === undefined ? "not to be seen" : `${before.descriptors}, ${after.descriptors}`,
      limit: `≤ ${MORE_DESCRIPTORS} more`,
      holds: grown <= MORE_DESCRIPTORS,
    },
    {
      what: "its memory, before and after",
      found: `${before.megabytes}, ${after.megabytes} MB`,
      limit: `≤ ${MORE_MEGABYTES} MB more`,
      holds: after.megabytes - before.megabytes <= MORE_MEGABYTES,
    },
  ];
}

function report(run: Run, found: readonly Finding[], seed: number): string {
  const times = victims.map((victim) => run.killed.reduce((sum, { counts }) => sum + counts[victim], 0));
  const done = times.reduce((sum, count) => sum + count, 0);
  const uses = kinds.map((kind) => {
    const { done, failed } = run.traffic.counts[kind];
    return [kind, `${done}`, `${failed}`];
  });
  return [
    `${done} of ${run.planned} kills, seed ${seed}; ${run.account.brokenLines} lines of the log were cut off by them`,
    renderTable(
      ["killed", "times"],
      victims.map((victim, at) => [victim, `${times[at]}`]),
    ),
    renderTable(["use", "done", "failed"], uses),
    renderTable(
      ["looked at", "found", "limit", "holds"],
      found.map(({ what, found, limit, holds }) => [what, found, limit, holds ? "yes" : "no"]),
    ),
  ].join("\n\n");
}

try {
  const options = readOptions();
  const result = await run(options, await becomeApart());
  const found = findings(result);
  process.stdout.write(`${report(result, found, options.seed)}\n`);
  process.exitCode = found.every(({ holds }) => holds) ? 0 : 1;
} catch (error) {
  process.stderr.write(`test:faults: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
process.exit();
