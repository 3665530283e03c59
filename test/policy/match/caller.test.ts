import { describe, expect, test } from "vitest";
import { matchRule } from "../../../src/policy/match/match.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import type { Caller, Request } from "../../../src/policy/request.ts";
import * as base from "../../support/policy.ts";

function matches(rule: Partial<Rule>, request: Partial<Request>, caller: Partial<Caller> = {}): boolean {
  return matchRule(base.rule(rule), { ...base.login, ...request }, { ...base.caller, ...caller }) === "yes";
}

describe("a rule for a command", () => {
  const fetching: Request = { ...base.login, kind: "session", command: "git-upload-pack 'repo.git'" };
  const shell: Request = { ...base.login, kind: "session", command: "" };
  const subsystem: Request = { ...base.login, kind: "session", subsystem: "sftp" };
  const rows: [string, Partial<Rule>, Request, boolean][] = [
    ["matches a session that runs it", { command: "git-upload-pack *" }, fetching, true],
    ["does not match another command", { command: "git-receive-pack *" }, fetching, false],
    ["does not match a command that only contains it", { command: "upload" }, fetching, false],
    ["is one pattern, not a list", { command: "ls,git-upload-pack *" }, fetching, false],
    ["that is empty matches a login shell", { command: "" }, shell, true],
    ["that is empty does not match a command", { command: "" }, fetching, false],
    ["that is a star matches a login shell too", { command: "*" }, shell, true],
    ["does not match a subsystem", { command: "*" }, subsystem, false],
    ["for a subsystem matches it", { subsystem: "sftp" }, subsystem, true],
    [
      "for a subsystem does not match another",
      { subsystem: "sftp" },
      { ...subsystem, subsystem: "netconf" },
      false,
    ],
    ["for a subsystem does not match a command", { subsystem: "*" }, fetching, false],
    ["and a subsystem matches no session", { command: "*", subsystem: "*" }, subsystem, false],
    ["does not match a signature", { command: "*" }, base.login, false],
    [
      "does not match a signature, if it names sessions alone",
      { command: "*", on: ["session"] },
      base.login,
      false,
    ],
    [
      "matches the login to it, if it names signatures too",
      { command: "git*", on: ["sign", "session"] },
      base.login,
      true,
    ],
    [
      "does not match another command for all that",
      { command: "ls", on: ["sign", "session"] },
      fetching,
      false,
    ],
  ];

  test.each(rows)("%s", (_, rule, request, expected) => {
    expect(matches(rule, request)).toBe(expected);
  });
});

