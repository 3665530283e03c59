import { describe, expect, test } from "vitest";
import { type Covered, RelatedDecisions } from "../../../src/guard/decide/related-decisions.ts";
import type { Verdict } from "../../../src/guard/decide/verdict.ts";
import type { Caller, Destination, Request } from "../../../src/policy/request.ts";
import { github as atGithub, login as atLogin, caller, gitSignature } from "../../support/policy.ts";

const allowed: Verdict = { id: "yes", decision: "allow", by: "approver:terminal" };
const denied: Verdict = { id: "no", decision: "deny", by: "approver:terminal" };
const SECOND = 1000;

const github: Destination = { ...atGithub, lookups: ["github.com", "[10.0.0.1]:2201"] };
const login: Request = { ...atLogin, destination: github };
const session: Request = {
  kind: "session",
  command: "git-upload-pack 'repo.git'",
  destination: github,
  user: "git",
  path: [],
  forwarded: false,
};
const forward: Request = {
  ...withoutCommand(session),
  kind: "forward",
  forward: { kind: "stdio", connect: "db:22" },
};
const connect: Request = { ...session, kind: "connect" };
/** On the same address, behind another port. */
const elsewhere: Destination = {
  ...github,
  names: ["example.com", "10.0.0.1"],
  ports: [22, 2202],
  hostKey: "SHA256:another",
  lookups: ["example.com", "[10.0.0.1]:2202"],
};
/** What an ssh configuration says: no key has been proven. */
const configured: Destination = {
  verified: true,
  names: ["github.com", "10.0.0.1"],
  ports: [22, 2201],
  how: "checked by ssh",
  hostKeys: ["SHA256:rsa-key-of-github", "SHA256:host-key-of-github"],
  lookups: ["github.com", "[10.0.0.1]:2201"],
};
const { hostKeys: _, ...unseen } = configured;
/** No key of it is known yet. */
const first: Destination = { ...unseen, lookups: ["github.com"] };
const { hostKey: __, ...atElsewhere } = elsewhere;
/** The other one, before it proved its key. */
const configuredElsewhere: Destination = { ...atElsewhere, hostKeys: ["SHA256:another"] };
const unknown: Destination = { verified: false, names: [], how: "no session-bind", claimed: "github.com" };

function withoutCommand({ command: _, ...rest }: Request): Request {
  return rest;
}

function start(): { recent: RelatedDecisions; clock: { now: number } } {
  const clock = { now: 0 };
  return { recent: new RelatedDecisions(() => clock.now), clock };
}

function after(request: Request, verdict: Verdict = allowed, by: Caller | undefined = caller, run?: string) {
  const setting = start();
  setting.recent.add(request, by, run, verdict);
  return setting;
}

