/** Where muxguard's files are: the XDG folders (specifications.freedesktop.org/basedir-spec). */
import { tmpdir, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { xdgConfig, xdgRuntime, xdgState } from "xdg-basedir";
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
}

/** @throws Error if a folder can't be made, or is open to others */
export function openPaths(): Paths {
  // without XDG_RUNTIME_DIR a folder of the user's own in the temporary folder, where anybody may have put
  // something of that name
  const runtime = xdgRuntime
    ? join(absolute(xdgRuntime), "muxguard")
    : join(tmpdir(), `muxguard-${userInfo().uid}`);
  const state = join(absolute(xdgState), "muxguard");
  ensurePrivateFolder(runtime);
  ensurePrivateFolder(state);
  return {
    config: join(absolute(xdgConfig), "muxguard"),
    runtime,
    agentSocket: join(runtime, "agent.sock"),
    daemonSocket: join(runtime, "daemon.sock"),
    askpassSocket: join(runtime, "control", "prompts.sock"),
    state,
    log: join(state, "log.jsonl"),
  };
}

function absolute(folder: string | undefined): string {
  if (folder === undefined) throw new Error("no home folder; set HOME");
  if (!isAbsolute(folder)) throw new Error(`an XDG folder must be an absolute path: ${folder}`);
  return folder;
}
