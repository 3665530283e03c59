/**
 * A real Chromium without a window, driven over a pipe: the DevTools protocol, NUL behind each message.
 * https://chromedevtools.github.io/devtools-protocol/
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import type { Start } from "./processes.ts";

/** Debian's name first. */
export const BROWSERS = ["chromium", "chromium-browser", "google-chrome"];

interface Reply {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
}

export class Browser {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(result: object): void; reject(error: Error): void }>();
  /** What the page asked the network for. */
  readonly requests: string[] = [];
  #last = 0;
  #session: string | undefined;
  #rest = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    (child.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => this.#take(text));
    child.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the browser has ended"));
    });
  }

  /** @param folder for its own files */
  static async open(start: Start, folder: string, program: string, file: string): Promise<Browser> {
    const flags = [
      "--headless=new",
      "--remote-debugging-pipe",
      `--user-data-dir=${folder}`,
      "--no-first-run",
    ];
    // its own sandbox wants more than a container gives, and it sees a page of the test's own
    const quiet = [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
    ];
    const stdio = ["ignore", "ignore", "ignore", "pipe", "pipe"] as const;
    const environment = { ...process.env, HOME: folder };
    const child = start(program, [...flags, ...quiet], { stdio: [...stdio], env: environment });
    await once(child, "spawn");
    const browser = new Browser(child);
    const { targetId } = await browser.#ask("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await browser.#ask("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = String(sessionId);
    await browser.#ask("Network.enable");
    await browser.#ask("Page.enable");
    await browser.#ask("Emulation.setDeviceMetricsOverride", {
      ...{ width: 1100, height: 2400, deviceScaleFactor: 1, mobile: false },
    });
    await browser.#ask("Page.navigate", { url: pathToFileURL(file).href });
    await browser.evaluate(
      "new Promise((done) => document.readyState === 'complete' ? done() : onload = done)",
    );
    return browser;
  }

  /** The value of an expression in the page. @throws Error as the page throws it */
  async evaluate(expression: string): Promise<unknown> {
    const asked = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.#ask("Runtime.evaluate", asked);
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value?: unknown }).value;
  }

  /** Clicks with the mouse in the middle of an element. */
  async click(selector: string): Promise<void> {
    const place = await this.evaluate(`(() => {
      const found = document.querySelector(${JSON.stringify(selector)});
      found.scrollIntoView({ block: "center" });
      const { x, y, width, height } = found.getBoundingClientRect();
      return { x: x + width / 2, y: y + height / 2 };
    })()`);
    for (const type of ["mousePressed", "mouseReleased"])
      await this.#ask("Input.dispatchMouseEvent", {
        ...(place as object),
        type,
        button: "left",
        clickCount: 1,
      });
  }

  /** Types into what has the focus. */
  async type(text: string): Promise<void> {
    await this.#ask("Input.insertText", { text });
  }

  /** A key of the keyboard, by the name of the DOM. */
  async press(key: string, code: number): Promise<void> {
    for (const type of ["keyDown", "keyUp"])
      await this.#ask("Input.dispatchKeyEvent", { type, key, code: key, windowsVirtualKeyCode: code });
  }

  /** @returns a PNG */
  async picture(): Promise<Buffer> {
    const { data } = await this.#ask("Page.captureScreenshot", { format: "png" });
    return Buffer.from(String(data), "base64");
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#send({ id: ++this.#last, method: "Browser.close" });
    await ended;
  }

  #ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#last;
    const asked = new Promise<object>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#send({ id, method, params, ...(this.#session !== undefined && { sessionId: this.#session }) });
    return asked as Promise<Record<string, unknown>>;
  }

  #send(message: object): void {
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
  }

  #take(text: string): void {
    const [rest = "", ...messages] = `${this.#rest}${text}`.split("\0").reverse();
    this.#rest = rest;
    for (const message of messages.reverse()) this.#hear(JSON.parse(message) as Reply);
  }

  #hear({ id, method, params, result, error }: Reply): void {
    if (method === "Network.requestWillBeSent")
      this.requests.push((params as { request: { url: string } }).request.url);
    const waiting = this.#waiting.get(id ?? 0);
    this.#waiting.delete(id ?? 0);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result ?? {});
  }
}