describe("an approved login covers what the same process then asks of a master for the same host", () => {
  test.each<[string, Request]>([
    ["a session", session],
    ["another session", { ...session, command: "uptime", tty: true }],
    ["a forward", forward],
    ["one for a host that ssh has checked", { ...session, destination: configured }],
    [
      "one for the key under another name",
      { ...session, destination: { ...github, names: ["gh"], port: 2222 } },
    ],
  ])("%s", (_, request) => {
    const { recent } = after(login);
    expect(recent.approval(request, caller, true)).toBe("yes");
    expect(recent.approval(request, caller, true)).toBe("yes"); // its own connection would carry many
  });

  test("on the connection that it has made alone: another one may have wanted more than this login", () => {
    expect(after(login).recent.approval(session, caller, false)).toBeUndefined();
  });

  test("that a remembered answer covers too", () => {
    const { recent } = after(login, { ...allowed, by: "grant:earlier" });
    expect(recent.approval(session, caller, true)).toBe("yes");
  });

  const not: [string, Request, Request, Caller?][] = [
    ["another process", login, session, { ...caller, pid: 4712 }],
    ["a process that got the pid later", login, session, { ...caller, startTime: "101" }],
    ["another host", login, { ...session, destination: elsewhere }],
    [
      "a host of the same name with another key",
      login,
      { ...session, destination: { ...github, hostKey: "SHA256:another" } },
    ],
    [
      "a host of which ssh takes other keys",
      login,
      { ...session, destination: { ...configured, hostKeys: ["SHA256:another"] } },
    ],
    ["another host on that address", login, { ...session, destination: configuredElsewhere }],
    ["a host of which ssh knows no key now", login, { ...session, destination: first }],
    ["a host that nobody can name", login, { ...session, destination: unknown }],
    ["a host that is not known at all", login, withoutDestination(session)],
    ["another user", login, { ...session, user: "root" }],
    ["nobody knows which user", login, withoutUser(session)],
    ["the end of the connection", login, { ...session, kind: "terminate", operation: "exit" }],
    ["the whole connection", login, { ...session, kind: "proxy" }],
    ["another login", login, login],
    ["another connection", login, connect],
    ["a login that a server asked for, over a forwarded agent", { ...login, forwarded: true }, session],
    ["a login at an unknown host", { ...login, destination: unknown }, { ...session, destination: unknown }],
    ["a signature for git", { ...gitSignature, destination: github, user: "git" }, session],
    ["data of unknown shape", { ...login, data: "opaque" }, session],
    ["a session", session, { ...session, command: "another" }],
  ];

  test.each(not)("but not: %s", (_, approved, request, by = caller) => {
    expect(after(approved).recent.approval(request, by, true)).toBeUndefined();
  });

  test.each<[string, Verdict]>([
    ["a rule allowed it", { ...allowed, by: "rule:all" }],
    ["nothing spoke against it", { ...allowed, by: "default" }],
    ["it was denied", denied],
  ])("but not where nobody was asked: %s", (_, verdict) => {
    expect(after(login, verdict).recent.approval(session, caller, true)).toBeUndefined();
  });

  test("but not without knowing who asked", () => {
    const { recent } = start();
    recent.add(login, undefined, undefined, allowed);
    expect(recent.approval(session, caller, true)).toBeUndefined();
  });

  test("and the last login counts", () => {
    const { recent } = after(login);
    recent.add({ ...login, destination: elsewhere }, caller, undefined, allowed);
    expect(recent.approval(session, caller, true)).toBeUndefined();
    expect(recent.approval({ ...session, destination: elsewhere }, caller, true)).toBe("yes");
  });
});

describe("an approved connection covers the one session that it was asked for", () => {
  test("once", () => {
    const { recent } = after(connect);
    expect(recent.approval(session, caller, true)).toBe("yes");
    expect(recent.approval(session, caller, true)).toBeUndefined();
  });

  test("for two minutes", () => {
    const { recent, clock } = after(connect);
    clock.now = 120 * SECOND;
    expect(recent.approval(session, caller, true)).toBe("yes");
    const late = after(connect);
    late.clock.now = 120 * SECOND + 1;
    expect(late.recent.approval(session, caller, true)).toBeUndefined();
  });

  test.each<[string, Destination, Destination, string | undefined]>([
    ["a key that ssh takes", configured, github, "yes"],
    ["another key", configured, elsewhere, undefined],
    ["a key that ssh takes, both times", configured, configured, "yes"],
    ["another host on the same address", configured, configuredElsewhere, undefined],
    ["the first key that it ever proved", first, github, "yes"],
    ["no key known to this day", first, first, "yes"],
    ["another port, no key known", first, { ...first, lookups: ["[github.com]:2222"] }, undefined],
    ["a name and a port of two entries", { ...first, lookups: ["10.0.0.1"] }, github, undefined],
  ])("at the host with %s", (_, approved, destination, by) => {
    const { recent } = after({ ...connect, destination: approved });
    expect(recent.approval({ ...session, destination }, caller, true)).toBe(by);
  });

  test.each<[string, Request, Caller?]>([
    ["another command", { ...session, command: "rm -rf /" }],
    ["a shell", { ...session, command: "" }],
    ["a subsystem", { ...withoutCommand(session), subsystem: "sftp" }],
    ["a forward", forward],
    ["agent forwarding beside", { ...session, forwardAgent: true }],
    ["X11 forwarding beside", { ...session, x11: true }],
    ["another user", { ...session, user: "root" }],
    ["another host", { ...session, destination: elsewhere }],
    ["another process", session, { ...caller, pid: 4712 }],
  ])("but not: %s", (_, request, by = caller) => {
    const { recent } = after(connect);
    expect(recent.approval(request, by, true)).toBeUndefined();
    expect(recent.approval(session, caller, true)).toBe("yes"); // it is still there
  });
});

