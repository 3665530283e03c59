/** Rules for what people were asked, of made-up logs: written as the guard writes them, and read again. */
import { describe, expect, test } from "vitest";
import { auditEvent, type Decided } from "../../../src/audit/event.ts";
import { loggedRequest } from "../../../src/audit/logged.ts";
import { evaluate } from "../../../src/policy/evaluate.ts";
import { exactRule } from "../../../src/policy/exact-rule.ts";
import type { Caller, Destination, Process, Request } from "../../../src/policy/request.ts";
import { describeSuggested, type Logged, suggest } from "../../../src/policy/suggest/suggest.ts";
import { github, gitSignature, login, policy, unverified, caller as usual } from "../../support/policy.ts";

const program = (exe: string, ...cmdline: string[]): Process => ({
  pid: 9,
  startTime: "9",
  exe,
  name: "x",
  cmdline: [exe, ...cmdline],
});
const prompt: Process = { ...program("/usr/bin/bash"), systemShell: true, leadsTerminal: true, ofRoot: true };
const terminal: Process[] = [prompt, { ...program("/usr/bin/tmux"), ofRoot: true }];
const script: Process = { ...program("/usr/bin/bash", "/home/me/deploy.sh"), systemShell: true };
const git = program("/usr/bin/git", "push");
const typed: Caller = { ...usual, ancestors: terminal };
const byGit: Caller = { ...usual, ancestors: [git, ...terminal] };
const holder: Process = { ...program("/usr/bin/node"), pid: 77, name: "muxguard run" };
const inRun: Caller = {
  ...usual,
  ancestors: [git, program("/usr/bin/node", "/usr/lib/claude.js"), holder, ...terminal],
  run: { name: "claude", pid: holder.pid },
};

const host = (name: string): Destination => ({ ...github, names: [name], hostKey: `SHA256:${name}` });
const session = (command: string, name = "web1"): Request => ({
  kind: "session",
  destination: host(name),
  user: "me",
  command,
  path: [],
  forwarded: false,
});

let made = 0;
/** An entry as it is read from the log. */
function entry(request: Request, caller: Caller, more: Partial<Decided> = {}): Logged {
  made++;
  const fixed = { id: `e${made}`, decision: "allow", by: "approver:terminal", waitedMs: 1 } as const;
  const time = new Date(1_700_000_000_000 + made * 60_000);
  const line = JSON.stringify(auditEvent({ ...fixed, time, request, caller, ...more }));
  const read = loggedRequest(JSON.parse(line));
  if (!read) throw new Error("not read");
  return read;
}
const times = (count: number, request: Request, caller: Caller, more: Partial<Decided> = {}): Logged[] =>
  Array.from({ length: count }, () => entry(request, caller, more));
const no = { decision: "deny", by: "approver:terminal" } as const;

const asks = policy([]);
const counts = (log: Logged[], given = asks): [string, number, number][] =>
  suggest(given, log).suggestions.map(({ rule, answers, also }) => [rule.name, answers.length, also.length]);

describe("what the log says", () => {
  const lines: [string, Caller][] = [
    ["at a prompt", typed],
    ["by git at a prompt", byGit],
    ["by a script", { ...usual, ancestors: [script, ...terminal] }],
    ["by git in a run", inRun],
    ["without a terminal", { ...usual, ancestors: [program("/usr/bin/make"), program("/usr/sbin/cron")] }],
    [
      "below a hidden program",
      { ...usual, ancestors: [git, { pid: 1, startTime: "1", name: "x y", cmdline: [] }] },
    ],
    ["below a program that started itself", { ...usual, ancestors: [git, git, ...terminal] }],
    [
      "through sh -c",
      { ...usual, ancestors: [{ ...script, cmdline: ["sh", "-c", "ssh"] }, git, ...terminal] },
    ],
  ];
  test.each(lines)("gives the rule that always would have written: %s", (_, by) => {
    for (const request of [login, session("uptime"), { ...gitSignature, repository: "/a", branch: "main" }]) {
      const read = entry(request, by);
      expect(read.caller && exactRule(read.request, read.caller)).toEqual(exactRule(request, by));
      expect(exactRule(request, by)).toBeDefined();
    }
  });

  test("gives none for a program that is not the file at its path, or of an older log", () => {
    expect(entry(login, { ...typed, exeDeleted: true }).caller).toBeUndefined();
    const event = JSON.parse(
      JSON.stringify(auditEvent({ ...entry(login, typed), time: new Date(), caller: typed, waitedMs: 0 })),
    );
    delete event.caller.programs;
    expect(loggedRequest(event)?.caller).toBeUndefined();
    event.caller.programs = ["/usr/bin/other"];
    expect(loggedRequest(event)?.caller).toBeUndefined();
  });
});

