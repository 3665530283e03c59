/** When keys count, with a short time in the place of the second. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { ReadStream } from "node:tty";
import { expect, it, onTestFinished } from "vitest";
import { until } from "../../../lab/processes.ts";
import { readKeys } from "../../../src/approver/terminal/key-reader.ts";

const SHORT = 30;

function reader(deafFor: number) {
  const input = new PassThrough();
  const heard: [string, boolean][] = [];
  const stop = readKeys(input as unknown as ReadStream, deafFor, (keys, counts) =>
    heard.push(...keys.map(({ name }): [string, boolean] => [name, counts])),
  );
  onTestFinished(stop);
  return { input, heard, stop };
}

it("says of keys whether they came too early", async () => {
  const { input, heard } = reader(SHORT);
  input.write("a");
  await until(() => heard.length === 1, "a key");
  await sleep(2 * SHORT);
  input.write("b");
  await until(() => heard.length === 2, "a key");
  expect(heard).toEqual([
    ["a", false],
    ["b", true],
  ]);
});

it("takes every key where none is too early", async () => {
  const { input, heard } = reader(0);
  input.write("a");
  await until(() => heard.length === 1, "a key");
  expect(heard).toEqual([["a", true]]);
});

it("counts no key that has waited since before, where the process was held up for longer than that", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const sender = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [input]: Socket[] = await once(server, "connection");
  onTestFinished(() => {
    sender.destroy();
    server.close();
  });
  const counted: boolean[] = [];
  readKeys(input as unknown as ReadStream, SHORT, (_, counts) => counted.push(counts));
  sender.write("\r"); // is in the kernel from here on
  const held = performance.now() + 2 * SHORT;
  while (performance.now() < held);
  await until(() => counted.length === 1, "a key");
  expect(counted).toEqual([false]);
});

it("tells of Esc by itself after a while, and of a sequence at once", async () => {
  const { input, heard } = reader(0);
  input.write("\x1b[A");
  await turn();
  expect(heard).toEqual([["up", true]]);
  input.write("\x1b");
  await until(() => heard.length === 2, "Esc");
  expect(heard[1]).toEqual(["escape", true]);
});

it("keeps nothing of what was typed, and hears nothing more once it has ended", async () => {
  const { input, heard, stop } = reader(0);
  const bytes = Buffer.from("secret");
  input.emit("data", bytes);
  expect(bytes.every((byte) => byte === 0)).toBe(true);
  stop();
  input.emit("data", Buffer.from("x"));
  await turn();
  expect(heard).toHaveLength(6);
});
