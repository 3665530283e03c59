/** Bytes between two descriptors, with pipes for terminals. */
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";
import { makeFifo } from "../../../src/platform/libc/descriptors.ts";
import { readNow, writeNow } from "../../../src/platform/libc/pty.ts";
import { Flow } from "../../../src/platform/pty/flow.ts";
import { ModeTracker } from "../../../src/platform/pty/tracker.ts";

const folder = mkdtempSync(join(tmpdir(), "mg-flow-"));
const closing: (() => void)[] = [];
let count = 0;
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A pipe of 64 KB that never blocks. */
function pipe(): number {
  const path = join(folder, String(count++));
  makeFifo(path);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  closing.push(() => closeSync(fd));
  return fd;
}

function flow(look?: (bytes: Buffer) => number) {
  const [from, to] = [pipe(), pipe()];
  const one = new Flow({ from, to, ended: () => {}, ...(look && { look }) });
  closing.push(() => one.close());
  return { one, from, to };
}

/** What is there by now. */
function read(fd: number): Buffer {
  const buffer = Buffer.alloc(1024 * 1024);
  const length = readNow(fd, buffer);
  return buffer.subarray(0, typeof length === "number" ? length : 0);
}

async function collected(fd: number, length: number): Promise<Buffer> {
  let all = Buffer.alloc(0);
  while (all.length < length) {
    all = Buffer.concat([all, read(fd)]);
    await new Promise(setImmediate);
  }
  return all;
}

const later = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
};

it("passes all on in its order, and reads no more than the other side takes", async () => {
  const { one, from, to } = flow();
  one.start();
  const sent = Buffer.alloc(2 * 1024 * 1024);
  for (let at = 0; at < sent.length; at += 4) sent.writeUInt32LE(at, at);
  let written = 0;
  const write = (): void => {
    const length = writeNow(from, sent.subarray(written));
    if (typeof length === "number") written += length;
  };
  for (let turn = 0; turn < 200; turn++) {
    write();
    await later();
  }
  // two pipes and one buffer are full: whoever writes waits
  expect(written).toBeLessThan(256 * 1024);
  const got: Buffer[] = [];
  for (let length = 0; length < sent.length; await later()) {
    write();
    const more = read(to);
    got.push(Buffer.from(more));
    length += more.length;
  }
  expect(Buffer.concat(got).equals(sent)).toBe(true);
});

it("passes nothing while it is stopped, and what waited afterwards", async () => {
  const { one, from, to } = flow();
  one.start();
  writeNow(from, Buffer.from("before "));
  expect(String(await collected(to, 7))).toBe("before ");
  await one.stop();
  writeNow(from, Buffer.from("meanwhile"));
  await later();
  expect(read(to)).toHaveLength(0);
  one.add(Buffer.from("between "));
  one.start();
  expect(String(await collected(to, 17))).toBe("between meanwhile");
});

it("puts nothing in the middle of a sequence of escapes", async () => {
  const tracker = new ModeTracker();
  const { one, from, to } = flow((bytes) => tracker.feed(bytes));
  one.start();
  writeNow(from, Buffer.from("text\x1b[3"));
  expect(String(await collected(to, 4))).toBe("text");
  await one.stop();
  one.add(Buffer.from("<other>"));
  one.start();
  writeNow(from, Buffer.from("1mred"));
  expect(String(await collected(to, 15))).toBe("<other>\x1b[31mred");
});

it("shows at the end what never became whole", async () => {
  const tracker = new ModeTracker();
  const { one, from, to } = flow((bytes) => tracker.feed(bytes));
  one.start();
  writeNow(from, Buffer.from("text\xc3", "latin1"));
  expect(String(await collected(to, 4))).toBe("text");
  await one.drain(1024);
  await later();
  expect(read(to)).toHaveLength(0);
  one.flush();
  expect(await collected(to, 1)).toEqual(Buffer.from([0xc3]));
});

it("reads what is there and no more, unless that is called off", async () => {
  const { one, from, to } = flow();
  writeNow(from, Buffer.from("last"));
  expect(await one.drain(1024)).toBe(true);
  writeNow(from, Buffer.from(" of all"));
  await later();
  expect(String(read(to))).toBe("last");
  const drained = one.drain(1024);
  await one.stop();
  expect(await drained).toBe(false);
  expect(read(to)).toHaveLength(0);
});

it("ends a stop where the other side is gone", async () => {
  const [from, to] = [pipe(), pipe()];
  const gone = new Promise<void>((resolve) => {
    const dead = openSync("/dev/full", constants.O_WRONLY); // ENOSPC: as an error of a terminal's
    closing.push(() => closeSync(dead));
    const one = new Flow({ from, to: dead, ended: resolve });
    closing.push(() => one.close());
    one.add(Buffer.from("lost"));
    one.stop().catch(() => {});
  });
  await gone;
  expect(read(to)).toHaveLength(0);
});
