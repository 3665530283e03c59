import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { listenAtControlPath } from "../../../src/platform/sockets/control-socket.ts";
import { DescriptorSocket } from "../../../src/platform/sockets/descriptor-socket.ts";
import { isTerminal, tell } from "../../../src/platform/sockets/user-stream.ts";
import { makeFolder } from "../../support/agents.ts";
import { copiesOf, eventually } from "../../support/mux-guard.ts";

const LINE = "muxguard: denied\n";

function open(path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  onTestFinished(() => closeSync(fd));
  return fd;
}

/** Both ends of a pipe; writing may block, as on the pipe of a shell. */
function makePipe(): { path: string; reader: number; writer: number } {
  const path = join(makeFolder(), "pipe");
  execFileSync("mkfifo", [path]);
  const reader = open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { path, reader, writer: open(path, "w") };
}

function fill(path: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    for (;;) writeSync(fd, Buffer.alloc(4096, "x"));
  } catch {
    closeSync(fd);
  }
}

function readAll(fd: number): string {
  let text = "";
  const buffer = Buffer.alloc(4096);
  try {
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer))
      text += buffer.toString("utf8", 0, length);
  } catch {
    // nothing more
  }
  return text;
}

/**
 * A pseudo-terminal that another process holds. It repeats what comes out of it; `stop` and `go` are Ctrl-S
 * and Ctrl-Q.
 */
async function makeTerminal(): Promise<{
  fd: number;
  path: string;
  said: () => string;
  child: ChildProcess;
}> {
  const script = `
import os, pty, select, sys, termios
master, slave = pty.openpty()
print(os.ttyname(slave), flush=True)
while True:
  ready, _, _ = select.select([master, 0], [], [])
  if master in ready:
    sys.stdout.write(os.read(master, 4096).decode()); sys.stdout.flush()
  if 0 in ready:
    word = os.read(0, 4096).decode().strip()
    if word == "": break
    termios.tcflow(slave, termios.TCOOFF if word == "stop" else termios.TCOON)
    print(word, flush=True)`;
  const child = spawn("python3", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  let text = "";
  child.stdout?.on("data", (chunk) => {
    text += chunk;
  });
  await eventually(() => text.includes("\n"));
  const path = text.trim();
  text = "";
  const fd = open(path, constants.O_RDWR | constants.O_NOCTTY);
  return { fd, path, said: () => text, child };
}

describe("a line for the user", () => {
  it("goes into a file where the user's own output is", async () => {
    const path = join(makeFolder(), "file");
    writeFileSync(path, "what was there before, and is longer than all the rest\n");
    const fd = open(path, "r+");
    writeSync(fd, "one\n");
    await tell(fd, LINE);
    writeSync(fd, "two\n");
    expect(readFileSync(path, "utf8")).toMatch(/^one\nmuxguard: denied\ntwo\n/);
  });

  it("is appended to a file that is open for appending", async () => {
    const path = join(makeFolder(), "file");
    writeFileSync(path, "one\n");
    await tell(open(path, "a"), LINE);
    expect(readFileSync(path, "utf8")).toBe(`one\n${LINE}`);
  });

  it("goes through a pipe, and leaves it as it was: writing may block", async () => {
    const { path, reader, writer } = makePipe();
    await tell(writer, LINE);
    expect(readAll(reader)).toBe(LINE);
    expect(readFileSync(`/proc/self/fdinfo/${writer}`, "utf8")).not.toMatch(/flags:\s*\d*4\d{3}$/m);
    await eventually(() => copiesOf(path) === 2);
  });

  it("goes through a socket", async () => {
    const path = join(makeFolder(), "s");
    const received: Buffer[] = [];
    const listener = await listenAtControlPath(path, (socket) =>
      socket.listen({ receive: (bytes) => void received.push(bytes), closed: () => {} }),
    );
    onTestFinished(() => listener.close());
    const socket = DescriptorSocket.connect(path);
    onTestFinished(() => socket.destroy());
    await tell(socket.fd, LINE);
    await eventually(() => Buffer.concat(received).toString() === LINE);
  });

  it("goes to a terminal", async () => {
    const { fd, path, said } = await makeTerminal();
    await tell(fd, LINE);
    await eventually(() => said().includes("denied\r\n"));
    await eventually(() => copiesOf(path) === 1);
  });
});

describe("a line that can't be told is left out, and nobody waits", () => {
  it("where a pipe is full", async () => {
    const { path, reader, writer } = makePipe();
    fill(path);
    await tell(writer, LINE);
    expect(readAll(reader)).toMatch(/^x+$/);
    await eventually(() => copiesOf(path) === 2);
  });

  it("where nobody reads a pipe any more", async () => {
    const path = join(makeFolder(), "pipe");
    execFileSync("mkfifo", [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = open(path, "w");
    closeSync(reader);
    await tell(writer, LINE);
  });

  it("where a socket is full, or nobody is there", async () => {
    const path = join(makeFolder(), "s");
    const accepted: DescriptorSocket[] = [];
    const listener = await listenAtControlPath(path, (socket) => accepted.push(socket));
    onTestFinished(() => listener.close());
    const socket = DescriptorSocket.connect(path);
    onTestFinished(() => socket.destroy());
    socket.send(Buffer.alloc(1 << 20));
    await tell(socket.fd, LINE);
    await eventually(() => accepted.length === 1);
    accepted[0]?.destroy();
    await tell(socket.fd, LINE);
  });

  it("where a terminal is stopped with Ctrl-S", async () => {
    const { fd, said, child } = await makeTerminal();
    child.stdin?.write("stop\n");
    await eventually(() => said() === "stop\n");
    await tell(fd, "not seen\n");
    child.stdin?.write("go\n");
    await eventually(() => said().includes("go\n"));
    await tell(fd, LINE);
    await eventually(() => said().includes("denied\r\n"));
    expect(said()).not.toContain("not seen");
  });

  it.each([
    ["is open for reading alone", () => open("/proc/self/status", "r")],
    ["is a folder", () => open("/", "r")],
    ["swallows all", () => open("/dev/null", "w")],
    ["is always full", () => open("/dev/full", "w")],
    ["is closed", () => 1_000_000],
  ])("where the stream %s", async (_, make) => {
    await expect(tell(make(), LINE)).resolves.toBeUndefined();
  });
});

it("knows a terminal from everything else", async () => {
  const { fd } = await makeTerminal();
  const { writer } = makePipe();
  expect(isTerminal(fd)).toBe(true);
  for (const other of [writer, open("/dev/null", "w"), open("/proc/self/status", "r"), 1_000_000])
    expect(isTerminal(other)).toBe(false);
});