describe("a rule for a caller", () => {
  const git = { pid: 2, startTime: "2", exe: "/opt/git/git", name: "git", cmdline: ["git"] };
  const hidden = { pid: 3, startTime: "3", name: "git", cmdline: ["git"] };
  const rows: [string, string, Partial<Caller>, boolean][] = [
    ["matches the program's name", "ssh", {}, true],
    ["matches an ancestor's name", "git", {}, true],
    ["matches a path", "/usr/bin/git", {}, true],
    ["matches a pattern of paths", "/usr/*", {}, true],
    ["does not match another program", "scp", {}, false],
    ["does not match a part of a name", "gi", {}, false],
    ["does not match the same name at another path", "/usr/bin/git", { ancestors: [git] }, false],
    ["does not match a name by the end of a path", "bin/git", {}, false],
    ["does not match what a process calls itself", "git", { ancestors: [hidden] }, false],
    ["does not match a command line", "ssh git@*", {}, false],
    [
      "matches nothing where the kernel tells nothing",
      "*",
      { exe: undefined, ancestors: [hidden] } as never,
      false,
    ],
  ];

  test.each(rows)("%s", (_, list, caller, expected) => {
    expect(matches({ caller: list }, {}, caller)).toBe(expected);
  });

  describe("whose file was removed or replaced while it runs", () => {
    const deleted = { exeDeleted: true } as const;
    const [parent, ...above] = base.caller.ancestors;
    const ancestors = [{ ...parent, ...deleted } as never, ...above];
    const rows: [string, Partial<Rule>, Partial<Caller>, boolean][] = [
      ["still matches to deny", { action: "deny", caller: "/usr/bin/ssh" }, deleted, true],
      ["still matches to ask", { action: "ask", caller: "ssh" }, deleted, true],
      ["does not match to allow", { action: "allow", caller: "/usr/bin/ssh" }, deleted, false],
      ["does not match an ancestor to allow", { action: "allow", caller: "git" }, { ancestors }, false],
      ["still matches an ancestor to deny", { action: "deny", caller: "git" }, { ancestors }, true],
      ["does not hide the others", { action: "allow", caller: "git" }, deleted, true],
      ["is excluded still", { action: "allow", caller: "git,!ssh" }, deleted, false],
      [
        "is none of the programs that are allowed",
        { action: "allow", programs: ["/usr/bin/ssh", "/usr/bin/git"] },
        deleted,
        false,
      ],
      [
        "is none of them either where the rule says that it was deleted",
        { action: "allow", programs: ["/usr/bin/ssh (deleted)", "/usr/bin/git"] },
        deleted,
        false,
      ],
      [
        "is one of the programs that are denied",
        { action: "deny", programs: ["/usr/bin/ssh", "/usr/bin/git"] },
        deleted,
        true,
      ],
    ];
    test.each(rows)("%s", (_, rule, caller, expected) => {
      expect(matches(rule, {}, caller)).toBe(expected);
    });
  });

  describe("that sees other files than the guard", () => {
    const foreign = { exeForeign: true, exeFile: "1:1", container: true } as const;
    const [parent, ...above] = base.caller.ancestors;
    const ancestors = [{ ...parent, exeForeign: true } as never, ...above];
    const rows: [string, Partial<Rule>, Partial<Caller>, boolean][] = [
      ["matches to deny, by what it claims", { action: "deny", caller: "/usr/bin/ssh" }, foreign, true],
      ["does not match to allow", { action: "allow", caller: "/usr/bin/ssh" }, foreign, false],
      ["does not match as an ancestor to allow", { action: "allow", caller: "git" }, { ancestors }, false],
      ["is excluded by what it claims", { action: "allow", caller: "git,!ssh" }, foreign, false],
      [
        "is none of the programs that are allowed, however they are spelled",
        { action: "allow", programs: ["/usr/bin/ssh (claimed)", "/usr/bin/git"] },
        foreign,
        false,
      ],
      [
        "is one of the programs that are denied",
        { action: "deny", programs: ["/usr/bin/ssh", "/usr/bin/git"] },
        foreign,
        true,
      ],
      ["is in a container", { action: "deny", container: true }, foreign, true],
    ];
    test.each(rows)("%s", (_, rule, caller, expected) => {
      expect(matches(rule, {}, caller)).toBe(expected);
    });
  });

  test("to deny, matches with what is called like a shell in the line or left out, to allow in it", () => {
    const sh = { ...base.caller, exe: "/home/me/sh", cmdline: ["sh", "-c", "x"] };
    const ancestors = [sh, ...base.caller.ancestors];
    const [left, named] = [
      ["/usr/bin/ssh", "/usr/bin/git"],
      ["/usr/bin/ssh", "/home/me/sh", "/usr/bin/git"],
    ];
    const is = (action: Rule["action"], programs: string[]) =>
      matches({ action, programs }, {}, { ancestors });
    expect([is("deny", left), is("deny", named)]).toEqual([true, true]);
    expect([is("allow", left), is("allow", named)]).toEqual([false, true]);
  });

  test("to allow does not match where an ancestor is excluded, and to deny it does", () => {
    expect(matches({ caller: "ssh,!git", action: "allow" }, {})).toBe(false);
    expect(matches({ caller: "ssh,!/usr/bin/git", action: "allow" }, {})).toBe(false);
    expect(matches({ caller: "ssh,!git", action: "ask" }, {})).toBe(true);
    expect(matches({ caller: "ssh,!git", action: "deny" }, {})).toBe(true);
    expect(matches({ caller: "ssh,!scp", action: "allow" }, {})).toBe(true);
  });
});

describe("a rule for a run or a container", () => {
  const rows: [string, Partial<Rule>, Partial<Caller>, boolean][] = [
    ["matches the run's name", { scope: "claude" }, { run: { name: "claude", pid: 1 } }, true],
    ["matches a pattern of it", { scope: "cl*,agent" }, { run: { name: "claude", pid: 1 } }, true],
    ["does not match another run", { scope: "claude" }, { run: { name: "make", pid: 1 } }, false],
    ["does not match outside of runs, whatever the pattern", { scope: "*" }, {}, false],
    ["matches in a container", { container: true }, { container: true }, true],
    ["does not match outside of containers", { container: true }, {}, false],
    ["that excludes containers matches outside", { container: false }, {}, true],
    ["that excludes containers does not match inside", { container: false }, { container: true }, false],
  ];

  test.each(rows)("%s", (_, rule, caller, expected) => {
    expect(matches(rule, {}, caller)).toBe(expected);
  });
});

test("a rule matches only if all of its fields do", () => {
  const all: Partial<Rule> = {
    on: ["sign"],
    host: "github.com",
    port: 22,
    user: "git",
    key: "work",
    caller: "git",
    forwarded: false,
    verified: true,
    container: false,
  };
  expect(matches(all, {})).toBe(true);
  const others: Partial<Rule>[] = [
    { on: ["admin"] },
    { host: "other" },
    { port: 1 },
    { user: "other" },
    { key: "other" },
    { caller: "other" },
    { forwarded: true },
    { verified: false },
    { container: true },
    { scope: "other" },
    { namespace: "other" },
    { operation: ["add"] },
  ];
  for (const other of others) expect(matches({ ...all, ...other }, {})).toBe(false);
});
