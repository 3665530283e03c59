/**
 * Where the week is lived: a guard on a clock of its own, a desktop that says when its screen is locked and
 * when the machine sleeps, the terminal in which the work is done, another one, and an editor.
 *
 * The person says no to what is hostile, accepts a rule when one is shown, and else answers "while this
 * lasts". Nobody is there while the screen is locked: the person's program says so at once, where a question
 * would wait for its minute. Both are a denial.
 */
import { once } from "node:events";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MessageBus as Client } from "dbus-native";
import { until } from "../../lab/processes.ts";
import type { AuditEvent } from "../../src/audit/event.ts";
import type { GrantFacts } from "../../src/policy/grants.ts";
import type { Lab, RunningGuard } from "../lab.ts";
import type { Hosts } from "../tedium-hosts.ts";
import { Shell } from "../tedium-shell.ts";
import { inWords, makeFolder, parts, untilShared, writeScript } from "../tedium-worlds.ts";
import type { FromGuard, ToGuard } from "./messages.ts";
import type { Place } from "./place.ts";

const PROGRAM = join(import.meta.dirname, "week-guard.js"); // beside the bench in dist/
const SAVER = "org.freedesktop.ScreenSaver";
const LOGIN = "org.freedesktop.login1";

export class Office implements Place {
  readonly folder: string;
  readonly sshConfig: string;
  readonly #lab: Lab;
  readonly #hosts: Hosts;
  readonly #guard: RunningGuard;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #saver: Client;
  readonly #login: Client;
  readonly #terminal: Shell;
  #other: Shell | undefined;
  #editor: Shell | undefined;

