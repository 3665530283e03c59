import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ended } from "../../../lab/lab.ts";
import {
  type Accepted,
  answers,
  type Listener,
  listenPrivately,
} from "../../../src/platform/sockets/listener.ts";

let folder: string;
const listeners: Pick<Listener, "close">[] = [];

const isRoot = userInfo().uid === 0;
if (!isRoot) console.warn("skipped, as only root may do so: connecting as another user");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mg-"));
});
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
  rmSync(folder, { recursive: true });
});

async function listen(
  name = "s",
  serve: (socket: Socket, accepted: Accepted) => void = () => {},
): Promise<string> {
  const listener = await listenPrivately(join(folder, name), serve);
  listeners.push(listener);
  return listener.path;
}

/** A socket whose listener was killed. */
async function staleSocket(path: string): Promise<void> {
  const script = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  await ended(spawn(process.execPath, ["-e", script, path]));
  expect(statSync(path).isSocket()).toBe(true);
}

/** Removes what comes to be at the path, as soon as it is there. */
async function startRemover(path: string): Promise<ChildProcess> {
  const script = `process.stdout.write("ready");
    for (;;) try { require("node:fs").unlinkSync(process.argv[1]); } catch {}`;
  const remover = spawn(process.execPath, ["-e", script, path], { stdio: ["ignore", "pipe", "inherit"] });
  await once(remover.stdout as Readable, "data");
  return remover;
}

/** How many sockets of that name listen: /proc/net/unix has their names, also of those that were unlinked. */
function listeningAt(path: string): number {
  const lines = readFileSync("/proc/net/unix", "utf8").split("\n");
  return lines.filter((line) => line.endsWith(` ${path}`) && / 00010000 /.test(line)).length;
}

describe("a private listener", () => {
  it("listens also where its name is removed at once, and leaves nothing behind that listens", async () => {
    const path = join(folder, "s");
    const remover = await startRemover(path);
    let removed = 0;
    try {
      for (let time = 0; time < 200; time++) {
        const listener = await listenPrivately(path, () => {});
        if (!listener.isInPlace()) removed++;
        await listener.close();
      }
    } finally {
      remover.kill("SIGKILL");
    }
    expect(removed).toBeGreaterThan(0);
    expect(listeningAt(path)).toBe(0);
  });

  it("has a socket of mode 0600, whatever the umask is", async () => {
    const before = process.umask(0);
    try {
      expect(statSync(await listen()).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(before);
    }
  });

  it("hands over each connection with its descriptor and who made it", async () => {
    const path = await listen("s", (socket, accepted) => socket.end(JSON.stringify(accepted)));
    const [chunk] = await once(connect(path), "data");
    const { descriptor, pid, uid } = JSON.parse(String(chunk));
    expect(descriptor).toBeGreaterThan(2);
    expect({ pid, uid }).toEqual({ pid: process.pid, uid: process.getuid?.() });
  });

  it("takes its path back from another's socket, which then nobody comes to; and leaves nothing", async () => {
    const listener = await listenPrivately(join(folder, "s"), (socket) => socket.end("ours"));
    const theirs = createServer((socket) => socket.end("theirs"));
    renameSync(listener.path, join(folder, "moved"));
    await new Promise<void>((resolve) => theirs.listen(listener.path, resolve));
    expect(listener.isInPlace()).toBe(false);
    await listener.putBack();
    expect(listener.isInPlace()).toBe(true);
    expect(String((await once(connect(listener.path), "data"))[0])).toBe("ours");
    expect(statSync(listener.path).mode & 0o777).toBe(0o600);
    await listener.close();
    expect(readdirSync(folder)).toEqual(["moved"]);
    theirs.close();
  });

  it("leaves another's socket at its path when it ends after it was put back", async () => {
    const listener = await listenPrivately(join(folder, "s"), () => {});
    await listener.putBack();
    rmSync(listener.path);
    writeFileSync(listener.path, "theirs");
    await listener.close();
    expect(readdirSync(folder)).toEqual(["s"]);
  });

  it("replaces a socket that a crash left behind", async () => {
    const path = join(folder, "s");
    await staleSocket(path);
    await listen();
    expect(await answers(path)).toBe(true);
  });

  it("leaves a socket alone that somebody listens at", async () => {
    const path = await listen();
    await expect(listen()).rejects.toThrow(`somebody listens at ${path} already (muxguard status)`);
    expect(await answers(path)).toBe(true);
  });

  it.each<[string, (path: string) => void]>([
    ["a file", (path) => writeFileSync(path, "mine")],
    ["a link", (path) => symlinkSync("elsewhere", path)],
  ])("leaves %s alone that is in the way", async (_, put) => {
    const path = join(folder, "s");
    put(path);
    await expect(listen()).rejects.toThrow(`${path} is in the way, and is no socket`);
  });

  it("refuses a path that has no room in a socket's address", async () => {
    const longest = "s".repeat(107 - folder.length - 1);
    await listen(longest);
    await expect(listen(`${longest}s`)).rejects.toThrow(
      `socket path of 108 bytes, 107 are the most: ${join(folder, longest)}s`,
    );
    await expect(listen("é".repeat(60))).rejects.toThrow("107 are the most");
  });

  it("leaves nothing behind when it closes, and ends the connections", async () => {
    const listener = await listenPrivately(join(folder, "s"), () => {});
    const socket = connect(listener.path);
    await once(socket, "connect");
    const closed = once(socket, "close");
    await listener.close();
    await closed;
    expect(statSync(listener.path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it("leaves another's socket in its place when it closes", async () => {
    const listener = await listenPrivately(join(folder, "s"), () => {});
    renameSync(await listen("other"), listener.path);
    await listener.close();
    expect(await answers(listener.path)).toBe(true);
  });

  it.skipIf(!isRoot)("closes a connection of another user at once", async () => {
    let served = 0;
    const path = await listen("s", () => served++);
    chmodSync(folder, 0o755);
    chmodSync(path, 0o666);
    const script = `require("net").connect(process.argv[1]).on("close", () => console.log("closed"))`;
    const nobody: ChildProcess = spawn(process.execPath, ["-e", script, path], {
      uid: 65534,
      gid: 65534,
      cwd: "/",
    });
    const [chunk] = await once(nobody.stdout ?? nobody, "data");
    expect(String(chunk)).toBe("closed\n");
    expect(served).toBe(0);
  });
});

describe("a probe", () => {
  it("finds out whether somebody listens", async () => {
    expect(await answers(join(folder, "missing"))).toBe(false);
    await staleSocket(join(folder, "stale"));
    expect(await answers(join(folder, "stale"))).toBe(false);
    const server: Server = createServer().listen(join(folder, "live"));
    await once(server, "listening");
    expect(await answers(join(folder, "live"))).toBe(true);
    server.close();
  });
});
