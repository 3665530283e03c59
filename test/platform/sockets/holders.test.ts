/** Which socket somebody listens at, by real sockets of this process. */
import { readdirSync, readlinkSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { attempt } from "../../../src/attempt.ts";
import { listenerBehind, unixSockets } from "../../../src/platform/libc/unix-sockets.ts";
import { DescriptorSocket } from "../../../src/platform/sockets/descriptor-socket.ts";
import { connectionsTo, holdersOf, listenerAt } from "../../../src/platform/sockets/holders.ts";
import { makeFolder } from "../../support/agents.ts";
import { OwnListeners } from "../../support/own-listeners.ts";

const listeners = new OwnListeners();
afterEach(() => listeners.close());

const own = (): (string | undefined)[] =>
  readdirSync("/proc/self/fd").map((fd) => attempt(() => readlinkSync(`/proc/self/fd/${fd}`)));

it("is known before a connection was accepted and after, and by another name", async () => {
  const path = join(makeFolder(), "socket");
  const server = await listeners.listen(path);
  renameSync(path, `${path}.moved`);
  const probe = DescriptorSocket.connect(`${path}.moved`);
  const before = listenerBehind(probe.fd);
  await new Promise((resolve) => server.once("connection", resolve));
  expect(listenerBehind(probe.fd)).toBe(before);
  expect(own()).toContain(`socket:[${before}]`);
  expect(listenerAt(`${path}.moved`)).toMatchObject({ pid: process.pid, socket: before });
  probe.destroy();
});

it("is not another one that was bound with the same name", async () => {
  const path = join(makeFolder(), "socket");
  await listeners.listen(path);
  renameSync(path, `${path}.first`);
  await listeners.listen(path);
  const [first, second] = [listenerAt(`${path}.first`), listenerAt(path)];
  expect(first?.socket).toMatch(/^\d+$/);
  expect(second?.socket).not.toBe(first?.socket);
  expect(unixSockets()?.filter(({ name }) => name === `${path}\0`).length).toBeGreaterThanOrEqual(2);
  for (const one of [first, second]) expect(holdersOf(path, one?.socket)).toContain(process.pid);
  expect(holdersOf(path, "1")).toEqual([]);
});

it("counts connections that were accepted and those that wait", async () => {
  const path = join(makeFolder(), "socket");
  const server = await listeners.listen(path);
  expect(connectionsTo(path)).toBe(0);
  const probe = DescriptorSocket.connect(path);
  expect(connectionsTo(path)).toBe(1);
  await new Promise((resolve) => server.once("connection", resolve));
  expect(connectionsTo(path)).toBe(1);
  probe.destroy();
});