  private constructor(
    lab: Lab,
    hosts: Hosts,
    folder: string,
    guard: RunningGuard,
    saver: Client,
    login: Client,
  ) {
    const { SSH_ASKPASS: _, SSH_ASKPASS_REQUIRE: __, ...environment } = guard.environment;
    this.folder = folder;
    this.sshConfig = guard.home.hosts.config;
    this.#lab = lab;
    this.#hosts = hosts;
    this.#guard = guard;
    this.#saver = saver;
    this.#login = login;
    this.#environment = {
      ...environment,
      SSH_AUTH_SOCK: guard.socket,
      GIT_CONFIG_GLOBAL: `${folder}/gitconfig`,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_SSH_COMMAND: `ssh -F ${this.sshConfig}`,
    };
    this.#terminal = this.#openShell();
  }

  static async open(lab: Lab, hosts: Hosts): Promise<Office> {
    const folder = makeFolder(lab, "week");
    const sockets = join(folder, "sockets");
    const [session, system] = [await lab.startBus(), await lab.startBus()];
    const [saver, login] = [await session.client(), await system.client()];
    await saver.requestName(SAVER, 0);
    await login.requestName(LOGIN, 0);
    const guard = await lab.startGuard({
      policy: 'default = "ask"\n',
      config: `approvers = ["command"]\ncommand = "${writePerson(folder)}"\ncontrol_dirs = ["${sockets}"]\n`,
      environment: {
        DBUS_SESSION_BUS_ADDRESS: session.address,
        DBUS_SYSTEM_BUS_ADDRESS: system.address,
      },
      program: PROGRAM,
      stderr: "ignore", // it tells of masters that end while they are taken over
    });
    hosts.announceIn(guard.home.hosts, sockets, "auto");
    return new Office(lab, hosts, folder, guard, saver, login);
  }

  run(line: string): Promise<number> {
    return this.#terminal.run(line);
  }

  succeed(line: string): Promise<void> {
    return this.#terminal.succeed(line);
  }

  runElsewhere(line: string): Promise<number> {
    this.#other ??= this.#openShell();
    return this.#other.run(line);
  }

  async closeElsewhere(): Promise<void> {
    await this.#other?.close();
    this.#other = undefined;
  }

  async edit(line: string): Promise<number> {
    this.#editor ??= this.#openShell(join(this.folder, "editor"));
    return this.#editor.run(line);
  }

  async closeEditor(): Promise<void> {
    await this.#editor?.close();
    this.#editor = undefined;
  }

  async clockTo(minute: number): Promise<void> {
    await this.#tell({ clock: minute * 60_000 });
  }

  /** The person leaves: nobody answers any more, and the desktop says that it locked its screen. */
  async leave(): Promise<void> {
    writeFileSync(this.#away, "");
    this.#saver.sendSignal("/ScreenSaver", SAVER, "ActiveChanged", "b", [true]);
    await this.#saver.getId();
    await this.#until(
      (grants) => grants.every((grant) => "suspended" in grant && grant.suspended === true),
      "lock",
    );
  }

  async comeBack(): Promise<void> {
    rmSync(this.#away, { force: true });
    this.#saver.sendSignal("/ScreenSaver", SAVER, "ActiveChanged", "b", [false]);
    await this.#saver.getId();
    await this.#until(
      (grants) => grants.every((grant) => !("suspended" in grant && grant.suspended)),
      "unlock",
    );
  }

  async sleep(isAsleep: boolean): Promise<void> {
    const path = "/org/freedesktop/login1";
    this.#login.sendSignal(path, `${LOGIN}.Manager`, "PrepareForSleep", "b", [isAsleep]);
    await this.#login.getId();
  }

  expectHostile(isHostile: boolean): void {
    if (isHostile) writeFileSync(this.#hostile, "");
    else rmSync(this.#hostile, { force: true });
  }

  async share(hosts: readonly string[]): Promise<void> {
    const sockets = join(this.folder, "sockets");
    await untilShared(sockets, hosts);
    for (const host of hosts) await this.#tell({ adopt: join(sockets, host) });
  }

  unshared(host: string): Promise<void> {
    return until(
      () => !existsSync(join(this.folder, "sockets", host)),
      `the end of the connection to ${host}`,
    );
  }

  announceLater(): void {
    this.#hosts.announceLater(this.#guard.home.hosts);
  }

  asked(): string[] {
    return parts(join(this.folder, "heard"), "\n").map((line) => inWords(JSON.parse(line)));
  }

  missed(): number {
    return parts(join(this.folder, "missed"), "\n").length;
  }

  log(): AuditEvent[] {
    return this.#guard.home.log();
  }

  async close(): Promise<void> {
    await this.closeElsewhere();
    await this.closeEditor();
    await this.#terminal.close();
  }

  get #away(): string {
    return join(this.folder, "away");
  }

  get #hostile(): string {
    return join(this.folder, "hostile");
  }

  #openShell(program?: string): Shell {
    return new Shell(this.#lab, this.folder, this.#environment, program, true);
  }

  async #tell(message: ToGuard): Promise<GrantFacts[]> {
    const { child } = this.#guard;
    const answered = once(child, "message");
    child.send(message);
    const [{ grants, fault }] = (await answered) as [FromGuard];
    if (fault !== undefined) throw new Error(fault);
    return grants;
  }

  /** Of the approvals that are left. */
  #until(holds: (grants: readonly GrantFacts[]) => boolean, what: string): Promise<void> {
    const approvals = async () =>
      (await this.#tell({ look: true })).filter(({ decision }) => decision === "allow");
    return until(async () => holds(await approvals()), `the guard to hear of the ${what}`);
  }
}

/** docs/command-approver.md */
function writePerson(folder: string): string {
  const path = (name: string): string => `'${join(folder, name)}'`;
  const yes = (remember: string): string => `"decision":"allow","remember":"${remember}"`;
  const [hear, no] = [`printf '%s\\n' "$question"`, `'{"decision":"deny"}'`];
  const takes = (answer: string, also = ""): string => `  *${also}'${answer}'*) echo '{${answer}}';;`;
  const lines = [
    "read -r question",
    `if [ -e ${path("away")} ]; then ${hear} >> ${path("missed")}; echo 'nobody is there' >&2; exit 1; fi`,
    // whoever reads takes a second at least: what comes meanwhile makes it another, fuller question
    "sleep 1",
    `${hear} >> ${path("heard")}`,
    `if [ -e ${path("hostile")} ]; then echo ${no}; exit; fi`,
    "case $question in",
    takes(yes("always"), "'[[rule]]'*"), // the question shows the rule
    takes(yes("lasting")),
    takes(yes("10m")),
    `  *) echo '{${yes("once")}}';;`,
    "esac",
  ];
  return writeScript(join(folder, "person"), lines.join("\n"));
}
