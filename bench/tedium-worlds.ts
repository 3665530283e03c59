/**
 * The two worlds in which the day is lived: who asks for confirmation, and a person who says yes to
 * everything and writes down what was asked.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { startAgent } from "../lab/agent.ts";
import { until } from "../lab/processes.ts";
import { SshFiles } from "../lab/ssh-files.ts";
import type { AuditEvent, QuestionEvent } from "../src/audit/event.ts";
import type { Lab } from "./lab.ts";
import { type Hosts, WORKPLACES } from "./tedium-hosts.ts";

export interface World {
  /** For the files of the day. */
  folder: string;
  sshConfig: string;
  /** With the agent. */
  environment: NodeJS.ProcessEnv;
  /** What was asked so far, in words. */
  asked(): string[];
  /** What was decided so far; nothing where nobody writes it down. */
  log(): AuditEvent[];
  /** Resolves once the connections to the workplaces are shared. */
  shared(): Promise<void>;
}

export interface GuardedWorld extends World {
  forget(): Promise<void>;
}

/** `ssh-add -c` and `ControlMaster autoask`, the two ways in which OpenSSH itself asks. */
export async function openStock(lab: Lab, hosts: Hosts): Promise<World> {
  const folder = makeFolder(lab, "stock");
  const heard = join(folder, "heard");
  const askpass = writeScript(join(folder, "askpass"), `printf '%s\\0' "$1" >> '${heard}'`);
  const environment = {
    ...process.env,
    SSH_AUTH_SOCK: join(folder, "agent"),
    SSH_ASKPASS: askpass,
    SSH_ASKPASS_REQUIRE: "force",
  };
  await startAgent(lab.spawn, environment.SSH_AUTH_SOCK, { env: environment });
  await lab.run("ssh-add", ["-q", "-c", lab.keyFile], environment);
  const files = new SshFiles(folder);
  const sockets = join(folder, "sockets");
  hosts.announceIn(files, sockets, "autoask");
  return {
    folder,
    sshConfig: files.config,
    environment,
    asked: () => parts(heard, "\0").map((question) => question.split("\n")[0]?.trim() ?? ""),
    log: () => [],
    shared: () => untilShared(sockets),
  };
}

/** Without a rule. The person answers "for a while" where that is offered, else "once". */
export async function openGuarded(lab: Lab, hosts: Hosts, name: string): Promise<GuardedWorld> {
  const folder = makeFolder(lab, name);
  const heard = join(folder, "heard");
  const sockets = join(folder, "sockets");
  const guard = await lab.startGuard({
    policy: 'default = "ask"\n',
    config: `approvers = ["command"]\ncommand = "${writePerson(folder, heard)}"\ncontrol_dirs = ["${sockets}"]\n`,
    stderr: "ignore", // it tells of masters that end while they are taken over
  });
  hosts.announceIn(guard.home.hosts, sockets, "auto");
  const { SSH_ASKPASS: _, SSH_ASKPASS_REQUIRE: __, ...environment } = guard.environment;
  return {
    folder,
    sshConfig: guard.home.hosts.config,
    environment: { ...environment, SSH_AUTH_SOCK: guard.socket },
    asked: () => parts(heard, "\n").map((line) => inWords(JSON.parse(line))),
    shared: async () => {
      await untilShared(sockets);
      for (const host of WORKPLACES) await lab.runMuxguard(["adopt", join(sockets, host)], environment);
    },
    log: () => guard.home.log(),
    forget: () => lab.runMuxguard(["forget", "--all"], environment),
  };
}

/** docs/command-approver.md */
function writePerson(folder: string, heard: string): string {
  const yes = (remember: string): string => `"decision":"allow","remember":"${remember}"`;
  const answer = `case $question in *'${yes("10m")}'*) echo '{${yes("10m")}}';; *) echo '{${yes("once")}}';; esac`;
  const hear = `read -r question\nprintf '%s\\n' "$question" >> '${heard}'`;
  return writeScript(join(folder, "person"), `${hear}\n${answer}`);
}

/** With the hosts that were asked about together, and the nearest of what started the program. */
export function inWords({ text: [words = ""], hosts, caller }: QuestionEvent): string {
  const starters = caller?.ancestors.slice(0, 2).map((path) => basename(path)) ?? [];
  return `${words}${hosts ? ` (${hosts.join(", ")})` : ""}, started by ${starters.join(" ← ")}`;
}

/** @param sockets the folder of the control sockets */
export function untilShared(sockets: string, hosts: readonly string[] = WORKPLACES): Promise<void> {
  const missing = () => hosts.filter((host) => !existsSync(join(sockets, host)));
  return until(
    () => missing().length === 0,
    () => `a shared connection to ${missing().join(", ")}`,
  );
}

export function makeFolder(lab: Lab, name: string): string {
  const folder = mkdtempSync(join(lab.folder, `${name}-`)); // the day has one, and the week
  mkdirSync(join(folder, "sockets"), { mode: 0o700 });
  return folder;
}

export function writeScript(path: string, text: string): string {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o700);
  return path;
}

/** What a file holds, each part ended by a mark. */
export function parts(file: string, mark: string): string[] {
  return existsSync(file) ? readFileSync(file, "utf8").split(mark).slice(0, -1) : [];
}
