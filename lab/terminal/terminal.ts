/** A terminal that a test looks at and types on: a tmux server of its own. */
import { execFileSync } from "node:child_process";
import { until } from "../processes.ts";

/** How long a prompt takes no keys, and a little more. */
const DEAF_FOR = 1100;
const SHELL = "bash --norc --noprofile";
/** In milliseconds. Each look is a program, which takes its time from those that are waited for. */
const [LIMIT, PAUSE] = [20_000, 50];

interface TerminalUser {
  uid?: number;
  gid?: number;
}

export class Terminal {
  static #count = 0;
  readonly #env: NodeJS.ProcessEnv;
  readonly #user: TerminalUser;
  #closed = false;
  /** A name of its own: the last server may still be on its way out. */
  readonly #server = `muxguard-${Terminal.#count++}`;

  /** @param user whose it is, where that is not the user who runs the tests */
  constructor(
    env: NodeJS.ProcessEnv,
    folder: string,
    command = SHELL,
    columns = 160,
    rows = 60,
    user: TerminalUser = {},
  ) {
    this.#env = env;
    this.#user = user;
    const size = ["-x", String(columns), "-y", String(rows)];
    this.#tmux("-f", "/dev/null", "new-session", "-d", ...size, "-c", folder, command);
  }

  resize(columns: number, rows: number): void {
    this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  #tmux(...args: string[]): string {
    const env = { ...this.#env, PS1: "$ ", TERM: "xterm", PROMPT_COMMAND: "" };
    const options = { ...this.#user, env, encoding: "utf8", stdio: "pipe" } as const;
    return execFileSync("tmux", ["-L", this.#server, ...args], options);
  }

  /** Keys as tmux names them: "Enter", "Down", "C-c". */
  press(...keys: string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  type(text: string): void {
    this.#tmux("send-keys", "-l", text);
  }

  enter(command: string): void {
    this.type(command);
    this.press("Enter");
  }

  /** What is on the screen; with `escapes`, the colours too. */
  screen(escapes = false): string {
    return this.#tmux("capture-pane", "-p", "-J", ...(escapes ? ["-e"] : []));
  }

  async shows(text: string | RegExp): Promise<void> {
    const isThere = () =>
      typeof text === "string" ? this.screen().includes(text) : text.test(this.screen());
    await until(isThere, `${text}`, LIMIT, PAUSE).catch((error) => {
      throw new Error(`${error.message} on the screen:\n${this.screen()}`);
    });
  }

  /** Waits for the question, and until its keys count. */
  async isAsked(): Promise<void> {
    await this.shows(/Allow it\?[\s\S]*❯ deny/);
    await this.keysCount();
  }

  async keysCount(): Promise<void> {
    const shown = Date.now();
    await until(() => Date.now() - shown > DEAF_FOR, "keys to count");
  }

  /** What a command prints, on one line, that is run when the shell is back. */
  async output(command: string): Promise<string> {
    const mark = `mark${Math.random().toString(36).slice(2)}`;
    this.enter(`echo ${mark}-"$(${command})"-${mark}`);
    const found = () => new RegExp(`${mark}-([^"$][^]*?)-${mark}`).exec(this.screen())?.[1];
    await until(() => found() !== undefined, command, LIMIT, PAUSE).catch((error) => {
      throw new Error(`${error.message} on the screen:\n${this.screen()}`);
    });
    return found() ?? "";
  }

  title(): string {
    return this.#tmux("display-message", "-p", "#{pane_title}").trim();
  }

  /** Hangs up, as when its window is closed. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#tmux("kill-server");
    } catch {
      // its command has ended, and the server with it
    }
  }
}
