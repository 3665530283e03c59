/** Where muxguard's files are: the XDG folders (specifications.freedesktop.org/basedir-spec). */
import { homedir, tmpdir, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { ensurePrivateFolder } from "../platform/files/private-folder.ts";

export interface Paths {
  /** config.toml, policy.toml, policy.d/*.toml, approved.toml */
  config: string;
  /** Sockets; 0700. */
  runtime: string;
  /** The agent socket of the login session. */
  agentSocket: string;
  /** Where the daemon takes muxguard's own commands. */
  daemonSocket: string;
  /** Where the daemon takes what muxguard-askpass is asked. */
  askpassSocket: string;
  /** What is kept between runs; 0700. */
  state: string;
  log: string;
  /** What was told today of ways past the guard. */
  told: string;
  /** The fleet's policy that counted last. */
  fleetPolicy: string;
  /** How far the log is in the fleet's. */
  fleetLog: string;
}

/** @throws Error if a folder can't be made, or is open to others */
export function openPaths(): Paths {
  const paths = locatePaths();
  ensurePrivateFolder(paths.runtime);
  ensurePrivateFolder(paths.state);
  return paths;
}

/** The same, and nothing is made. @throws Error without a home folder */
export function locatePaths(): Paths {
  // without XDG_RUNTIME_DIR a folder of the user's own in the temporary folder, where anybody may have put
  // something of that name
  const { XDG_RUNTIME_DIR: own } = process.env;
  const runtime = own ? join(absolute(own), "muxguard") : join(tmpdir(), `muxguard-${userInfo().uid}`);
  const { config, state } = userFolders();
  return {
    config,
    runtime,
    agentSocket: join(runtime, "agent.sock"),
    daemonSocket: join(runtime, "daemon.sock"),
    askpassSocket: join(runtime, "control", "prompts.sock"),
    state,
    log: join(state, "log.jsonl"),
    told: join(state, "told.json"),
    fleetPolicy: join(state, "fleet-policy.jsonl"),
    fleetLog: join(state, "fleet-log.json"),
  };
}

/** Where the user's own files are, whether they are there or not. @throws Error without a home folder */
export function userFolders(): Pick<Paths, "config" | "state"> {
  const { XDG_CONFIG_HOME: config, XDG_STATE_HOME: state } = process.env;
  return {
    config: join(absolute(config || inHome(".config")), "muxguard"),
    state: join(absolute(state || inHome(".local/state")), "muxguard"),
  };
}

function inHome(folder: string): string {
  const home = homedir();
  if (home === "") throw new Error("no home folder; set HOME");
  return join(home, folder);
}

function absolute(folder: string): string {
  if (!isAbsolute(folder)) throw new Error(`an XDG folder must be an absolute path: ${folder}`);
  return folder;
}
