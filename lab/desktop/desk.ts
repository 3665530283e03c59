/** x11-ssh-askpass on a screen that nobody sees, with keys and clicks as the X server passes them on. */
import { execFileSync } from "node:child_process";
import { type Lab, until } from "../lab.ts";
import { endOf } from "../processes.ts";
import { Screen } from "./screen.ts";

/** How long OK does not count after the program was started, and a little more. */
const DEAF_FOR = 1600;
const TITLE = "OpenSSH Authentication Passphrase Request";
export const WIDTH = 1024;
export const HEIGHT = 768;

/** What is on the screen of a laboratory, and whoever sits in front of it. */
export class Desk {
  readonly #lab: Lab;
  readonly #screen: Screen;

  private constructor(lab: Lab, screen: Screen) {
    this.#lab = lab;
    this.#screen = screen;
    lab.environment.DISPLAY = screen.display;
  }

  /** @param options more of Xvfb's */
  static async open(lab: Lab, ...options: string[]): Promise<Desk> {
    return new Desk(lab, await Screen.start(`${WIDTH}x${HEIGHT}x24`, ...options));
  }

  get display(): string {
    return this.#screen.display;
  }

  close(): Promise<void> {
    return this.#screen.close();
  }

  xdotool(...args: string[]): string {
    return execFileSync("xdotool", args, { env: this.#lab.environment, encoding: "utf8", stdio: "pipe" });
  }

  windows(): string[] {
    try {
      return this.xdotool("search", "--onlyvisible", "--name", TITLE).trim().split("\n");
    } catch {
      return []; // it found none
    }
  }

  shows(count: number): Promise<void> {
    return until(() => this.windows().length === count, `${count} windows`);
  }

  /** The window, once its OK counts. */
  async asks(): Promise<string> {
    await this.shows(1);
    const shown = performance.now();
    await until(() => performance.now() - shown > DEAF_FOR, "OK to count");
    return this.windows()[0] ?? "";
  }

  /** Until the window is gone: it takes no keys before it has grabbed them. */
  async press(key: string): Promise<void> {
    const pressed = (): boolean => {
      if (this.windows().length === 0) return true;
      this.xdotool("key", key);
      return false;
    };
    await until(pressed, `the end of the window by ${key}`);
  }

  /** The buttons are at a third and at two thirds of its width. */
  async click(button: "OK" | "Cancel"): Promise<void> {
    const { window, width, height } = this.geometry();
    const x = Math.round((width * (button === "OK" ? 1 : 2)) / 3);
    this.xdotool("mousemove", "--window", window, `${x}`, `${height - 25}`, "click", "1");
    await this.shows(0);
  }

  geometry(): { window: string; x: number; y: number; width: number; height: number } {
    const [window = ""] = this.windows();
    const lines = this.xdotool("getwindowgeometry", "--shell", window).trim().split("\n");
    const values = Object.fromEntries(lines.map((line) => line.split("=")));
    const [x, y, width, height] = ["X", "Y", "WIDTH", "HEIGHT"].map((name) => Number(values[name]));
    return { window, x: x ?? 0, y: y ?? 0, width: width ?? 0, height: height ?? 0 };
  }

  /** As when it is held down: from before the window is there. Returns what lets it go. */
  hold(key: string): () => Promise<void> {
    const args = ["key", "--repeat", "100000", "--repeat-delay", "20", key];
    const held = this.#lab.start("xdotool", args, { stdio: "ignore" });
    return async () => {
      await endOf(held);
      this.xdotool("keyup", key); // it may have ended with the key down, which the server then repeats
    };
  }
}