describe("a rule is suggested", () => {
  test("for what was approved at least twice, with how many and which", () => {
    const log = [...times(3, login, byGit), entry(login, typed)];
    const { asked, suggestions } = suggest(asks, log);
    expect(asked).toBe(4);
    expect(suggestions).toMatchObject([
      { rule: { ...exactRule(login, byGit) }, answers: log.slice(0, 3).map(({ id }) => ({ id })), also: [] },
    ]);
    expect(describeSuggested({ asked, suggestions })).toBe(
      "muxguard suggest: one rule would have answered 3 of your last 4 questions",
    );
    expect(describeSuggested(suggest(asks, []))).toBeUndefined();
  });

  test("for several hosts at once, and for these alone", () => {
    const log = ["web1", "web2", "web3"].map((name) => entry(session("uptime", name), typed));
    const [one, ...others] = suggest(asks, log).suggestions;
    expect(others).toEqual([]);
    expect(one).toMatchObject({ rule: { host: "web1,web2,web3", port: 22 }, answers: log });
    const after = { ...asks, approved: one ? [one.rule] : [] };
    expect(evaluate(after, session("uptime", "web2"), typed).action).toBe("allow");
    for (const request of [session("uptime", "web4"), session("reboot")])
      expect(evaluate(after, request, typed).action).toBe("ask");
  });

  test("for several commands at once that come again", () => {
    const log = ["uptime", "df", "uptime", "df", "once"].map((command) => entry(session(command), typed));
    const [one] = suggest(asks, log).suggestions;
    expect(one?.rule).toMatchObject({ command: ["df", "uptime"] });
    expect(one?.rule.name).toContain("and 1 more like it");
    expect(one?.answers).toHaveLength(4);
  });

  test("that answers most first, and as few as answer most", () => {
    const log = [...times(2, session("rare"), byGit), ...times(60, login, byGit), ...times(9, login, typed)];
    expect(counts(log).map(([, answers]) => answers)).toEqual([60, 9]);
  });

  test("for requests that waited for one answer as for one question", () => {
    const time = new Date();
    expect(counts(times(5, login, byGit, { time }))).toEqual([]);
  });
});

describe("no rule is suggested", () => {
  const none: [string, Logged[], typeof asks?][] = [
    ["where nobody proved the host", times(5, { ...login, destination: unverified }, typed)],
    ["for what was forwarded", times(5, { ...login, forwarded: true, path: [{ names: ["a"] }] }, typed)],
    ["for a command that would be a pattern", times(5, session("ls *"), typed)],
    ["for what a rule allows by now", times(5, login, typed), policy([{ action: "allow" }])],
    ["for what a rule denies by now", times(5, login, typed), policy([{ action: "deny" }])],
    ["for what is asked each time", times(5, login, typed), policy([{ action: "ask", remember: "never" }])],
    [
      "for what a rule lets be remembered for a time",
      times(5, login, typed),
      policy([{ action: "ask", remember: 1 }]),
    ],
    ["for what remembered answers covered", times(5, login, typed, { by: "grant:abc" })],
    ["for what a person denied", [...times(5, login, typed), entry(login, typed, no)]],
    [
      "for what a remembered no denied",
      [...times(5, login, typed), entry(login, typed, { ...no, by: "grant:a" })],
    ],
    [
      "where a person denied it to who knows whom",
      [...times(5, login, typed), entry(login, { ...typed, exeDeleted: true }, no)],
    ],
    [
      "for a prompt, where a person denied it to a script that was started there",
      [...times(5, login, typed), entry(login, { ...usual, ancestors: [script, ...terminal] }, no)],
    ],
  ];
  test.each(none)("%s", (_, log, given = asks) => {
    expect(suggest(given, log).suggestions).toEqual([]);
  });

  test("that joins what a person allowed with what one denied", () => {
    const log = [
      ...["web1", "web2", "web3"].flatMap((name) => times(2, session("uptime", name), typed)),
      entry(session("uptime", "web2"), typed, no),
    ];
    expect(suggest(asks, log).suggestions.map(({ rule }) => rule.host)).toEqual(["web1,web3"]);
  });
});

test("a denial to another program takes no rule away, and what nobody answered is said", () => {
  const log = [
    ...times(3, login, typed),
    entry(login, byGit, no),
    entry(login, typed, { decision: "deny", by: "fault:timeout" }),
    entry(login, typed, { decision: "deny", by: "rule:old" }),
  ];
  expect(counts(log)).toEqual([["always: ssh: log in to github.com as git with key 'work'", 3, 2]]);
});
