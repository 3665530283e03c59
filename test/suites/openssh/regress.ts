/** OpenSSH's regression suite, in a copy that its scripts may write to, run as its own Makefile runs it. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Home } from "../../../lab/home.ts";
import { namesIn } from "../../../lab/masters.ts";
import { freePort } from "../../../lab/network.ts";
import { ended, endOf, finished, Processes } from "../../../lab/processes.ts";
import { SSHD } from "../../../lab/programs.ts";
import { attempt } from "../../../src/attempt.ts";
import { startDaemon, transparentHome } from "../guard.ts";
import { endProcessesOf } from "../processes.ts";
import type { Script } from "./scripts.ts";

/** Of Debian's package openssh-tests. */
export const INSTALLED = "/usr/lib/openssh/regress";

/** For a script that hangs, in milliseconds. */
const LIMIT = 240_000;

export type Variant = "bare" | "guarded";

export interface Outcome {
  result: "passed" | "failed" | "skipped" | "hung";
  /** Of the log. */
  entries: number;
  /** Requests of ssh that were to go through the guard. */
  requests: number;
  seconds: number;
  /** What it said last. */
  said: string;
}

/** The programs that it starts for the suite's, beside the main one in dist/. */
const programs = import.meta.dirname;

export class Regress {
  readonly #folder: string;
  readonly #scripts: string;
  readonly #processes = new Processes();

  /** @param folder for all files, with a short name */
  constructor(folder: string) {
    this.#folder = folder;
    this.#scripts = join(folder, "regress");
    cpSync(INSTALLED, this.#scripts, { recursive: true });
    // broken-pipe.sh names settings that nothing makes: all of its connections would fail, which it does not notice
    symlinkSync("ssh_proxy", join(this.#scripts, "ssh_config_config"));
    if (process.getuid?.() !== 0) withoutPam(join(this.#scripts, "test-exec.sh"));
  }

  /** Runs a script to its end. */
  async run(script: Script, variant: Variant): Promise<Outcome> {
    const folder = mkdtempSync(join(this.#folder, variant.charAt(0)));
    for (const name of ["m", "t"]) mkdirSync(join(folder, name), { mode: 0o700 });
    const home = transparentHome(join(folder, "g"));
    const hasDaemon = variant === "guarded" && script.place !== "agent";
    const daemon = hasDaemon ? await startDaemon(this.#start, home) : undefined;
    try {
      return await this.#execute(
        script,
        {
          ...process.env,
          ...(await this.#settings()),
          ...substitutes(this.#scripts, folder, script, variant, home),
          TMPDIR: join(folder, "t"),
        },
        folder,
      );
    } finally {
      if (daemon) await endOf(daemon);
      await endProcessesOf(this.#folder);
    }
  }

  /** As the Makefile of the suite and run-tests of Debian's package have them. */
  async #settings(): Promise<NodeJS.ProcessEnv> {
    return {
      BUILDDIR: this.#scripts,
      TEST_SHELL: "sh",
      TEST_SSH_SSHD: SSHD,
      TEST_SSH_SFTPSERVER: "/usr/lib/openssh/sftp-server",
      TEST_SSH_IPV6: "yes",
      TEST_SSH_ECC: "yes",
      TEST_SSH_UNSAFE_PERMISSIONS: "1",
      TEST_SSH_PORT: `${await freePort()}`,
      SUDO: "",
    };
  }

  async #execute({ name }: Script, env: NodeJS.ProcessEnv, folder: string): Promise<Outcome> {
    const began = Date.now();
    const args = [join(this.#scripts, "test-exec.sh"), this.#scripts, join(this.#scripts, `${name}.sh`)];
    const child = this.#start("sh", args, {
      cwd: this.#scripts,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let hung = false;
    const limit = setTimeout(() => {
      hung = true;
      attempt(() => process.kill(-(child.pid ?? Number.NaN), "SIGKILL")); // with all that it has started
    }, LIMIT);
    // a master has the descriptors of its sessions, and so those of a script that has ended
    const masters = ended(child).then(() => endProcessesOf(this.#folder));
    const [{ code, stdout, stderr }] = await Promise.all([finished(child), masters]);
    clearTimeout(limit);
    const said = `${stdout}${stderr}`.trim();
    const skipped = /^skipp/im.test(said);
    return {
      result: hung ? "hung" : code !== 0 ? "failed" : skipped ? "skipped" : "passed",
      entries: entriesIn(folder),
      requests: linesOf(join(folder, "guarded")),
      seconds: Math.round((Date.now() - began) / 1000),
      said,
    };
  }

  readonly #start = this.#processes.start.bind(this.#processes);
}

/** In an ordinary user's namespace the helper of PAM may not look whether an account counts, and no login would. */
function withoutPam(path: string): void {
  writeFileSync(path, readFileSync(path, "utf8").replace(/^(\s*UsePAM\s+)yes$/m, "$1no"));
}

/** The programs that the suite is to use instead. */
function substitutes(
  regress: string,
  folder: string,
  { place }: Script,
  variant: Variant,
  home: Home,
): NodeJS.ProcessEnv {
  if (place === "agent") {
    if (variant === "bare") return {};
    return {
      TEST_SSH_SSHAGENT: script(join(folder, "ssh-agent"), [
        `exec ${process.execPath} ${join(programs, "openssh-agent.js")} ${folder} "$@"`,
      ]),
    };
  }
  const { XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR } = home.environment;
  const folders = { XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR };
  const set = Object.entries(folders)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
  const client = `${set} ${process.execPath} ${join(programs, "openssh-client.js")}`;
  return {
    TEST_SSH_SSH: script(join(folder, "ssh"), [
      'case " $* " in *" -Q "* | *" -V "*) exec ssh "$@" ;; esac',
      `master=$(${client} ${regress} ${folder} ${place} ${variant} "$@" </dev/null)`,
      'if [ -n "$master" ]; then exec ssh -S "$master" "$@"; else exec ssh "$@"; fi',
    ]),
  };
}

function script(path: string, lines: readonly string[]): string {
  writeFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"));
  chmodSync(path, 0o755);
  return path;
}

/** Of the logs of all guards that stood in front. */
function entriesIn(folder: string): number {
  const guards = namesIn(folder).filter((name) => name.startsWith("g"));
  return guards.reduce((sum, name) => sum + linesOf(join(folder, name, "state/muxguard/log.jsonl")), 0);
}

function linesOf(path: string): number {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
}
