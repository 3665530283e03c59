import { spawn } from "node:child_process";
import { fstatSync, readlinkSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { finished } from "../../../lab/lab.ts";
import { closeDescriptors } from "../../../src/platform/libc/descriptors.ts";
import { listenAtControlPath } from "../../../src/platform/sockets/control-socket.ts";
import { DescriptorSocket } from "../../../src/platform/sockets/descriptor-socket.ts";
import { makeFolder } from "../../support/agents.ts";
import { copiesOf, eventually, Stream } from "../../support/mux-guard.ts";

/** A socket, and what happened on it. */
class End {
  readonly socket: DescriptorSocket;
  readonly name: string;
  readonly chunks: Buffer[] = [];
  readonly descriptors: number[] = [];
  length = 0;
  closed = 0;
  drained = 0;

  constructor(socket: DescriptorSocket) {
    this.socket = socket;
    this.name = readlinkSync(`/proc/self/fd/${socket.fd}`);
    onTestFinished(() => {
      socket.destroy();
      closeDescriptors(this.descriptors.splice(0));
    });
  }

  listen(): this {
    this.socket.listen({
      receive: (bytes, descriptors) => {
        this.chunks.push(bytes);
        this.length += bytes.length;
        this.descriptors.push(...descriptors);
      },
      closed: () => this.closed++,
      drained: () => this.drained++,
    });
    return this;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Whether its descriptor is closed. */
  get isGone(): boolean {
    return copiesOf(this.name) === 0;
  }
}

/** The accepting side, and a path that leads to it. */
async function accepting(): Promise<{ path: string; accepted: End[] }> {
  const path = join(makeFolder(), "s");
  const accepted: End[] = [];
  const listener = await listenAtControlPath(path, (socket) => accepted.push(new End(socket)));
  onTestFinished(() => listener.close());
  return { path, accepted };
}

async function pair(): Promise<{ client: End; server: End }> {
  const { path, accepted } = await accepting();
  const client = new End(DescriptorSocket.connect(path));
  await eventually(() => accepted.length === 1);
  return { client, server: accepted[0] as End };
}

const megabytes = (count: number): Buffer => Buffer.alloc(count << 20, "0123456789");

describe("descriptors", () => {
  it("follow the bytes, each with a NUL byte of its own, and are the other side's then", async () => {
    const { client, server } = await pair();
    const stream = new Stream();
    server.listen();
    client.socket.send(Buffer.from("packet"), stream.copies(3));
    await eventually(() => server.descriptors.length === 3);
    expect(server.bytes.toString()).toBe("packet\0\0\0");
    await eventually(() => stream.passed === 3);
    for (const fd of server.descriptors) expect(fstatSync(fd).ino).toBe(fstatSync(stream.fd).ino);
  });

  it("arrive in their order", async () => {
    const { client, server } = await pair();
    const streams = Array.from({ length: 50 }, () => new Stream());
    server.listen();
    for (const stream of streams) client.socket.send(Buffer.from("x"), stream.copies(1));
    await eventually(() => server.descriptors.length === 50);
    expect(server.descriptors.map((fd) => fstatSync(fd).ino)).toEqual(
      streams.map(({ fd }) => fstatSync(fd).ino),
    );
  });

  it("are inherited by no child", async () => {
    const { client, server } = await pair();
    server.listen();
    client.socket.send(Buffer.from("x"), new Stream().copies(1));
    await eventually(() => server.descriptors.length === 1);
    const child = spawn("readlink", [`/proc/self/fd/${server.descriptors[0]}`], { stdio: "ignore" });
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect(code).toBe(1);
  });

  it("end a connection that takes none, and are closed", async () => {
    const { client, server } = await pair();
    const stream = new Stream();
    client.listen();
    server.listen();
    server.socket.send(Buffer.from("x"), stream.copies(2));
    await eventually(() => client.closed === 1 && server.closed === 1);
    await eventually(() => stream.passed === 0);
  });

  it("end the connection if they are more than fit, and are closed", async () => {
    const { path, accepted } = await accepting();
    const stream = new Stream();
    const script = `
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
fds = array.array("i", [os.open(sys.argv[2], os.O_RDONLY) for _ in range(100)])
s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
print(repr(s.recv(1)))`;
    const child = spawn("python3", ["-c", script, path, stream.path]);
    await eventually(() => accepted.length === 1);
    accepted[0]?.listen();
    expect((await finished(child)).stdout).toBe("b''\n");
    await eventually(() => accepted[0]?.closed === 1 && stream.passed === 0);
    expect(accepted[0]?.chunks).toEqual([]);
  });
});

describe("much at once", () => {
  it("arrives whole, in both directions at the same time", async () => {
    const { client, server } = await pair();
    const data = megabytes(4);
    for (const end of [client, server]) {
      end.listen();
      end.socket.send(data);
    }
    await eventually(() => client.length === data.length && server.length === data.length);
    expect(client.bytes.equals(data) && server.bytes.equals(data)).toBe(true);
  });

  it("arrives whole through many interruptions", async () => {
    const { client, server } = await pair();
    const data = megabytes(2);
    server.listen();
    client.listen();
    client.socket.send(data);
    for (let turn = 0; server.length < data.length; turn++) {
      if (turn % 2 === 0) server.socket.pause();
      else server.socket.resume();
      await new Promise(setImmediate);
    }
    expect(server.bytes.equals(data)).toBe(true);
  });

  it("is not read while it is paused", async () => {
    const { client, server } = await pair();
    server.listen();
    server.socket.pause();
    client.socket.send(Buffer.from("x"));
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(server.length).toBe(0);
    server.socket.resume();
    await eventually(() => server.length === 1);
  });

  // the kernel takes a part of it each time: that it was full must not be forgotten over the last part
  it.each([1, 2, 8])("of %i MB makes the socket full, and once it is sent it has drained", async (size) => {
    const { client, server } = await pair();
    client.listen();
    client.socket.send(Buffer.from("x"));
    expect(client.socket.isFull).toBe(false);
    client.socket.send(megabytes(size));
    expect(client.socket.isFull).toBe(true);
    server.listen();
    await eventually(() => client.drained > 0);
    expect(client.socket.isFull).toBe(false);
    await eventually(() => server.length === (size << 20) + 1);
    expect(client.drained).toBe(1);
  });

  it("that comes in many small pieces makes it full too", async () => {
    const { client, server } = await pair();
    client.listen();
    for (let sent = 0; sent < 2000; sent++) client.socket.send(Buffer.alloc(1000));
    expect(client.socket.isFull).toBe(true);
    server.listen();
    await eventually(() => client.drained === 1 && server.length === 2_000_000);
  });

  it("has not drained where nothing was full", async () => {
    const { client, server } = await pair();
    client.listen();
    server.listen();
    for (let sent = 0; sent < 100; sent++) client.socket.send(Buffer.from("x"));
    await eventually(() => server.length === 100);
    expect(client.drained).toBe(0);
  });
});

describe("a socket is closed once, with all that it holds", () => {
  const ways: [string, (own: End, other: End) => void][] = [
    ["its owner destroys it", (own) => own.socket.destroy()],
    [
      "its owner destroys it twice",
      (own) => {
        own.socket.destroy();
        own.socket.destroy();
      },
    ],
    ["its owner ends it with nothing to send", (own) => own.socket.end()],
    ["the other side closes", (_, other) => other.socket.destroy()],
    ["the other side ends", (_, other) => other.socket.end()],
  ];

  it.each(ways)("when %s", async (_, act) => {
    const { client, server } = await pair();
    let told = 0;
    server.socket.onClose = () => told++;
    server.listen();
    client.listen();
    act(server, client);
    await eventually(() => server.closed > 0 && client.closed > 0);
    await eventually(() => server.isGone && client.isGone);
    expect([server.closed, client.closed, told]).toEqual([1, 1, 1]);
  });

  it.each(ways.filter(([name]) => !name.includes("nothing")))(
    "when %s, and descriptors wait to be sent",
    async (_, act) => {
      const { client, server } = await pair();
      const stream = new Stream();
      server.listen();
      client.listen();
      client.socket.pause();
      server.socket.send(megabytes(1), stream.copies(3));
      expect(stream.passed).toBe(3);
      act(server, client);
      await eventually(() => server.isGone && stream.passed === 0);
      expect(server.closed).toBe(1);
    },
  );

  it("when the other side breaks off, however much there is to read before", async () => {
    const { client, server } = await pair();
    const stream = new Stream();
    server.socket.send(Buffer.from("never read"));
    for (let sent = 0; sent < 60; sent++) client.socket.send(Buffer.from("x"), stream.copies(1));
    client.socket.destroy();
    server.listen();
    await eventually(() => server.closed === 1);
    expect(server.descriptors).toHaveLength(60);
  });

  it("after an end, once all is sent: descriptors too, and it reads no more", async () => {
    const { client, server } = await pair();
    const stream = new Stream();
    client.listen();
    client.socket.send(megabytes(1), stream.copies(2));
    client.socket.end();
    client.socket.resume();
    server.socket.send(Buffer.from("too late"));
    server.listen();
    await eventually(() => server.closed === 1 && client.isGone);
    expect(server.length).toBe((1 << 20) + 2);
    expect(server.descriptors).toHaveLength(2);
    expect(client).toMatchObject({ closed: 1, length: 0 });
  });

  it("after an end whose rest nobody reads, when the other side closes", async () => {
    const { client, server } = await pair();
    const stream = new Stream();
    client.listen();
    client.socket.send(megabytes(1), stream.copies(2));
    client.socket.end();
    server.socket.destroy();
    await eventually(() => client.isGone && stream.passed === 0);
    expect(client.closed).toBe(1);
  });

  it("and closes what it is given afterwards", async () => {
    const { client, server } = await pair();
    const stream = new Stream();
    server.socket.send(megabytes(1));
    server.socket.end();
    client.socket.destroy();
    for (const { socket } of [client, server]) socket.send(Buffer.from("x"), stream.copies(2));
    client.socket.resume();
    await eventually(() => stream.passed === 0);
  });
});

describe("a connection", () => {
  it.each([
    ["where nothing is", "missing", "ENOENT"],
    ["at a path that no socket can have", "x".repeat(108), "ENAMETOOLONG"],
  ])("%s is refused", async (_, name, code) => {
    const path = join(makeFolder(), name);
    expect(() => DescriptorSocket.connect(path)).toThrow(expect.objectContaining({ code }));
  });

  it("that broke before anybody listened to it is told as closed then", async () => {
    const { client, server } = await pair();
    client.socket.destroy();
    await eventually(() => client.isGone);
    server.socket.send(Buffer.from("x"));
    expect(server.listen().closed).toBe(1);
  });

  it("to somebody who has more waiting than fit is refused at once", async () => {
    const path = join(makeFolder(), "s");
    const script = `
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0)
print(); sys.stdin.read()`;
    const child = spawn("python3", ["-c", script, path]);
    onTestFinished(() => void child.kill());
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const waiting = new End(DescriptorSocket.connect(path));
    expect(() => DescriptorSocket.connect(path)).toThrow(expect.objectContaining({ code: "EAGAIN" }));
    expect(waiting.isGone).toBe(false);
  });
});

it("shares what it passes: both sides write at one offset", async () => {
  const { client, server } = await pair();
  const stream = new Stream();
  server.listen();
  client.socket.send(Buffer.from("x"), stream.copies(1));
  await eventually(() => server.descriptors.length === 1);
  writeSync(stream.fd, "one ");
  writeSync(server.descriptors[0] ?? -1, "two");
  const text = Buffer.alloc(7);
  readSync(stream.fd, text, 0, 7, 0);
  expect(text.toString()).toBe("one two");
});
