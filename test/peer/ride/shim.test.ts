/**
 * The ssh of a ride, which reads the usual command lines in sh by itself: it becomes the same mux client as
 * what the program of src/runs/ride says, or leaves the line to that.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeFolder } from "../../../lab/folder.ts";
import type { PlainDestination } from "../../../src/identity/ssh/plain-destination.ts";
import { type RideCommand, rideCommand } from "../../../src/runs/ride/command.ts";
import { quoted, writeShims } from "../../../src/runs/ride/shims.ts";
import { Ways } from "../../../src/runs/ride/ways.ts";
import { commandLines, refusedLines, usualLines } from "./command-lines.ts";

/** What comes back for a line that is left to the program. */
const ASKED = "asked";
/** In sh: its arguments, which end in NUL each; and 1 behind all of them. */
const SAY = "say() { printf '%s\\0' \"$@\"; printf '\\1'; }";
/** In the place of Node: no other program has to start. */
const ASK = `ask() { echo "say ${ASKED}"; }`;
const SHELLS = ["/bin/dash", "/bin/bash"].filter((shell) => existsSync(shell));

describe.each(SHELLS)("a ride's ssh, read by %s", (shell) => {
  const folder = makeFolder();
  const shim = join(folder, "bin/ssh");
  const ways = new Ways(folder);
  const paths = new Map<string, string>();
  const server: Server = createServer();

  beforeAll(async () => {
    writeShims(folder);
    mkdirSync(join(folder, "real"));
    // says what it is called by
    writeFileSync(join(folder, "real/ssh"), `#!/bin/sh\n${SAY}; say "$@"\n`, { mode: 0o755 });
    const text = readFileSync(shim, "utf8");
    writeFileSync(shim, text.replace(/^muxguard_node=.*$/m, "muxguard_node=ask"));
    await new Promise<void>((resolve) => server.listen(join(folder, "socket"), resolve));
  });
  afterAll(() => {
    ways.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  /** A socket for each, so that it shows where a line leads to. */
  function open(destination: PlainDestination): string {
    const key = JSON.stringify(Object.entries(destination).sort());
    const path = paths.get(key) ?? join(folder, `s${paths.size}`);
    if (!paths.has(key)) {
      symlinkSync(join(folder, "socket"), path);
      paths.set(key, path);
      ways.write(destination, { path });
    }
    return path;
  }

  /** By what ssh was called for each of the lines; or that the program was asked. */
  function read(lines: readonly string[][]): string[][] {
    const each = lines.map((words) => `(set -- ${words.map(quoted).join(" ")}; . ${quoted(shim)})\n`);
    writeFileSync(join(folder, "lines"), `${SAY}\n${ASK}\n${each.join("")}`);
    const { stdout, stderr } = spawnSync(shell, [join(folder, "lines")], { maxBuffer: 2 ** 28 });
    expect(stderr.toString()).toBe("");
    const outcomes = stdout.toString().split("\u0001").slice(0, -1);
    return outcomes.map((words) => words.split("\0").slice(0, -1));
  }

  function expected(command: RideCommand): string[] | undefined {
    if (command.kind !== "ride") return undefined;
    const path = open(command.destination);
    if (command.control !== undefined || command.noSession) return undefined;
    const gone = expect.stringMatching(/^ProxyCommand=sh -c '[^']*the shared connection is gone; try again/);
    return ["-S", path, "-o", "ControlMaster=no", "-o", gone, ...command.clientArguments];
  }

  it("becomes ssh for what programs usually say", () => {
    const commands = usualLines.map((words) => expected(rideCommand(["ssh", ...words])));
    expect(commands).not.toContain(undefined);
    expect(read(usualLines)).toEqual(commands);
  });

  it("leaves what is refused to the program, and what needs more than a session", () => {
    for (const words of refusedLines)
      expect(expected(rideCommand(["ssh", ...words])), `${words}`).toBe(undefined);
    expect(read(refusedLines)).toEqual(refusedLines.map(() => [ASKED]));
  });

  it("means the same as the program, whatever the words are", () => {
    const lines = fc.sample(commandLines, { numRuns: 250, seed: 1 });
    const commands = lines.map((words) => expected(rideCommand(["ssh", ...words])));
    const outcomes = read(lines);
    expect(outcomes).toHaveLength(lines.length);
    const byItself = outcomes.flatMap((outcome, at) => (outcome[0] === ASKED ? [] : [{ at, outcome }]));
    for (const { at, outcome } of byItself) expect(outcome, JSON.stringify(lines[at])).toEqual(commands[at]);
    expect(byItself.length).toBeGreaterThan(lines.length / 10);
  });

  it("asks where there is no way, or where its socket is gone", () => {
    const path = open({ host: "left" });
    expect(read([["left"], ["nowhere"]])).toEqual([expect.arrayContaining(["-S", path]), [ASKED]]);
    rmSync(path);
    expect(read([["left"]])).toEqual([[ASKED]]);
  });

  it("hands on the file for ssh -F that the guard reads", () => {
    ways.write({ host: "configured" }, { path: join(folder, "socket"), sshConfig: "/some where/it's" });
    expect(read([["configured"]])[0]?.slice(0, 4)).toEqual([
      "-F",
      "/some where/it's",
      "-S",
      join(folder, "socket"),
    ]);
  });
});

describe("a ride's ssh", () => {
  const folder = makeFolder();
  const ways = new Ways(folder);
  afterAll(() => {
    ways.close();
    rmSync(folder, { recursive: true });
  });

  it("makes no connection of its own where nobody listens any more, and asks the next time", async () => {
    writeShims(folder);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, "listening"), resolve));
    linkSync(join(folder, "listening"), join(folder, "left"));
    await new Promise((resolve) => server.close(resolve));
    ways.write({ host: "localhost" }, { path: join(folder, "left"), sshConfig: "/dev/null" });
    const ssh = () => spawnSync(join(folder, "bin/ssh"), ["localhost", "true"], { encoding: "utf8" });
    const { status, stderr } = ssh();
    expect(status).toBe(255);
    expect(stderr).toContain("muxguard: the shared connection is gone; try again\n");
    expect(existsSync(join(folder, "ways/localhost,,,"))).toBe(false);
    expect(ssh()).toMatchObject({ status: 255, stderr: "muxguard: denied: the run has ended\n" });
  });

  it("is never the ssh that it becomes, in whatever place it lies", () => {
    mkdirSync(join(folder, "elsewhere"));
    linkSync(join(folder, "bin/ssh"), join(folder, "elsewhere/ssh"));
    const PATH = `${join(folder, "elsewhere")}:${process.env.PATH}`;
    const said = execFileSync(join(folder, "elsewhere/ssh"), ["-G", "a"], {
      env: { PATH },
      encoding: "utf8",
      stdio: "pipe",
    });
    expect(said).toContain("hostname a\n");
  });
});
