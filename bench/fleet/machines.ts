/**
 * Some machines of a fleet, in one process: each is what a guard has of the fleet, with its own connection, log and
 * files, and without the rest of the guard. Started with the folder that `muxguard fleet init` made, the server's
 * address, the numbers of the first machine and of the last, and `hear` for machines that tell when a policy reaches
 * them, and do nothing with it.
 */
import { join } from "node:path";
import { setImmediate as others, setTimeout as sleep } from "node:timers/promises";
import type { AuditEvent } from "../../src/audit/event.ts";
import { AuditLog } from "../../src/audit/log.ts";
import { messageOf } from "../../src/errors.ts";
import { Bus } from "../../src/fleet/bus/bus.ts";
import { Member } from "../../src/fleet/member.ts";
import { followBucket } from "../../src/fleet/policy/bucket.ts";
import { machineName } from "../../src/fleet/subjects.ts";
import { openRegular } from "../../src/platform/files/regular-file.ts";
import type { Question } from "../../src/policy/question.ts";
import type { Destination } from "../../src/policy/request.ts";
import type { FleetConfig } from "../../src/settings/fleet/config.ts";
import { type FromMachines, now, type ToMachines } from "./messages.ts";

/** How long a question waits, in milliseconds. */
const TIMEOUT = 10 * 60_000;
/** Between two that are started, in milliseconds. */
const APART = 50;

interface Machine {
  name: string;
  member: Member;
  log: AuditLog;
}

const [folder = "", server = "", first, last, what] = process.argv.slice(2);
const machines: Machine[] = [];

process.on("message", (message: ToMachines) => {
  const work = "write" in message ? write(message.write, message.batch) : ask(message.ask);
  work.catch((error: unknown) => {
    process.stderr.write(`fleet: ${messageOf(error)}\n`);
    process.exitCode = 1;
  });
});
for (const end of ["disconnect", "SIGTERM"]) process.on(end, () => process.exit());
await startAll();

function tell(message: FromMachines): void {
  process.send?.(message);
}

/** Of a thousand machines few are started in the same moment. */
async function startAll(): Promise<void> {
  for (let number = Number(first); number <= Number(last); number++) {
    if (what === "hear") hear(`m${number}`);
    else machines.push(start(`m${number}`));
    await sleep(APART);
  }
}

function configOf(machine: string): FleetConfig {
  const own = join(folder, `machine-${machine}`);
  return {
    ...{ servers: [server], machine, policy: "before", self: false, person: undefined },
    credentials: join(own, "machine.nk"),
    tls: { ca: join(own, "ca.pem") },
    signers: join(own, "allowed_signers"),
    machineKey: join(own, "machine_key"),
  };
}

function hear(machine: string): void {
  const { servers, tls, credentials } = configOf(machine);
  const changed = (fault: string | undefined): void => {
    if (fault !== undefined || !bus.connection) return;
    tell({ is: "connected", machine, at: now() });
    const heard = (): boolean => {
      tell({ is: "policy", machine, at: now() });
      return true;
    };
    void followBucket(bus.connection, heard, () => {}); // never rejects
  };
  const bus = new Bus({ name: machineName(machine), servers, tls, credentials, changed });
  bus.start();
}

function start(machine: string): Machine {
  const own = join(folder, `machine-${machine}`);
  const path = join(own, "log.jsonl");
  const log = new AuditLog(path, openRegular);
  const member = new Member({
    config: configOf(machine),
    ...{ folder: own, log: path, logPlace: join(own, "place.json"), policyFile: join(own, "policy.jsonl") },
    ...{ environment: process.env, isOnBus: true },
  });
  member.start({
    changed: (fault) => {
      if (fault === undefined) tell({ is: "connected", machine, at: now() });
      else tell({ is: "fault", machine, reason: fault });
    },
    refused: (_, reason) => tell({ is: "refused", machine, reason }),
    taken: (what) => {
      log.append({ ...event(`policy${Date.now()}`, "allow"), reason: what });
      tell({ is: "policy", machine, at: now() });
    },
    revoked: () => {},
  });
  return { name: machine, member, log };
}

/** An entry each, in turns, as machines do that know nothing of each other. */
async function write(entries: number, batch: string): Promise<void> {
  for (let number = 0; number < entries; number++) {
    for (const { log } of machines) log.append(event(`${batch}${number}`, "allow"));
    await others();
  }
  tell({ is: "written" });
}

async function ask(count: number): Promise<void> {
  const asked = machines.slice(0, count).map(async ({ name: machine, member }, number) => {
    await member.approver.ask(question(`q${number}`), new AbortController().signal);
    tell({ is: "answered", machine, at: now() });
  });
  await Promise.all(asked);
}

const subject = {
  ...{ host: "bench.example", port: 22, user: "git", verified: true },
  key: { type: "ssh-ed25519", fingerprint: `SHA256:${"A".repeat(43)}`, comment: "bench" },
} as const;

function event(id: string, decision: AuditEvent["decision"]): AuditEvent {
  const cmdline = ["ssh", "git@bench.example", "git-upload-pack '/srv/git/project.git'"];
  const place = { cwd: "/home/someone/project", session: "login:2", ancestors: ["/usr/bin/git"] };
  const caller = { ...place, pid: 4711, exe: "/usr/bin/ssh", name: "ssh", cmdline, container: false };
  return {
    time: new Date().toISOString(),
    id,
    kind: "sign",
    data: "userauth",
    decision,
    by: "default",
    ...subject,
    caller,
  };
}

function question(id: string): Question {
  const { host, port, user, key } = subject;
  const hostKey = `SHA256:${"B".repeat(43)}`;
  const destination: Destination = { verified: true, names: [host], port, hostKey, how: "host key known" };
  const process = { pid: 4711, startTime: "100", exe: "/usr/bin/ssh", name: "ssh", cmdline: ["ssh", host] };
  return {
    id,
    request: { kind: "sign", data: "userauth", destination, user, key, path: [], forwarded: false },
    caller: { ...process, cwd: "/home/someone", session: "login:2", ancestors: [], container: false },
    ...{ because: "default", count: 1, choices: ["once"], yes: "once", timeout: TIMEOUT },
    asked: new Date().toISOString(),
  };
}
