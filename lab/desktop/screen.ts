/** A screen that nobody sees, and the notifications on it. */
import { type ChildProcess, spawn } from "node:child_process";
import { ended, endOf, firstWords } from "../processes.ts";

/** A screen that nobody sees. */
export class Screen {
  readonly display: string;
  readonly #server: ChildProcess;

  private constructor(display: string, server: ChildProcess) {
    this.display = display;
    this.#server = server;
  }

  /** @param options more of Xvfb's */
  static async start(size = "640x400x24", ...options: string[]): Promise<Screen> {
    // it would start anew when its last client has gone, and drop one that comes meanwhile
    const args = ["-displayfd", "1", "-screen", "0", size, "-nolisten", "tcp", "-noreset", ...options];
    const server = spawn("Xvfb", args, { stdio: ["ignore", "pipe", "ignore"] });
    return new Screen(`:${await firstWords(server)}`, server);
  }

  close(): Promise<void> {
    return endOf(this.#server);
  }

  /** As by the system: it says good-bye to nobody, and its socket stays. */
  async die(): Promise<void> {
    this.#server.kill("SIGKILL");
    await ended(this.#server);
  }
}
