/**
 * `muxguard log` over a million entries: what it takes, in time and memory. The log is made as a guard would
 * write it, of the requests of some hosts, programs and runs.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { MUXGUARD } from "../lab/programs.ts";
import { CHAIN_START, follow, linked } from "../src/audit/chain.ts";
import type { AuditEvent } from "../src/audit/event.ts";
import { NODE } from "./as-ssh.ts";
import type { Lab } from "./lab.ts";
import type { Row } from "./table.ts";

const ENTRIES = 1_000_000;
/** Between two entries, in milliseconds: the log goes back by four months. */
const BETWEEN = 10_000;
const HOSTS = 60;
const REPORT = 3;

interface Case {
  measure: string;
  args: readonly string[];
  /** In seconds, and in MB. */
  time: number;
  memory: number;
}

const cases: readonly Case[] = [
  { measure: "`muxguard log`, all of it", args: [], time: 5, memory: 80 },
  { measure: "`muxguard log --json`, all of it", args: ["--json"], time: 5, memory: 80 },
  { measure: "`muxguard log --since 1h`", args: ["--since", "1h"], time: 0.3, memory: 80 },
  { measure: "`muxguard log -n 20`", args: ["-n", "20"], time: 0.3, memory: 80 },
  { measure: "`muxguard log --host web7.example`", args: ["--host", "web7.example"], time: 2, memory: 80 },
  { measure: "`muxguard log --program make`", args: ["--program", "make"], time: 2, memory: 80 },
  { measure: "`muxguard log --decision deny`", args: ["--decision", "deny"], time: 2, memory: 80 },
  { measure: "`muxguard log verify`", args: ["verify"], time: 10, memory: 80 },
];

export async function benchLog(lab: Lab): Promise<Row[]> {
  const environment = lab.environment();
  const file = join(environment.XDG_STATE_HOME ?? "", "muxguard", "log.jsonl");
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const bytes = writeLog(file);
  const hook = join(lab.folder, "memory.cjs");
  writeFileSync(hook, hookOf(join(lab.folder, "memory")));
  const rows: Row[] = [];
  for (const one of cases) rows.push(await row(one, lab, environment, hook));
  return rows.map((one, at) =>
    at > 0 ? one : { ...one, measure: `${one.measure}: 1,000,000 entries, ${Math.round(bytes / 1e6)} MB` },
  );
}

/** The better of three: others use the machine too. */
async function row(one: Case, lab: Lab, environment: NodeJS.ProcessEnv, hook: string): Promise<Row> {
  let [least, memory] = [Number.POSITIVE_INFINITY, 0];
  for (let round = 0; round < REPORT; round++) {
    const began = performance.now();
    await lab.run(NODE, ["--require", hook, MUXGUARD, "log", ...one.args], environment);
    least = Math.min(least, (performance.now() - began) / 1000);
    memory = Math.max(memory, Number(readFileSync(join(lab.folder, "memory"), "utf8")) / 1000);
  }
  return {
    measure: one.measure,
    guard: `${least.toFixed(2)} s, ${memory.toFixed(0)} MB`,
    result: `${least.toFixed(2)} s, ${memory.toFixed(0)} MB`,
    target: `≤ ${one.time} s, ≤ ${one.memory} MB`,
    holds: least <= one.time && memory <= one.memory,
  };
}

/** Says at the end how much memory the process had at most, in kB: proc(5), VmHWM. */
function hookOf(file: string): string {
  return `const fs = require("node:fs");
process.on("exit", () => {
  const [, most] = /VmHWM:\\s+(\\d+)/.exec(fs.readFileSync("/proc/self/status", "latin1"));
  fs.writeFileSync(${JSON.stringify(file)}, most);
});
`;
}

/** @returns its size, in bytes */
function writeLog(file: string): number {
  const fd = openSync(file, "w", 0o600);
  let [end, text, bytes] = [CHAIN_START, "", 0];
  const begin = Date.now() - ENTRIES * BETWEEN;
  for (let at = 0; at < ENTRIES; at++) {
    const line = linked(JSON.stringify(entry(at, new Date(begin + at * BETWEEN))), end);
    end = follow(end, Buffer.from(line));
    text += `${line}\n`;
    if (text.length < 1_000_000 && at < ENTRIES - 1) continue;
    bytes += writeSync(fd, text);
    text = "";
  }
  closeSync(fd);
  return bytes;
}

const programs = [
  { exe: "/usr/bin/ssh", above: ["/usr/bin/git", "/usr/bin/bash", "/usr/bin/tmux"] },
  { exe: "/usr/bin/ssh", above: ["/usr/bin/rsync", "/usr/bin/make", "/usr/bin/bash"] },
  { exe: "/usr/bin/ssh", above: ["/usr/bin/bash", "/usr/lib/systemd/systemd"] },
];

function entry(at: number, time: Date): AuditEvent {
  const host = at % HOSTS;
  const { exe, above } = programs[at % 7] ?? programs[0] ?? { exe: "", above: [] };
  const isDenied = at % 20 === 0;
  return {
    time: time.toISOString(),
    id: (at + 36 ** 5).toString(36),
    kind: at % 3 === 0 ? "session" : "sign",
    decision: isDenied ? "deny" : "allow",
    by: isDenied ? "rule:no production" : "grant:k3f9x2",
    host: `web${host}.example`,
    port: 22,
    hostKey: `SHA256:${String(host).padStart(43, "x")}`,
    verified: true,
    how: "host key known",
    user: "deploy",
    ...(at % 3 === 0
      ? { command: `uptime ${at % 5}`, tty: true }
      : {
          data: "userauth",
          key: { type: "ssh-ed25519", fingerprint: `SHA256:${"k".repeat(43)}`, comment: "work" },
        }),
    caller: {
      pid: 1000 + (at % 30_000),
      exe,
      cmdline: [exe, `web${host}.example`],
      cwd: "/srv/project",
      tty: "/dev/pts/3",
      session: "7",
      ancestors: above,
      programs: [exe, ...above],
      container: false,
      ...(at % 4 === 0 && { scope: "claude" }),
    },
    waitedMs: at % 50 === 0 ? 3000 : 0,
  };
}
