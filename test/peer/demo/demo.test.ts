import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sshProcesses } from "../../../lab/masters.ts";

/** How long a prompt ignores keys (src/approver/terminal/approver.ts), and a little more. */
const DEAF_FOR = 1100;
const DOWN = "\x1b[B";
const ENTER = "\r";
const CTRL_C = "\x03";

let temporary: string;
let environment: NodeJS.ProcessEnv;

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), "mgt-"));
  environment = { ...process.env, TMPDIR: temporary, SHELL: "/bin/sh" };
});

afterEach(() => rmSync(temporary, { recursive: true }));

/** Neither files, nor masters: these hold no output of the demo's. */
function expectNothingLeft(): void {
  expect(readdirSync(temporary)).toEqual([]);
  expect(sshProcesses(temporary)).toEqual([]);
}

/** A run of the demo, and what it has printed so far. */
class DemoRun {
  output = "";
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += stripVTControlCharacters(text);
      });
  }

  /** Resolves when it has printed that. */
  prints(text: string | RegExp): Promise<void> {
    const isThere = (): boolean =>
      typeof text === "string" ? this.output.includes(text) : text.test(this.output);
    return new Promise((resolve, reject) => {
      this.#child.stdout?.on("data", () => isThere() && resolve());
      this.#child.once("close", () => reject(new Error(`it ended without "${text}":\n${this.output}`)));
    });
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /**
   * Resolves when the demo and everything that it started have let go of its output: no process is left then.
   */
  async ended(): Promise<{ exitCode: number | null }> {
    const [exitCode] = await once(this.#child, "close");
    return { exitCode };
  }
}

function unattended(): DemoRun {
  // a session of its own has no terminal
  const child = spawn(process.execPath, ["bin/muxguard", "demo"], {
    env: environment,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new DemoRun(child);
}

function onTerminal(): DemoRun {
  const command = `stty rows 50 cols 200; exec '${process.execPath}' bin/muxguard demo`;
  return new DemoRun(spawn("script", ["-qec", command, "/dev/null"], { env: environment }));
}

test("shows its logins and sessions to nobody, and leaves nothing behind", async () => {
  const demo = unattended();
  expect(await demo.ended()).toEqual({ exitCode: 0 });
  expect(demo.output).toContain("There is no terminal to ask on");
  expect(demo.output).toMatch(/^git\.example: up 41 days$/m);
  expect(demo.output).toContain('-> allowed by the rule "git may log in"');
  expect(demo.output).toContain("muxguard: denied: log in to db.example as dev");
  expect(demo.output).toContain("-> denied: without a terminal there is nobody to ask");
  expect(demo.output).toContain("muxguard: denied: log in to prod.example with key");
  expect(demo.output).toContain('-> denied by the rule "hands off production"');
  expect(demo.output).not.toContain("secrets of prod");
  expect(demo.output.match(/^web\.example: up 9 days$/gm)).toHaveLength(2);
  expect(demo.output).toMatch(/-> a login took \d\.\d{3} s, this session \d\.\d{3} s: /);
  expect(demo.output).toContain('muxguard: denied: run "cat secrets" on web.example as ops');
  expect(demo.output).toContain("the server has seen no login since");
  expect(demo.output.match(/^\d{4}-\S+ \S+ \S+ (?:allow|deny) /gm)).toHaveLength(8);
  expectNothingLeft();
});

test("asks on a terminal, once for two logins when the answer is remembered", async () => {
  const demo = onTerminal();
  await demo.prints("allow for 10 minutes\r");
  await sleep(DEAF_FOR);
  demo.type(DOWN + DOWN + ENTER);
  expect(await demo.ended()).toEqual({ exitCode: 0 });
  expect(demo.output.match(/db\.example: up 3 days/g)).toHaveLength(2);
  expect(demo.output).toContain("-> allowed by you.");
  expect(demo.output).toContain("-> then allowed without asking, as your answer still holds.");
  expectNothingLeft();
});

test("leaves nothing behind when it is interrupted at the question", async () => {
  const demo = onTerminal();
  await demo.prints("allow for 10 minutes\r");
  await sleep(DEAF_FOR);
  demo.type(CTRL_C);
  expect(await demo.ended()).toEqual({ exitCode: 130 });
  expect(demo.output).not.toContain("Logging in to prod.example");
  expectNothingLeft();
});

test("leaves nothing behind when it is interrupted while a daemon holds a connection", async () => {
  const demo = onTerminal();
  await demo.prints("allow for 10 minutes\r");
  await sleep(DEAF_FOR);
  demo.type(DOWN + ENTER); // once: it is asked again
  await demo.prints(/And once more[\s\S]*asked by: [\s\S]*allow for 10 minutes\r/);
  await sleep(DEAF_FOR);
  demo.type(ENTER);
  await demo.prints("-> open.");
  demo.type(CTRL_C);
  expect(await demo.ended()).toEqual({ exitCode: 130 });
  expect(demo.output).not.toContain("That was the demo");
  expectNothingLeft();
});

test.each(["SSH servers", "-> open."])(
  "ends quietly, and leaves nothing behind, when nobody reads what it prints after: %s",
  async (text) => {
    const child = spawn(process.execPath, ["bin/muxguard", "demo"], { env: environment, detached: true });
    let complaints = "";
    child.stderr.setEncoding("utf8").on("data", (said: string) => {
      if (child.stdout.destroyed) complaints += said;
    });
    await new DemoRun(child).prints(text);
    child.stdout.destroy();
    expect(await once(child, "close")).toEqual([0, null]);
    expect(complaints).not.toMatch(/^muxguard: /m);
    expectNothingLeft();
  },
);