describe("an allowed connection covers the logins of the ssh that makes it", () => {
  const ssh: Caller = { ...caller, pid: 9000 };
  const covered = (): RelatedDecisions => {
    const { recent } = start();
    const at = (id: string, destination: Destination): Covered => ({
      connect: { ...connect, destination },
      verdict: { ...allowed, id, by: "rule:ride" },
    });
    recent.cover(ssh, at("yes", configured), [at("hop", elsewhere)]);
    return recent;
  };

  test("with as many keys as it takes", () => {
    const recent = covered();
    expect(recent.ownLogin(login, ssh)).toBe("yes");
    recent.add(login, ssh, undefined, { ...allowed, by: "grant:yes" });
    expect(recent.ownLogin({ ...login, key: { type: "ssh-rsa", fingerprint: "SHA256:other" } }, ssh)).toBe(
      "yes",
    );
  });

  test("and the keys for them are listed, whoever it logs in as; nowhere else, and to nobody else", () => {
    expect(covered().mayLogIn(github, ssh)).toBe(true);
    expect(covered().mayLogIn(elsewhere, ssh)).toBe(false);
    expect(covered().mayLogIn(undefined, ssh)).toBe(false);
    expect(covered().mayLogIn(github, caller)).toBe(false);
  });

  test("and those at its jump hosts, of what it starts", () => {
    const jumping: Caller = { ...caller, pid: 9001, ancestors: [ssh] };
    const atHop = { ...login, destination: elsewhere };
    expect(covered().ownLogin(atHop, jumping)).toBe("hop");
    expect(covered().ownLogin(login, jumping)).toBeUndefined();
    expect(covered().ownLogin({ ...atHop, user: "root" }, jumping)).toBeUndefined();
    expect(covered().ownLogin(atHop, { ...jumping, ancestors: [] })).toBeUndefined();
  });

  test.each<[string, Request, Caller?]>([
    ["another process", login, caller],
    ["another host", { ...login, destination: elsewhere }],
    ["another user", { ...login, user: "root" }],
    ["a login that the server asks for, over a forwarded agent", { ...login, forwarded: true }],
    ["a signature for git", { ...gitSignature, destination: github, user: "git" }],
    ["a session", session],
  ])("but not: %s", (_, request, by = ssh) => {
    expect(covered().ownLogin(request, by)).toBeUndefined();
  });
});

