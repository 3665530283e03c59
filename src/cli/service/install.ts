/** `muxguard install-service`: the daemon as a service of the login session. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, lstatSync, realpathSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { attempt } from "../../attempt.ts";
import { installationFolder, muxguardProgram } from "../../installation.ts";
import { answers } from "../../platform/sockets/listener.ts";
import { named, onScreen } from "../../policy/visible.ts";
import { askGuard } from "../../rpc/replies.ts";
import { isSelfMarked } from "../../runs/mark.ts";
import { readConfig } from "../../settings/config.ts";
import { openPaths, type Paths, userFolders } from "../../settings/paths.ts";
import { toStderr, toStdout } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { useAnswering } from "../guards/guards.ts";
import { stateOf, writeOwn } from "./own-files.ts";
import { launchdFile, RUNTIME, type ServiceFacts, type ServiceFile, systemdFiles } from "./units.ts";

export interface InstallOptions {
  uninstall?: boolean;
  dryRun?: boolean;
}

export async function installService({ uninstall = false, dryRun = false }: InstallOptions): Promise<void> {
  if (isSelfMarked() || process.env.MUXGUARD_PROMPTS)
    throw new CliError("refused: this is inside of a muxguard run, and what is guarded installs no guard", 1);
  const paths = openPaths();
  const facts = await gather(paths);
  const isMac = process.platform === "darwin";
  const files = isMac ? [launchdFile(homedir(), facts)] : systemdFiles(facts);
  const foreign = files.filter(({ path }) => stateOf(path) === "foreign").map(({ path }) => path);
  if (foreign.length > 0)
    throw new CliError(
      `${foreign.join(", ")}: not written by muxguard, and left alone; move it away first`,
      1,
    );
  if (uninstall) return remove(files, dryRun);
  for (const { path, text } of files) show(path, text, stateOf(path, text));
  for (const line of warnings(facts)) toStderr(`muxguard: ${line}`);
  if (!dryRun) for (const { path, text } of files) writeOwn(path, text);
  if (isMac)
    return toStdout("this was not tried on macOS: launchctl load ~/Library/LaunchAgents/muxguard.plist");
  const isFree = !(await answers(paths.daemonSocket)) || isActive();
  begin(dryRun, isFree);
}

function remove(files: readonly ServiceFile[], dryRun: boolean): void {
  const there = files.filter(({ path }) => stateOf(path) !== "none");
  if (there.length === 0) toStdout("nothing is installed");
  if (there.length === 0) return;
  const unit = "systemctl --user disable --now muxguard.socket muxguard.service";
  const isThere = process.platform === "linux" && run(unit, dryRun);
  for (const { path } of there) {
    toStdout(`${dryRun ? "would remove" : "removed"} ${named(path, 400)}`);
    if (!dryRun) rmSync(path);
  }
  if (isThere) run("systemctl --user daemon-reload", dryRun);
}

/** @param isFree whether the sockets can be made now */
function begin(dryRun: boolean, isFree: boolean): void {
  const enabling = `systemctl --user enable ${isFree ? "--now " : ""}muxguard.socket`;
  run("systemctl --user daemon-reload", dryRun);
  const isDone = run(enabling, dryRun);
  if (!isFree)
    toStdout(
      "a daemon runs already; for the service to take its place at once: " +
        "muxguard daemon stop && systemctl --user start muxguard.socket",
    );
  if (isDone && !dryRun && isFree)
    toStdout(
      "the next use of a key starts the guard; programs that run have the SSH_AUTH_SOCK that they had",
    );
  toStdout('in the rc file of your shell: eval "$(muxguard-env)"');
}

/** @returns false where there is no systemd for it: then the command is said */
function run(command: string, dryRun: boolean): boolean {
  const [program = "", ...words] = command.split(" ");
  if (dryRun) {
    toStdout(`would run: ${command}`);
    return true;
  }
  const managed = spawnSync(program, ["--user", "show-environment"], { stdio: "ignore" }).status === 0;
  if (!managed) {
    toStdout(`no systemd of yours answers here; where it does: ${command}`);
    return false;
  }
  const { status, stderr } = spawnSync(program, words, { encoding: "utf8" });
  if (status === 0) toStdout(`ran: ${command}`);
  else toStderr(`muxguard: ${command}: ${onScreen(stderr.trim().replaceAll("\n", "; "))}`);
  if (status !== 0) process.exitCode = 1;
  return true;
}

