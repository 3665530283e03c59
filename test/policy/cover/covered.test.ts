import { describe, expect, test } from "vitest";
import { coveredBy, coversFor } from "../../../src/policy/cover/covered.ts";
import type { Coverable } from "../../../src/policy/cover/sessions.ts";
import type { Remember } from "../../../src/policy/grants.ts";
import type { Caller, Process, Request } from "../../../src/policy/request.ts";
import { caller, login } from "../../support/policy.ts";

const terminal = (pid: number): Partial<Caller> => ({ leader: { pid, startTime: "1" } });
const at = (pid: number, fields: Partial<Coverable> = {}): Coverable => ({
  request: login,
  caller: { ...caller, ...terminal(pid) },
  run: undefined,
  by: "default",
  ...fields,
});
const session: Request = { ...login, kind: "session", command: "uptime" };
const minutes = { milliseconds: 600_000 };

/** Whether an approval of the one would cover the other. */
function covers(one: Coverable, remember: Remember, other: Coverable): boolean {
  const given = coversFor(one, remember);
  return [...coveredBy(other)].some((text) => given.includes(text));
}

describe("an approval covers the same", () => {
  test.each<Remember>([minutes, "lasting"])("at its own terminal alone for %j", (remember) => {
    expect(covers(at(1), remember, at(1))).toBe(true);
    expect(covers(at(1), remember, at(2))).toBe(false);
  });

  test("of one that leads its own session, by its parent", () => {
    const apart = (parent: number, pid: number): Coverable => {
      const [git, ...above] = caller.ancestors as [Process, ...Process[]];
      const ancestors = [{ ...git, pid: parent }, ...above];
      return at(0, { caller: { ...caller, pid, ancestors, leader: { pid, startTime: "1" } } });
    };
    expect(covers(apart(50, 100), "lasting", apart(50, 101))).toBe(true);
    expect(covers(apart(50, 100), "lasting", apart(51, 102))).toBe(false);
  });

  test("at all terminals of the login session until that ends", () => {
    expect(covers(at(1), "session", at(2))).toBe(true);
    const elsewhere = at(2, { caller: { ...caller, ...terminal(2), session: "login:9" } });
    expect(covers(at(1), "session", elsewhere)).toBe(false);
  });

  test("whatever shows these terminals, where root has installed that", () => {
    const shell = { pid: 8, startTime: "1", exe: "/usr/bin/bash", name: "bash", cmdline: ["-bash"] };
    const typed: Process = { ...shell, systemShell: true, leadsTerminal: true };
    const shown = (exe: string, ofRoot?: true): Process => {
      const process = { pid: 9, startTime: "1", exe, name: exe, cmdline: [exe] };
      return { ...process, ...(ofRoot && { ofRoot }) };
    };
    const shownBy = (above: Process, between: Process[] = []): Coverable =>
      at(1, { caller: { ...caller, ...terminal(1), ancestors: [...between, typed, above] } });
    const tmux = shownBy(shown("/usr/bin/tmux", true));
    expect(covers(tmux, "session", shownBy(shown("/usr/bin/xterm", true)))).toBe(true);
    expect(covers(tmux, "session", shownBy(shown("/home/me/xterm")))).toBe(false);
    const make = shown("/usr/bin/make", true);
    expect(covers(tmux, "session", shownBy(shown("/usr/bin/xterm", true), [make]))).toBe(false);
  });

  test.each<Remember>([minutes, "lasting", "run"])("at any terminal of its run for %j", (remember) => {
    expect(covers(at(1, { run: "a" }), remember, at(2, { run: "a" }))).toBe(true);
    expect(covers(at(1, { run: "a" }), remember, at(1, { run: "b" }))).toBe(false);
    expect(covers(at(1, { run: "a" }), remember, at(1))).toBe(false);
  });

  test("on the connection alone while that lasts, and on others to the same host for a time", () => {
    const on = (connection: string, command: string) =>
      at(1, { request: { ...session, command }, connection });
    expect(covers(on("1", "uptime"), "lasting", on("1", "df"))).toBe(true);
    expect(covers(on("1", "uptime"), "lasting", on("2", "uptime"))).toBe(false);
    expect(covers(on("1", "uptime"), minutes, on("2", "uptime"))).toBe(true);
    expect(covers(on("1", "uptime"), minutes, on("2", "df"))).toBe(false);
  });

  test("a forward on the connection, and no other", () => {
    const forward = (connect: string): Coverable =>
      at(1, {
        request: { ...login, kind: "forward", forward: { kind: "local", listen: "8080", connect } },
        connection: "1",
      });
    expect(covers(forward("db:1"), "lasting", forward("db:1"))).toBe(true);
    expect(covers(forward("db:1"), "lasting", forward("db:2"))).toBe(false);
    expect(covers(at(1, { request: session, connection: "1" }), "lasting", forward("db:1"))).toBe(false);
  });

  test("nothing where nothing is remembered", () => {
    const opaque = at(1, { request: { ...login, data: "opaque" } });
    expect([coversFor(opaque, minutes), [...coveredBy(opaque)]]).toEqual([[], []]);
  });
});