describe("a denied session denies the other ways in", () => {
  test.each<[string, Request]>([
    ["a login", login],
    ["a connection", connect],
    ["a login with another key", { ...login, key: { type: "ssh-rsa", fingerprint: "SHA256:other" } }],
    ["a login as somebody else", { ...login, user: "root" }],
    [
      "a login at a host of one of its names",
      { ...login, destination: { ...elsewhere, lookups: ["[example.com]:2202", "github.com"] } },
    ],
    [
      "a connection to a host with one of its keys",
      { ...connect, destination: { ...configured, lookups: [] } },
    ],
  ])("%s", (_, request) => {
    expect(after(session, denied).recent.denial(request, caller, undefined)).toBe("no");
  });

  test("to the same programs, whichever process it is now", () => {
    const { recent } = after(session, denied, caller, "run-1");
    expect(recent.denial(login, { ...caller, pid: 5000, startTime: "300" }, "run-1")).toBe("no");
  });

  test("for thirty seconds, and is not lengthened by what it denies", () => {
    const { recent, clock } = after(session, denied);
    clock.now = 30 * SECOND;
    expect(recent.denial(login, caller, undefined)).toBe("no");
    recent.add(login, caller, undefined, { ...denied, by: "fault:denied" });
    clock.now = 30 * SECOND + 1;
    expect(recent.denial(login, caller, undefined)).toBeUndefined();
  });

  test("where a host can't be named, by what the command line says", () => {
    const { recent } = after({ ...session, destination: unknown }, denied);
    expect(recent.denial({ ...login, destination: unknown }, caller, undefined)).toBe("no");
  });

  test("at several hosts", () => {
    const { recent } = after(session, denied);
    recent.add({ ...session, destination: elsewhere }, caller, undefined, { ...denied, id: "second" });
    expect(recent.denial(login, caller, undefined)).toBe("no");
    expect(recent.denial({ ...login, destination: elsewhere }, caller, undefined)).toBe("second");
  });

  test.each<[string, Request, Caller?, string?]>([
    ["another host", { ...login, destination: elsewhere }],
    ["a connection to another host on that address", { ...connect, destination: configuredElsewhere }],
    ["other programs", login, { ...caller, ancestors: [] }],
    ["another run", login, caller, "run-2"],
    ["another login session", login, { ...caller, session: "3" }],
    ["a signature for git", gitSignature],
    ["another session", session],
    ["a forward", forward],
  ])("but not: %s", (_, request, by = caller, run = undefined) => {
    expect(after(session, denied).recent.denial(request, by, run)).toBeUndefined();
  });

  test.each<[string, string, boolean]>([
    ["a rule", "rule:no", true],
    ["the default", "default", true],
    ["a person", "approver:askpass", true],
    ["nobody answered in time", "fault:timeout", true],
    ["nobody could be asked", "fault:approver", true],
    ["the client went away", "fault:withdrawn", false],
    ["the log is full", "fault:log", false],
    ["too many questions were open", "fault:busy", false],
    ["the process became another program", "fault:caller", false],
  ])("if it was decided: %s", (_, by, stands) => {
    const { recent } = after(session, { ...denied, by: by as Verdict["by"] });
    expect(recent.denial(login, caller, undefined)).toBe(stands ? "no" : undefined);
  });

  test("and a denied forward does, to the same process alone: it would make the forward there", () => {
    const { recent, clock } = after(forward, denied);
    expect(recent.denial(login, caller, undefined)).toBe("no");
    expect(recent.denial(login, { ...caller, pid: 5000, startTime: "300" }, undefined)).toBeUndefined();
    clock.now = 30 * SECOND + 1;
    expect(recent.denial(login, caller, undefined)).toBeUndefined();
  });

  test.each<[string, Request]>([
    ["a login", login],
    ["a proxy", { ...session, kind: "proxy" }],
  ])("and no other denial does: %s", (_, request) => {
    expect(after(request, denied).recent.denial(login, caller, undefined)).toBeUndefined();
  });
});

test("no more than a thousand are kept, and the oldest gives way", () => {
  const { recent } = start();
  const nth = (pid: number): Caller => ({ ...caller, pid });
  for (let pid = 1; pid <= 1025; pid++) recent.add(login, nth(pid), undefined, allowed);
  expect(recent.approval(session, nth(1), true)).toBeUndefined();
  expect(recent.approval(session, nth(2), true)).toBe("yes");
});

function withoutDestination({ destination: _, ...rest }: Request): Request {
  return rest;
}

function withoutUser({ user: _, ...rest }: Request): Request {
  return rest;
}

describe("a login that nobody answered for is not asked about for its next key", () => {
  const nextKey: Request = { ...login, key: { type: "ssh-rsa", fingerprint: "SHA256:another-key" } };
  function unansweredLogin() {
    const setting = start();
    setting.recent.addUnanswered(login, caller, "login 1", "late");
    return setting;
  }

  test("for as long as a server waits for one login", () => {
    const { recent, clock } = unansweredLogin();
    clock.now = 120 * SECOND;
    expect(recent.unanswered(nextKey, caller, "login 1")).toBe("late");
    clock.now += 1;
    expect(recent.unanswered(nextKey, caller, "login 1")).toBeUndefined();
  });

  test.each<[string, Request, Caller, string]>([
    ["another login of the same process", nextKey, caller, "login 2"],
    ["the same of another process", nextKey, { ...caller, pid: 4712 }, "login 1"],
    ["one as another user", { ...nextKey, user: "root" }, caller, "login 1"],
    ["one at another host", { ...nextKey, destination: elsewhere }, caller, "login 1"],
  ])("but %s is", (_, request, by, id) => {
    expect(unansweredLogin().recent.unanswered(request, by, id)).toBeUndefined();
  });

  test("also after approvals are forgotten", () => {
    const { recent } = unansweredLogin();
    recent.forget();
    expect(recent.unanswered(nextKey, caller, "login 1")).toBe("late");
  });
});