function isActive(): boolean {
  return spawnSync("systemctl", ["--user", "is-active", "--quiet", "muxguard.socket"]).status === 0;
}

function show(path: string, text: string, state: ReturnType<typeof stateOf>): void {
  const what = { none: "new", own: "changed", same: "as it is", foreign: "" }[state];
  toStdout(`${named(path, 400)} (${what})`);
  if (state !== "same") for (const line of text.trimEnd().split("\n")) toStdout(`    ${line}`.trimEnd());
}

async function gather(paths: Paths): Promise<ServiceFacts> {
  const { XDG_CONFIG_HOME: config, XDG_STATE_HOME: state, XDG_RUNTIME_DIR: runtime } = process.env;
  if (!runtime && process.platform === "linux")
    throw new CliError(
      "XDG_RUNTIME_DIR is not set: there is no login session of systemd here",
      exitCodes.usage,
    );
  const { upstreamAgents } = await readConfig(paths);
  const agent = upstreamAgents.length > 0 ? undefined : await agentOf(paths);
  const below = `${runtime}/`;
  return checked({
    node: stablePath(process.execPath, "node"),
    program: stablePath(muxguardProgram(), "muxguard"),
    configHome: dirname(userFolders().config),
    environment: {
      SSH_AUTH_SOCK: agent?.startsWith(below) ? `${RUNTIME}/${agent.slice(below.length)}` : agent,
      // a service has none of what a shell's rc file sets
      ...(config && { XDG_CONFIG_HOME: config }),
      ...(state && { XDG_STATE_HOME: state }),
    },
  });
}

/** A line of a unit is an instruction. @throws CliError */
function checked(facts: ServiceFacts): ServiceFacts {
  const texts = [facts.node, facts.program, facts.configHome, ...Object.values(facts.environment)];
  const odd = texts.find((text) => text !== undefined && /\p{Cc}/u.test(text.replace(RUNTIME, "")));
  if (odd === undefined) return facts;
  throw new CliError(
    `a path with a control character in it can't be in a unit: ${named(odd, 200)}`,
    exitCodes.usage,
  );
}

/** The agent with the keys: that of this session, or the one behind the daemon that is in its place. */
async function agentOf({ agentSocket, daemonSocket }: Paths): Promise<string | undefined> {
  const { SSH_AUTH_SOCK: agent } = process.env;
  if (agent && agent !== agentSocket) return agent;
  const [found] = await useAnswering(daemonSocket, (guard) => askGuard(guard, "upstream", null));
  const [first, ...others] = found?.agents ?? [];
  return first?.name.startsWith("/") && others.length === 0 ? first.name : undefined;
}

/** What leads there in PATH: an update may change where it leads. */
function stablePath(file: string, name: string): string {
  const real = attempt(() => realpathSync(file)) ?? file;
  const found = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name));
  return found.find((one) => one.startsWith("/") && leadsTo(one, real)) ?? file;
}

function leadsTo(path: string, real: string): boolean {
  return attempt(() => accessSync(path, constants.X_OK) ?? realpathSync(path) === real) ?? false;
}

function warnings({ program, environment }: ServiceFacts): string[] {
  const { SSH_AUTH_SOCK: agent } = environment;
  const root = installationFolder();
  const isPassing = root.includes("/_npx/") || root.startsWith(`${tmpdir()}/`);
  const isCheckout = attempt(() => lstatSync(join(root, ".git"))) !== undefined;
  const kind = isCheckout ? "a checkout" : isPassing ? "a folder that may go" : undefined;
  return [
    ...(kind ? [checkoutLine(program, kind)] : []),
    ...(agent?.startsWith("/tmp/")
      ? [`the agent ${named(agent, 200)} has another path at each login; set upstream_agent in config.toml`]
      : []),
  ];
}

function checkoutLine(program: string, kind: string): string {
  const gone = "if it goes, the service does not start, and muxguard status and the journal say so";
  return `the service starts ${named(program, 200)}, in ${kind}: ${gone}; to stay: npm install -g muxguard`;
}
