import { describe, expect, test } from "vitest";
import {
  asPlainSession,
  type Coverable,
  onConnection,
  sessionsCovered,
} from "../../../src/policy/cover/sessions.ts";
import type { Caller, Forward, Process, Request } from "../../../src/policy/request.ts";
import { caller, github, gitSignature, login, unverified } from "../../support/policy.ts";

const make: Process = { pid: 9, startTime: "9", exe: "/usr/bin/make", name: "make", cmdline: ["make"] };
const local: Forward = { kind: "local", listen: "localhost:8080", connect: "db:5432" };

const asked = (request: Request, fields: Partial<Coverable> = {}): Coverable => ({
  request,
  caller,
  run: "run",
  by: "default",
  ...fields,
});

describe("an approved login covers plain sessions over it", () => {
  const logins = sessionsCovered(asked(login), "terminal");
  const { key: _, data: __, ...there } = login;
  const session: Request = { ...there, kind: "session", command: "uptime" };
  const shared = (request: Partial<Request>, by: Partial<Caller> = {}): string | undefined =>
    asPlainSession(asked({ ...session, ...request }, { caller: { ...caller, ...by } }), "terminal");

  test("whatever they run, and on a terminal or not", () => {
    expect(logins).toBeDefined();
    const { command: _, ...bare } = session;
    expect(shared({})).toBe(logins);
    expect(shared({ command: "", tty: true, environment: ["LANG"] })).toBe(logins);
    expect(asPlainSession(asked({ ...bare, subsystem: "sftp" }), "terminal")).toBe(logins);
  });

  test("but not as another user, on another host, by other programs, or in another run", () => {
    expect(shared({ user: "root" })).not.toBe(logins);
    expect(shared({ destination: { ...github, hostKey: "SHA256:other" } })).not.toBe(logins);
    expect(shared({ destination: { ...github, names: ["other"] } })).not.toBe(logins);
    expect(shared({ destination: { ...github, port: 2222 } })).not.toBe(logins);
    expect(shared({}, { ancestors: [make] })).not.toBe(logins);
    expect(asPlainSession(asked(session, { run: "other run" }), "terminal")).not.toBe(logins);
  });

  test("not where another rule asks about them", () => {
    expect(asPlainSession(asked(session, { by: "rule:production" }), "terminal")).not.toBe(logins);
  });

  test("nor what brings X11 or the agent along, forwards, further logins, or what nobody proved", () => {
    expect(shared({ x11: true })).toBeUndefined();
    expect(shared({ forwardAgent: true })).toBeUndefined();
    expect(shared({ kind: "forward", forward: local })).toBeUndefined();
    expect(shared({ kind: "proxy" })).toBeUndefined();
    expect(asPlainSession(asked(login), "terminal")).toBeUndefined();
    expect(shared({ destination: unverified })).toBeUndefined();
  });

  test("nor does a login through a forwarded agent, a signature, or a login to what nobody proved cover any", () => {
    for (const other of [{ ...login, forwarded: true }, gitSignature, { ...login, destination: unverified }])
      expect(sessionsCovered(asked(other), "terminal")).toBeUndefined();
  });
});

describe("an approved plain session covers others", () => {
  const session: Request = { ...login, kind: "session", command: "uptime" };
  const [first, second] = [{ connection: "1" }, { connection: "2" }];
  const covered = (request: Partial<Request>, fields: Partial<Coverable> = first): string | undefined =>
    onConnection(asked({ ...session, ...request }, { run: undefined, ...fields }), "terminal");

  test("on the very same connection, whatever they run", () => {
    expect(covered({ command: "reboot", tty: true })).toBe(covered({}));
    expect(covered({}, second)).not.toBe(covered({}));
    expect(covered({}, {})).toBeUndefined();
  });

  test("but not of other programs, at another terminal, or where another rule asks", () => {
    const by = (fields: Partial<Caller>) => covered({}, { ...first, caller: { ...caller, ...fields } });
    expect(by({ ancestors: [make] })).not.toBe(covered({}));
    expect(by({ leader: { pid: 7, startTime: "1" } })).not.toBe(by({ leader: { pid: 7, startTime: "2" } }));
    expect(covered({}, { ...first, by: "rule:production" })).not.toBe(covered({}));
  });

  test("nor what is more than a plain session", () => {
    for (const more of [{ x11: true }, { forwardAgent: true }] as const)
      expect(covered(more)).toBeUndefined();
    for (const kind of ["forward", "proxy", "terminate"] as const) expect(covered({ kind })).toBeUndefined();
  });
});
