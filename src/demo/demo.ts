/**
 * `muxguard demo`: the main job, with nothing but OpenSSH's client. Three throwaway servers, a throwaway key
 * in a throwaway agent, and real ssh runs through the guard: allowed by a rule, asked about, and denied by a
 * rule. What is told of them is what the log has.
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditEvent } from "../audit/event.ts";
import { userFolders } from "../settings/paths.ts";
import {
  Difference,
  findAllowed,
  findAnswered,
  findDenied,
  findUnattended,
  type Outcome,
} from "./findings.ts";
import { checkInterrupted, interruptible } from "./interruption.ts";
import { onStage, type Stage } from "./stage.ts";

const git = { name: "git.example", answer: "git.example: up 41 days" };
const db = { name: "db.example", answer: "db.example: up 3 days" };
const prod = { name: "prod.example", answer: "the secrets of prod.example: nobody was to see this" };

const policy = `default = "ask"

[[rule]]
name   = "fetching is harmless"
host   = "${git.name}"
user   = "git"
action = "allow"

[[rule]]
name     = "the database asks"
host     = "${db.name}"
action   = "ask"
remember = "10m"                # the longest that a yes may hold

[[rule]]
name   = "hands off production"
host   = "${prod.name}"
action = "deny"
`;

const askedCommand = `ssh -F ssh_config dev@${db.name} uptime`;
const twice = `echo '   $ ${askedCommand}'
${askedCommand} || exit
echo
echo '   And once more. A yes for 10 minutes still holds; a yes for once does not.'
echo '   $ ${askedCommand}'
${askedCommand}
`;

/** Tells what it does on stdout. @throws Error if what happened is not what should happen */
export async function demo(): Promise<void> {
  await interruptible((stop) =>
    onStage([git, db, prod], { "policy.toml": policy, "twice.sh": twice }, (stage) =>
      new Demo(stage, hasTerminal(), stop).play(),
    ),
  );
}

class Demo {
  readonly #stage: Stage;
  readonly #attended: boolean;
  readonly #stop: AbortSignal;
  readonly #differences: string[] = [];
  #eventsRead = 0;

  /** @param attended whether somebody can be asked on the terminal */
  constructor(stage: Stage, attended: boolean, stop: AbortSignal) {
    this.#stage = stage;
    this.#attended = attended;
    this.#stop = stop;
  }

  async play(): Promise<void> {
    this.#introduce();
    await this.#allowed();
    await this.#asked();
    await this.#denied();
    await this.#showLog();
    if (this.#differences.length > 0) throw new Difference(this.#differences.join("\n"));
    this.#sayGoodbye();
  }

  #introduce(): void {
    say(
      "Three SSH servers on this machine, a throwaway key in a throwaway ssh-agent, and muxguard in front of it.",
    );
    say(`All of it is in ${this.#stage.folder}, which is removed at the end. Nothing of yours is touched.`);
    if (!this.#attended) say("There is no terminal to ask on, so the one question will be denied.");
    say(
      "",
      "The policy; the first rule that matches wins:",
      "",
      policy.trimEnd().replace(/^(?=.)/gm, "    "),
    );
  }

  async #allowed(): Promise<void> {
    say("", `1. Logging in to ${git.name}. A rule allows it, so it just works.`);
    const outcome = await this.#run("ssh", "-F", "ssh_config", `git@${git.name}`, "uptime");
    this.#tell(1, () => [findAllowed(outcome, git.name, "fetching is harmless")]);
  }

  async #asked(): Promise<void> {
    say("", `2. Logging in to ${db.name}. Its rule says "ask", so muxguard ${this.#whatToAnswer()}`);
    const outcome = await this.#run("sh", "twice.sh");
    this.#tell(2, () =>
      this.#attended ? findAnswered(outcome, db.name) : [findUnattended(outcome, db.name)],
    );
  }

  #whatToAnswer(): string {
    if (!this.#attended) return "would ask you now.";
    return 'asks you: choose with the arrow keys.\n   To see what an answer is good for, take "allow for 10 minutes". Keys count after a second.';
  }

  async #denied(): Promise<void> {
    say("", `3. Logging in to ${prod.name}. A rule denies it, so the key stays where it is.`);
    const outcome = await this.#run("ssh", "-F", "ssh_config", `root@${prod.name}`, "cat", "secrets");
    this.#tell(3, () => [findDenied(outcome, prod.name, "hands off production")]);
  }

  async #showLog(): Promise<void> {
    say("", "All of that is in the log:", "   $ muxguard log");
    await this.#muxguard("log");
  }

  #sayGoodbye(): void {
    const { config, state } = userFolders();
    say("", "That was the demo; for real:");
    say("   muxguard run -- ssh HOST                  one command, guarded: asks before a key is used");
    say('   muxguard daemon; eval "$(muxguard env)"   a login session, guarded');
    say(`Your rules go into ${join(config, "policy.toml")}, and your log is ${join(state, "log.jsonl")}.`);
  }

  /** Runs a guarded command in the stage's folder, and returns what came of it. */
  async #run(...command: string[]): Promise<Outcome> {
    const args = ["run", "--policy", "policy.toml", "--scope", "demo", "--", ...command];
    say(`   $ muxguard ${args.join(" ")}`);
    const exitCode = await this.#muxguard(...args);
    return { exitCode, events: this.#newEvents() };
  }

  /**
   * Returns the exit code. Without somebody to ask it gets no terminal either, even if this process has one
   * that nobody looks at.
   */
  async #muxguard(...args: string[]): Promise<number> {
    this.#stop.throwIfAborted();
    const [, script = ""] = process.argv;
    const { folder: cwd, environment: env } = this.#stage;
    const detached = !this.#attended;
    const stdin = detached ? "ignore" : "inherit";
    const child = spawn(process.execPath, [script, ...args], {
      cwd,
      env,
      detached,
      stdio: [stdin, "inherit", "inherit"],
    });
    const kill = (): void => void child.kill();
    this.#stop.addEventListener("abort", kill, { once: true });
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => resolve(code ?? 1));
    });
    this.#stop.removeEventListener("abort", kill);
    this.#stop.throwIfAborted();
    checkInterrupted(exitCode);
    return exitCode;
  }

  #newEvents(): AuditEvent[] {
    const { log } = this.#stage;
    const lines = existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : [];
    const events = lines.slice(this.#eventsRead).map((line) => JSON.parse(line) as AuditEvent);
    this.#eventsRead += events.length;
    return events;
  }

  #tell(step: number, find: () => string[]): void {
    try {
      say(...find().map((found) => `   -> ${found}`));
    } catch (error) {
      if (!(error instanceof Difference)) throw error;
      say(`   -> this is not what should have happened.`);
      this.#differences.push(`step ${step} of the demo went wrong: ${error.message}`);
    }
  }
}

/**
 * True if there is one, for reading and writing, and this process's input and output are no files or pipes
 * instead.
 */
function hasTerminal(): boolean {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  try {
    closeSync(openSync("/dev/tty", "r+"));
    return true;
  } catch {
    return false;
  }
}

function say(...lines: string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}
