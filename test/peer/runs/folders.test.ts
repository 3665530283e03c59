/** Folders in the runtime folder: which are left behind, and which somebody holds, whatever its pid is. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeFifo } from "../../../src/platform/libc/descriptors.ts";
import { type Listener, listenPrivately } from "../../../src/platform/sockets/listener.ts";
import {
  freeRunFolder,
  holdFolder,
  isRunFolder,
  removeLeftovers,
  removeLeftRides,
  removeLeftRuns,
  removeLeftSockets,
  runPid,
} from "../../../src/runs/folders.ts";

/** No process here has it, as in another pid namespace. */
const ELSEWHERE = 2 ** 30;

let runtime: string;
let open: { close(): unknown }[];
let ended: string[];

beforeEach(() => {
  runtime = mkdtempSync(join(tmpdir(), "mg-"));
  open = [];
  ended = [];
});
afterEach(async () => {
  for (const one of open) await one.close();
  rmSync(runtime, { recursive: true });
});

function make(name: string): string {
  const folder = join(runtime, name);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

async function listen(path: string): Promise<Listener> {
  const listener = await listenPrivately(path, (socket) => void socket.destroy());
  open.push(listener);
  return listener;
}

/** As a holder that was killed leaves it. */
function leaveHeld(folder: string): void {
  holdFolder(folder).close();
}

/** A socket whose owner was killed. */
async function leaveSocket(path: string): Promise<void> {
  const script = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  const child = spawn(process.execPath, ["-e", script, path]);
  await once(child, "exit");
}

function makeOld(folder: string): void {
  const before = Date.now() / 1000 - 3600;
  utimesSync(folder, before, before);
}

const removeRuns = () => removeLeftRuns(runtime, async (folder) => void ended.push(folder));

describe("the folder of a run stays", () => {
  it("while somebody holds it, also in another pid namespace", async () => {
    const folder = make(`run-${ELSEWHERE}`);
    open.push(holdFolder(folder));
    makeOld(folder);
    await removeRuns();
    expect(existsSync(folder)).toBe(true);
  });

  it("while somebody listens at its agent socket, as the runs of an older muxguard do", async () => {
    const folder = make(`run-${ELSEWHERE}`);
    await listen(join(folder, "agent.sock"));
    await removeRuns();
    expect(existsSync(folder)).toBe(true);
  });

  it("while it has nothing in it yet", async () => {
    const folder = make(`run-${ELSEWHERE}`);
    await removeRuns();
    expect(existsSync(folder)).toBe(true);
  });
});

describe("the folder of a run is removed", () => {
  it("once nobody holds it any more", async () => {
    const folder = make(`run-${ELSEWHERE}-0a1b2c3d`);
    leaveHeld(folder);
    await removeRuns();
    expect(existsSync(folder)).toBe(false);
  });

  it("once nobody listens at its agent socket, as an older muxguard leaves it", async () => {
    const folder = make(`run-${ELSEWHERE}`);
    await leaveSocket(join(folder, "agent.sock"));
    await removeRuns();
    expect(existsSync(folder)).toBe(false);
    expect(ended).toEqual([]);
  });

  it("although another process has its pid by now", async () => {
    const folder = make(`run-${process.pid}`);
    leaveHeld(folder);
    await removeRuns();
    expect(existsSync(folder)).toBe(false);
  });

  it("with the masters of a ride, which are ended first", async () => {
    const folder = make(`run-${ELSEWHERE}`);
    mkdirSync(join(folder, "control"));
    leaveHeld(folder);
    await removeRuns();
    expect(existsSync(folder)).toBe(false);
    expect(ended).toEqual([join(folder, "control")]);
  });

  it("where nothing ever came into it", async () => {
    makeOld(make(`run-${ELSEWHERE}`));
    await removeRuns();
    expect(existsSync(join(runtime, `run-${ELSEWHERE}`))).toBe(false);
  });

  it("and nothing else is: neither other names, nor a file", async () => {
    const others = ["control", "run-x", "turn-34816.sock", "ride-1-00"].map(make);
    for (const other of others) makeOld(other);
    await removeRuns();
    expect(others.every((other) => existsSync(other))).toBe(true);
  });
});

describe("the folder of a popup", () => {
  it("stays while whoever asks has its FIFO open, and goes when nobody does", async () => {
    const folder = make(`askpass-${ELSEWHERE}-0a1b2c3d`);
    makeFifo(join(folder, "hold"));
    const fd = openSync(join(folder, "hold"), constants.O_RDWR | constants.O_NONBLOCK);
    await removeRuns();
    expect(existsSync(folder)).toBe(true);
    closeSync(fd);
    await removeRuns();
    expect(existsSync(folder)).toBe(false);
  });
});

describe("a daemon that starts", () => {
  const start = () => removeLeftovers(runtime, async (folder) => void ended.push(folder));

  it("removes what a killed one left: the popup, sockets of runs, rides, and runs of killed guards", async () => {
    makeFifo(join(make("popup"), "hold"));
    await leaveSocket(join(runtime, "0123456789ab.sock"));
    leaveHeld(make(`ride-${ELSEWHERE}-0a1b2c3d`));
    leaveHeld(make(`run-${ELSEWHERE}`));
    await start();
    expect(readdirSync(runtime)).toEqual([]);
  });

  it("leaves a popup that somebody holds, and one that is a link", async () => {
    const folder = make("popup");
    makeFifo(join(folder, "hold"));
    const fd = openSync(join(folder, "hold"), constants.O_RDWR | constants.O_NONBLOCK);
    await start();
    expect(existsSync(folder)).toBe(true);
    closeSync(fd);
    const elsewhere = make("elsewhere");
    makeFifo(join(elsewhere, "hold"));
    rmSync(folder, { recursive: true });
    symlinkSync(elsewhere, folder);
    await start();
    expect(existsSync(join(elsewhere, "hold"))).toBe(true);
  });
});

describe("the folder of a ride", () => {
  it("stays while the run goes on, although its daemon has crashed, and goes when the run has ended", async () => {
    const folder = make(`ride-${ELSEWHERE}-0a1b2c3d`);
    const held = holdFolder(folder);
    await leaveSocket(join(folder, "ride.sock"));
    removeLeftRides(runtime);
    expect(existsSync(folder)).toBe(true);
    held.close();
    removeLeftRides(runtime);
    expect(existsSync(folder)).toBe(false);
  });

  it("stays where an older muxguard holds it, as the pid in its name shows", async () => {
    const [held, left] = [make(`ride-${process.pid}-0a1b2c3d`), make(`ride-${ELSEWHERE}-0a1b2c3d`)];
    for (const folder of [held, left]) makeOld(folder);
    removeLeftRides(runtime);
    expect([held, left].map((folder) => existsSync(folder))).toEqual([true, false]);
  });
});

it("sockets of a killed daemon's runs go; one at which somebody listens stays, as does what is no socket", async () => {
  const names = ["0123456789ab.sock", "0123456789ab.ask", ".7.0c1.new", "agent.sock", "living.sock"];
  for (const name of names) await leaveSocket(join(runtime, name));
  await listen(join(runtime, "ba9876543210.sock"));
  symlinkSync(join(runtime, "agent.sock"), join(runtime, "aaaaaaaaaaaa.sock"));
  writeFileSync(join(runtime, "bbbbbbbbbbbb.ask"), "");
  await removeLeftSockets(runtime);
  const stay = ["aaaaaaaaaaaa.sock", "agent.sock", "ba9876543210.sock", "bbbbbbbbbbbb.ask", "living.sock"];
  expect(readdirSync(runtime).sort()).toEqual(stay);
});

it("a run's folder has its pid for a name, and more where that is taken, in another pid namespace", () => {
  const usual = freeRunFolder(runtime);
  expect(usual).toBe(join(runtime, `run-${process.pid}`));
  mkdirSync(usual);
  expect(freeRunFolder(runtime)).toMatch(/run-\d+-[0-9a-f]+$/);
  expect(["run-7", "run-7-00ff"].map(runPid)).toEqual([7, 7]);
  expect(["run-", "run-7-", "run-7/..", "ride-7-00ff"].filter(isRunFolder)).toEqual([]);
});
