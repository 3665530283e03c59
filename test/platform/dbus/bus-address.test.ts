import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { sessionBusSocket, socketOf, systemBusSocket } from "../../../src/platform/dbus/bus-address.ts";

describe("the address of a message bus", () => {
  const folder = mkdtempSync(join(tmpdir(), "mg-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ["unix:path=/run/user/1000/bus", "/run/user/1000/bus"],
    ["unix:path=/run/user/1000/bus,guid=8f0d", "/run/user/1000/bus"],
    ["unix:abstract=/tmp/dbus-x,guid=8f0d", "\0/tmp/dbus-x"],
    ["unix:path=/with%20space/and%2ccomma", "/with space/and,comma"],
    ["tcp:host=localhost,port=1;unix:path=/second", "/second"],
    ["tcp:host=localhost,port=1", undefined],
    ["unixexec:path=/bin/sh", undefined],
    ["unix:path=%zz", undefined],
    ["unix:", undefined],
    ["disabled:", undefined],
    ["", undefined],
  ])("%j leads to the socket %j", (address, socket) => {
    expect(socketOf(address)).toBe(socket);
  });

  test("of the session is the environment's, or the runtime folder's", () => {
    const environment = { XDG_RUNTIME_DIR: folder };
    expect(sessionBusSocket({})).toBeUndefined();
    expect(sessionBusSocket(environment)).toBeUndefined();
    writeFileSync(join(folder, "bus"), "");
    expect(sessionBusSocket(environment)).toBe(join(folder, "bus"));
    const DBUS_SESSION_BUS_ADDRESS = "unix:path=/other";
    expect(sessionBusSocket({ ...environment, DBUS_SESSION_BUS_ADDRESS })).toBe("/other");
    expect(sessionBusSocket({ ...environment, DBUS_SESSION_BUS_ADDRESS: "disabled:" })).toBeUndefined();
  });

  test("of the system is the environment's first", () => {
    expect(systemBusSocket({ DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/other" })).toBe("/other");
  });
});
