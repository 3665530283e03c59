import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { wrap } from "../../../src/approver/screen/text.ts";
import { answersTo, describeAnswer, describeRemember } from "../../../src/policy/describe/answer.ts";
import { describeBriefly } from "../../../src/policy/describe/brief.ts";
import { describeCaller, describeProgram } from "../../../src/policy/describe/caller.ts";
import { describeDecision } from "../../../src/policy/describe/decision.ts";
import { describeQuestion } from "../../../src/policy/describe/question.ts";
import { describeRequest } from "../../../src/policy/describe/request.ts";
import type { Question } from "../../../src/policy/question.ts";
import type { Caller, Destination, Forward, Host, Process, Request } from "../../../src/policy/request.ts";
import { caller, github, gitSignature, login, unverified } from "../../support/policy.ts";

const question: Question = {
  id: "k3f9x2",
  request: login,
  caller,
  because: "rule:agents ask",
  count: 1,
  choices: ["once", { milliseconds: 600_000 }],
  yes: "once",
  asked: "2026-01-01T00:00:00.000Z",
  timeout: 60_000,
};

const bastion: Host = { names: ["bastion"], port: 22, hostKey: "SHA256:bastion" };
const admin = (fields: Partial<Request>): Request => ({
  kind: "admin",
  path: [],
  forwarded: false,
  ...fields,
});
const key = { type: "ssh-ed25519", fingerprint: "SHA256:abc" };

describe("a request in words", () => {
  const rows: [string, Request][] = [
    ['log in to github.com as git with key "work"', login],
    ["log in to github.com as git with key ssh-ed25519 SHA256:abc", { ...login, key }],
    [
      'log in to github.com port 2222 as git with key "work"',
      { ...login, destination: { ...github, port: 2222 } },
    ],
    ['log in to an unknown destination as git with key "work"', { ...login, destination: unverified }],
    [
      'log in to an unknown destination (it says "prod") as git with key "work"',
      { ...login, destination: { ...unverified, claimed: "prod" } },
    ],
    ['sign for "git" with key "work"', gitSignature],
    ["sign data of unknown shape with key ssh-ed25519 SHA256:abc", { ...gitSignature, data: "opaque", key }],
    [
      'log in to github.com as git with key "work", forwarded through bastion → db',
      { ...login, forwarded: true, path: [bastion, { names: ["db"] }] },
    ],
    [
      'sign for "git" with key "work", forwarded through SHA256:bastion',
      { ...gitSignature, forwarded: true, path: [{ ...bastion, names: [] }] },
    ],
    [
      'sign for "git" with key "work", forwarded through bastion → hosts that nobody can name',
      { ...gitSignature, forwarded: true, path: [bastion, { names: [] }] },
    ],
    ['add key "work"', admin({ operation: "add", key: { ...key, comment: "work" } })],
    [
      'add key "work" (for 600 seconds, asks at each use)',
      admin({
        operation: "add",
        key: { ...key, comment: "work" },
        constraints: ["for 600 seconds", "asks at each use"],
      }),
    ],
    [
      'log in to github.com as "git with key \\"github\\"" with key "work"',
      { ...login, user: 'git with key "github"' },
    ],
    ["remove key ssh-ed25519 SHA256:abc", admin({ operation: "remove", key })],
    ["remove all keys from the agent", admin({ operation: "remove-all" })],
    [
      "load keys from the library /lib/pkcs11.so",
      admin({ operation: "add-smartcard", provider: "/lib/pkcs11.so" }),
    ],
    [
      "remove the keys of the library /lib/pkcs11.so",
      admin({ operation: "remove-smartcard", provider: "/lib/pkcs11.so" }),
    ],
    ["lock the agent", admin({ operation: "lock" })],
    [
      "unlock the agent, forwarded through bastion",
      admin({ operation: "unlock", forwarded: true, path: [bastion] }),
    ],
  ];

  test.each(rows)("%s", (words, request) => {
    expect(describeRequest(request)).toBe(words);
  });
});

const prod: Destination = { ...github, names: ["prod-db"] };
const on = (fields: Partial<Request>): Request => ({
  kind: "session",
  destination: prod,
  user: "root",
  path: [],
  forwarded: false,
  ...fields,
});
const through = (forward: Forward, more: Partial<Request> = {}): Request =>
  on({ kind: "forward", forward, ...more });

describe("a request to a master in words", () => {
  const away = { ...unverified, claimed: "prod" };
  const local: Forward = { kind: "local", listen: "127.0.0.1:8080", connect: "db:5432" };
  const dynamic: Forward = { kind: "dynamic", listen: "localhost:1080" };
  const rows: [string, Request][] = [
    ['run "uptime" on prod-db as root', on({ command: "uptime" })],
    ['run "a \\"b\\" \\\\n\\n" on prod-db as root', on({ command: 'a "b" \\n\n' })],
    ['run "ls \\xff\\x80" on prod-db as root', on({ command: "ls \udcff\udc80" })],
    [
      `run "${"x".repeat(106)}…[262144 characters]…${"x".repeat(53)}" on prod-db as root`,
      on({ command: "x".repeat(256 * 1024) }),
    ],
    [
      'run "uptime" on an unknown destination (it says "prod") as root',
      on({ command: "uptime", destination: away }),
    ],
    ["open a shell on prod-db as root", on({ command: "", tty: true })],
    ["open a shell on prod-db", on({ command: "", user: undefined } as never)],
    ['use the subsystem "sftp" on prod-db as root', on({ subsystem: "sftp" })],
    ["open a session on prod-db as root", on({})],
    ["open a shell on prod-db as root with X11 forwarding", on({ command: "", x11: true })],
    ["open a shell on prod-db as root with agent forwarding", on({ command: "", forwardAgent: true })],
    [
      "open a shell on prod-db as root setting LANG, LC_ALL",
      on({ command: "", environment: ["LANG", "LC_ALL"] }),
    ],
    ["open a shell on prod-db as root", on({ command: "", environment: [] })],
    [
      "open a shell on prod-db as root with X11 forwarding and agent forwarding, setting A, B, C and 2 more",
      on({ command: "", x11: true, forwardAgent: true, environment: ["A", "B", "C", "D", "E"] }),
    ],
    [
      'open a shell on prod-db as root setting "A, B on prod-db", "", "\\x1b"',
      on({ command: "", environment: ["A, B on prod-db", "", "\x1b"] }),
    ],
    ["forward 127.0.0.1:8080 to db:5432 through prod-db", through(local)],
    [
      "forward /run/a.sock to [::1]:80 through prod-db",
      through({ ...local, listen: "/run/a.sock", connect: "[::1]:80" }),
    ],
    ['forward "a to b" to db:5432 through prod-db', through({ ...local, listen: "a to b" })],
    [
      "forward 127.0.0.1:8080 to db:5432 through an unknown destination",
      through(local, { destination: unverified }),
    ],
    [
      "forward *:9000 on prod-db to localhost:3000",
      through({ kind: "remote", listen: "*:9000", connect: "localhost:3000" }),
    ],
    ["open a SOCKS proxy at localhost:1080 through prod-db", through(dynamic)],
    [
      "open a SOCKS proxy at localhost:1080 on prod-db",
      through({ kind: "remote", listen: "localhost:1080", connect: "*" }),
    ],
    ["connect to db:22 through prod-db", through({ kind: "stdio", connect: "db:22" })],
    ["end the forward of 127.0.0.1:8080 to db:5432 through prod-db", through(local, { operation: "cancel" })],
    [
      "end the forward of a SOCKS proxy at localhost:1080 through prod-db",
      through(dynamic, { operation: "cancel" }),
    ],
    ["use the whole connection to prod-db (proxy)", on({ kind: "proxy" })],
    ["end the shared connection to prod-db", on({ kind: "terminate", operation: "exit" })],
    ["stop sharing the connection to prod-db", on({ kind: "terminate", operation: "stop" })],
    ["connect to prod-db as root", on({ kind: "connect" })],
    ['connect to prod-db as root, to run "uptime"', on({ kind: "connect", command: "uptime" })],
    ["connect to prod-db as root, to open a shell", on({ kind: "connect", command: "" })],
    [
      "connect to prod-db as root, to reach db:22",
      on({ kind: "connect", forward: { kind: "stdio", connect: "db:22" } }),
    ],
    ["accept connections at localhost:80 on prod-db", through({ kind: "remote", listen: "localhost:80" })],
    [
      'connect to an unknown destination (it says "prod") as root',
      on({ kind: "connect", destination: away }),
    ],
  ];

  test.each(rows)("%s", (words, request) => {
    expect(describeRequest(request)).toBe(words);
  });
});

const process = (exe: string, ...cmdline: string[]): Process => ({
  pid: 99,
  startTime: "1",
  exe,
  name: exe.slice(exe.lastIndexOf("/") + 1),
  cmdline,
});
const bash = { ...process("/bin/bash", "bash"), systemShell: true } as const;
const shell = { ...process("/bin/sh", "sh", "-c", "ssh a"), systemShell: true } as const;
const claude = process("/usr/bin/node", "node", "/usr/bin/claude", "--resume");
const tmux = process("/usr/bin/tmux", "tmux");

describe("who wants something", () => {
  const startedBy = (...ancestors: Process[]): Caller => ({ ...caller, ancestors });
  const inRun = (...ancestors: Process[]): Caller => ({
    ...startedBy(...ancestors),
    run: { name: "work", pid: 1 },
  });
  const scp = process("/usr/bin/scp", "scp", "a", "b:");
  const ssh = process("/usr/bin/ssh", "ssh", "-J", "a", "b");
  const script = process("/bin/bash", "bash", "/srv/deploy.sh");
  const rows: [string, Caller, string][] = [
    ["what started ssh", startedBy(scp, bash), "scp (through ssh)"],
    ["what started the shell that started ssh", startedBy(shell, claude), 'node "claude" (through ssh)'],
    ["a script", startedBy(script, bash), 'bash "deploy.sh" (through ssh)'],
    ["ssh itself at somebody's prompt", startedBy(bash, tmux), "ssh"],
    ["ssh itself through another ssh", startedBy(ssh, bash), "ssh"],
    ["whoever types at a prompt in a run", inRun(bash, claude), 'node "claude" (through ssh)'],
    ["ssh itself with nobody above", startedBy(), "ssh"],
    ["another program than ssh", { ...startedBy(claude), exe: "/usr/bin/lftp" }, "lftp"],
    [
      "what started ssh-keygen",
      { ...startedBy(scp), exe: "/usr/bin/ssh-keygen" },
      "scp (through ssh-keygen)",
    ],
    ["one with an odd name", startedBy(process("/tmp/a wants")), '"/tmp/a wants" (through ssh)'],
  ];

  test.each(rows)("is %s", (_, asks, words) => {
    expect(describeQuestion({ ...question, caller: asks })[1]).toBe(
      `${words} wants to log in to github.com as git with key "work"`,
    );
  });

  test("shows its command line, and that of ssh where that says more", () => {
    const asks = startedBy(scp, bash);
    const line = (request: Request): string | undefined =>
      describeQuestion({ ...question, caller: asks, request }).find((one) => one.startsWith("command"));
    expect(line(login)).toBe(
      'command line (claimed): "scp a b:", then "ssh git@github.com git-upload-pack \'repo.git\'"',
    );
    expect(line(on({ command: "scp -t ." }))).toBe('command line (claimed): "scp a b:"');
  });

  test("is something on the last hop where the agent is forwarded", () => {
    const forwarded = (...path: Host[]): string[] =>
      describeQuestion({ ...question, request: { ...login, forwarded: true, path } });
    expect(forwarded(bastion)[1]).toBe(
      'something on bastion (through your ssh, forwarded agent) wants to log in to github.com as git with key "work"',
    );
    expect(forwarded(bastion, { names: ["db"] })[1]).toMatch(
      /^something on db \(through .* with key "work", forwarded through bastion → db$/,
    );
    expect(forwarded()[1]).toMatch(/^something on hosts that nobody can name \(through your ssh/);
    expect(forwarded(bastion)).toContain("forwarded by: ssh (pid 4711), started by git ← bash");
  });
});

describe("a caller in words", () => {
  test("names what interpreters say that they run, in quotes", () => {
    const line = [...caller.ancestors, claude];
    expect(describeCaller({ ...caller, ancestors: line, run: { name: "x", pid: 1 } })).toBe(
      'ssh (pid 4711), started by git ← bash ← node "/usr/bin/claude" (in quotes: claimed), in run "x"',
    );
  });

  test("is a program and those that started it", () => {
    expect(describeCaller(caller)).toBe("ssh (pid 4711), started by git ← bash");
  });

  test("says the container", () => {
    expect(describeCaller({ ...caller, container: true, ancestors: [] })).toBe(
      "ssh (pid 4711), in a container",
    );
  });

  test("ends at the run that it belongs to", () => {
    const run = { name: "claude", pid: 4000 };
    expect(describeCaller({ ...caller, run })).toBe('ssh (pid 4711), started by git, in run "claude"');
    expect(describeCaller({ ...caller, run: { ...run, pid: 1 } })).toMatch(
      /started by git ← bash, in run "claude"$/,
    );
  });

  test("leaves out the shell that stands between a run and its command, and no other", () => {
    const run = { name: "claude", pid: 4000 };
    const inside = (cmdline: string[], systemShell = true): string => {
      const [git, bash, ...rest] = caller.ancestors;
      if (!git || !bash) throw new Error("too few ancestors");
      const shell = {
        ...git,
        exe: "/usr/bin/dash",
        name: "sh",
        cmdline,
        ...(systemShell && { systemShell: true as const }),
      };
      return describeCaller({ ...caller, run, ancestors: [git, shell, { ...bash, pid: 4000 }, ...rest] });
    };
    const monitor = ["/bin/sh", "-m", "-c", "…", "muxguard", "git"];
    expect(inside(monitor)).toBe('ssh (pid 4711), started by git, in run "claude"');
    expect(inside(["/bin/sh", "-c", "git fetch"])).toMatch(/started by git ← dash, in run/);
    expect(inside(monitor, false)).toContain("dash");
  });

  test("leaves out the bubblewrap of a confined run, and no other", () => {
    const plain = { name: "make", pid: 4000 };
    const [git, bash] = caller.ancestors;
    if (!git || !bash) throw new Error("too few ancestors");
    const wrapped = (
      changed: Partial<Process> = {},
      run: Caller["run"] = { ...plain, confined: true },
      more = 0,
    ) => {
      const cmdline = ["bwrap", "--args", "5", "--", "/bin/sh", "-c", "…", "muxguard", "sh", "-c", "make"];
      const bwrap = {
        ...git,
        exe: "/usr/bin/bwrap",
        name: "bwrap",
        cmdline,
        ofRoot: true as const,
        ...changed,
      };
      const shell = {
        ...git,
        exe: "/usr/bin/dash",
        systemShell: true as const,
        cmdline: ["sh", "-c", "make"],
      };
      const others = Array<Process>(more).fill(bwrap);
      const ancestors = [shell, ...others, bwrap, { ...bwrap, pid: 3999 }, { ...bash, pid: 4000 }];
      return describeProgram({ ...caller, run, ancestors });
    };
    expect(wrapped()).toBe('ssh in run "make"');
    const others = [
      { exe: "/tmp/bwrap", ofRoot: false },
      { exeForeign: true as const },
      { cmdline: ["bwrap", "true"] },
    ];
    for (const other of others) expect(wrapped(other as Partial<Process>)).toMatch(/bwrap"? \(through ssh\)/);
    // the command itself has become one, with the same words
    expect(wrapped({}, undefined, 1)).toMatch(/^bwrap .*\(through ssh\)/);
    expect(wrapped({}, plain)).toMatch(/^bwrap .*\(through ssh\)/);
  });

  test("leaves out the first process of the system", () => {
    const init = { pid: 1, startTime: "1", exe: "/usr/lib/systemd/systemd", name: "systemd", cmdline: [] };
    const ancestors = [...caller.ancestors, init];
    expect(describeCaller({ ...caller, ancestors })).toBe("ssh (pid 4711), started by git ← bash");
  });

  test("names a program that the kernel does not tell of in parentheses", () => {
    const { exe: _, ...hidden } = caller;
    expect(describeCaller({ ...hidden, name: "git", ancestors: [] })).toBe("(git) (pid 4711)");
  });

  test("names six that started it, and those that repeat once", () => {
    const ancestors = ["make", "make", "a", "b", "c", "d", "e", "f"].map((name, at) => ({
      pid: at,
      startTime: "1",
      exe: `/bin/${name}`,
      name,
      cmdline: [],
    }));
    expect(describeCaller({ ...caller, ancestors })).toMatch(/started by make ← a ← b ← c ← d ← e ← 1 more$/);
  });
});

test.each([
  ["once", "once"],
  ["run", "until this run ends"],
  [{ milliseconds: 600_000 }, "for 10 minutes"],
] as const)("%j is remembered %s", (remember, words) => {
  expect(describeRemember(remember)).toBe(words);
});

describe("a decision in words", () => {
  const rows: [string, string | undefined, string][] = [
    ["default", undefined, "the default"],
    ["default", "no rule allows it", "no rule allows it"],
    ["rule:agents ask", undefined, 'rule "agents ask"'],
    ["rule:a: b", undefined, 'rule "a: b"'],
    ["rule:one\ntwo", undefined, 'rule "one\\ntwo"'],
    ["grant:k3f9x2", undefined, "your answer k3f9x2"],
    ["approver:terminal", "you said no", "you said no, on the terminal"],
    ["approver:askpass", undefined, "you, in the askpass program"],
    ["approver:other", undefined, "you, other"],
    ["fault:timeout", "no answer within 5 seconds", "no answer within 5 seconds"],
    ["fault:timeout", undefined, "fault timeout"],
    ["fault:upstream", "one\ntwo\x1b[2J", "one\\ntwo\\x1b[2J"],
  ];

  test.each(rows)("%j, %j: %s", (by, reason, words) => {
    expect(describeDecision(by, reason)).toBe(words);
  });

  test("is short where a question stood", () => {
    expect(describeAnswer({ decision: "allow", remember: { milliseconds: 60_000 } })).toBe(
      "allowed for 1 minute",
    );
    expect(describeAnswer({ decision: "deny", reason: "you said no" })).toBe("denied");
  });
});

describe("a prompt", () => {
  test("says who wants what, where, with which key, and why it is asked", () => {
    expect(describeQuestion(question)).toEqual([
      'git "fetch" → github.com as git?',
      'git (through ssh) wants to log in to github.com as git with key "work"',
      "destination: github.com, host key known",
      "key: ssh-ed25519 SHA256:fingerprint-of-work",
      "asked by: ssh (pid 4711), started by git ← bash",
      'command line (claimed): "git fetch", then "ssh git@github.com git-upload-pack \'repo.git\'"',
      'working directory: "/home/someone/repo"',
      'because: rule "agents ask"',
      "an approval covers: logins and plain sessions over them, with this key, as this user, on this host, by ssh ← git, in this login session",
    ]);
  });

  test("shows in quotes what a program is called that could be read as more words of the question", () => {
    const exe = "/tmp/git (pid 1), started by bash ← claude";
    const hidden = { pid: 3, startTime: "3", name: "ssh) ← (git", cmdline: [] };
    const [title, first, , , askedBy] = describeQuestion({
      ...question,
      caller: { ...caller, exe, ancestors: [hidden] },
    });
    expect(title).toBe('"/tmp/git (pid 1), started …bash ← claude" → github.com as git?');
    expect(first).toMatch(/^"\/tmp\/git \(pid 1\), started by bash ← claude" wants to log in to github\.com/);
    expect(askedBy).toBe(
      'asked by: "/tmp/git (pid 1), started by bash ← claude" (pid 4711), started by ("ssh) ← (git")',
    );
  });

  test("says what an approval covers, as it would be remembered", () => {
    const covers = (request: Request, more: Partial<Question> = {}): string =>
      describeQuestion({ ...question, request, ...more }).find((line) => line.startsWith("an approval")) ??
      "";
    const run = { name: "claude", pid: 4000 };
    const uptime = on({ command: "uptime" });
    expect(covers(uptime, { caller: { ...caller, run } })).toMatch(
      /: this command, .*on this host, by ssh ← git, in this run$/,
    );
    expect(covers(on({ command: "" }))).toMatch(/: a shell, /);
    expect(covers(gitSignature)).toMatch(
      /: signatures for this purpose, with this key, by ssh ← git, in this login session$/,
    );
    expect(covers({ ...login, destination: unverified })).toContain("wherever it leads");
    const claiming = { ...unverified, hostKey: "SHA256:new", claimed: "prod" };
    expect(covers({ ...login, destination: claiming })).toContain(
      ': logins, with this key, as this user, with this host key, where it says "prod", by ssh',
    );
    const session = (fields: Partial<Caller>): string => covers(login, { caller: { ...caller, ...fields } });
    expect(session({ session: "session:17" })).toMatch(/, at this terminal$/);
    const { tty: _, ...daemon } = caller;
    expect(covers(login, { caller: { ...daemon, session: "session:17" } })).toMatch(
      /, in this session of processes$/,
    );
    expect(session({ ancestors: [claude] })).toContain('by ssh ← node "claude", in');
    expect(covers({ ...login, forwarded: true, path: [bastion] })).toContain("over these hops");
    expect(covers(login, { longest: 0 })).toBe("an approval covers: this request alone");
    expect(covers(login, { choices: ["once"] })).toBe("an approval covers: this request alone");
  });

  test("lists the hosts that it is about, and offers to ask about each", () => {
    const hosts = ["web1", "web2"].map((name) => ({ id: name, name }));
    const several = { ...question, request: on({ command: "uptime" }), hosts, count: 5 };
    const lines = describeQuestion(several);
    expect(lines[1]).toMatch(/run "uptime" on 2 hosts/);
    expect(lines).toContain("hosts, all with a known key: web1, web2");
    expect(lines).toContain("5 requests from ssh wait for the answer");
    expect(lines.join()).toContain("on each of these hosts");
    expect(answersTo(several).map(({ name }) => name)).toEqual([
      "deny",
      "allow once",
      "allow for 10 minutes",
      "ask about each host on its own",
    ]);
  });

  test("shows the rule, once it was approved often enough", () => {
    const rule = ["[[rule]]", 'host = "github.com"'];
    expect(describeQuestion({ ...question, rule }).join()).not.toContain("[[rule]]");
    expect(describeQuestion({ ...question, rule, approvals: 3 }).slice(-3)).toEqual([
      'you have allowed this 3 times; "allow always" writes a rule to approved.toml:',
      "  [[rule]]",
      '  host = "github.com"',
    ]);
  });

  test("offers the safest answer first", () => {
    const choices: Question["choices"] = ["once", { milliseconds: 600_000 }, "session", "always"];
    expect(answersTo({ ...question, choices, denyFor: 600_000 }).map(({ name }) => name)).toEqual([
      "deny",
      "allow once",
      "allow for 10 minutes",
      "allow until you log out, at all your terminals",
      "allow always",
      "deny for 10 minutes",
    ]);
  });

  test("says what else a host is called", () => {
    const names = ["github.com", "gh", "140.82.121.4"];
    const lines = describeQuestion({ ...question, request: { ...login, destination: { ...github, names } } });
    expect(lines).toContain("destination: github.com, host key known (also known as gh, 140.82.121.4)");
  });

  test("says that no rule made it", () => {
    const doubt = { rule: "no prod", action: "deny" as const, unknown: { host: "prod" } };
    expect(describeQuestion({ ...question, because: "rule:no prod", doubt })).toContain(
      'because: this could be prod, which rule "no prod" denies',
    );
    expect(describeQuestion({ ...question, doubt })).toContain(
      'because: rule "agents ask"; this could be prod, which rule "no prod" denies',
    );
    expect(describeQuestion({ ...question, because: "default" })).toContain(
      'because: no rule says otherwise (default = "ask")',
    );
  });

  test("says of a host that is not known what its key is", () => {
    const destination = { ...unverified, how: "unknown host key", hostKey: "SHA256:new" };
    const lines = describeQuestion({ ...question, request: { ...login, destination } });
    expect(lines).toContain("destination: unknown host key SHA256:new");
  });

  test("says how many wait, if there are several", () => {
    expect(describeQuestion({ ...question, count: 3 })).toContain("3 requests from ssh wait for the answer");
    expect(describeQuestion(question).join()).not.toMatch(/requests wait/);
  });

  test("names the variables that did not fit into the phrase", () => {
    const lines = (environment: string[]): string[] =>
      describeQuestion({ ...question, request: on({ command: "", environment }) });
    expect(lines(["A", "B", "C"]).join()).not.toMatch(/variables/);
    expect(lines(["A", "B", "C", "LD_PRELOAD"])).toContain("variables: A, B, C, LD_PRELOAD");
    expect(lines(Array.from({ length: 1000 }, () => "x".repeat(1000))).join()).toMatch(/ and 984 more/);
  });

  test("says nothing of what is not there", () => {
    const request = admin({ operation: "lock" });
    const { cwd: _, ...bare } = caller;
    const lines = describeQuestion({ ...question, request, caller: { ...bare, cmdline: [], ancestors: [] } });
    expect(lines).toEqual([
      "ssh: lock the agent?",
      "ssh wants to lock the agent",
      "asked by: ssh (pid 4711)",
      'because: rule "agents ask"',
      "an approval covers: this change to the agent, by ssh, in this login session",
    ]);
  });
});

/** As glibc and most terminals count: emoji and East Asian characters are two wide. */
function columnsOf(line: string): number {
  return [...line].reduce((sum, character) => sum + (character === "⚡" ? 2 : 1), 0);
}

describe("hostile text", () => {
  const hostile = fc.oneof(
    fc.string({
      unit: fc.constantFrom("\x1b[2J", "\n", "\r", "\u202e", "\u200b", "\ud83d", "\udc9b", "\x9b", "a"),
    }),
    fc.string({ unit: "binary" }),
  );

  const asked = hostile.map(
    (text): Question => ({
      ...question,
      because: `rule:${text}`,
      request: {
        ...login,
        destination: { ...unverified, how: text, claimed: text },
        user: text,
        namespace: text,
        provider: text,
        key: { type: text, fingerprint: "SHA256:abc", comment: text },
        path: [{ names: [text] }],
        forwarded: true,
        command: text,
        environment: [text, text, text, text, text],
        forward: { kind: "local", listen: text, connect: text },
        x11: true,
        forwardAgent: true,
      },
      caller: everywhere(text),
    }),
  );

  function everywhere(text: string): Caller {
    const process = { pid: 1, startTime: "1", name: text, cmdline: [text] };
    const ancestors = [process, { ...process, exe: `/bin/${text}` }];
    return { ...caller, ...process, exe: `/bin/${text}`, cwd: text, run: { name: text, pid: 0 }, ancestors };
  }

  const variants: Partial<Request>[] = [
    {},
    { data: "sshsig" },
    { data: "opaque" },
    { kind: "admin", operation: "add" },
    { kind: "admin", operation: "add-smartcard", key: undefined } as never,
    { destination: { ...github, names: ["\x1b[31m\n\u202e"] } },
    ...(["session", "forward", "proxy", "terminate", "connect", "confirm"] as const).map((kind) => ({
      kind,
    })),
    { kind: "forward", operation: "cancel" },
    { kind: "forward", forward: { kind: "stdio", connect: "\x1b[2J\n" } },
  ];

  test.each(variants)("never reaches a prompt raw: %j", (variant) => {
    fc.assert(
      fc.property(asked, (given) => {
        const varied = { ...given, request: { ...given.request, ...variant } };
        const [lines, brief] = [describeQuestion(varied), describeBriefly(varied)];
        for (const line of [...lines, ...brief]) {
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
          expect(line.length).toBeLessThan(1000);
        }
        expect(lines.length).toBeLessThan(11);
        expect(brief.length).toBeLessThan(10);
      }),
    );
  });

  /** What a program would like to see at the beginning of a line. */
  const forged = "destination: github.com, host key known";
  const padded = fc
    .tuple(fc.integer({ min: 0, max: 200 }), fc.constantFrom(" ", "\u00a0", "\u2800", "⚡", "x", "\u0903"))
    .map(([length, filler]) => `${filler.repeat(length)} ${forged}`);

  test("never begins where a line begins, however wide the screen is", () => {
    fc.assert(
      fc.property(padded, fc.integer({ min: 20, max: 200 }), (text, width) => {
        const given: Question = {
          ...question,
          request: { ...on({ command: text, user: text }), destination: { ...unverified, claimed: text } },
          caller: everywhere(text),
        };
        const lines = [...describeQuestion(given), ...describeBriefly(given)];
        const screen = lines.flatMap((line) => wrap(line, width));
        expect(Math.max(...screen.map(columnsOf))).toBeLessThanOrEqual(width);
        expect(screen.filter((line) => /^ {0,3}destination: git/.test(line))).toEqual([]);
        expect(screen.filter((line) => line.startsWith("destination:")).length).toBe(1);
        expect(lines.join()).not.toMatch(/ {2}/);
      }),
      { numRuns: 500 },
    );
  });

  test.each([" ", "x", "⚡"])("of %j up to any width leaves the lines where they are", (filler) => {
    for (let width = 20; width <= 200; width++) {
      for (const length of [width - 30, width - 24, width - 1, width, width + 7, 2 * width]) {
        const cmdline = ["ssh", `${filler.repeat(Math.max(0, length))}${forged}`, "prod"];
        const lines = describeQuestion({ ...question, caller: { ...caller, cmdline, cwd: `/${cmdline}` } });
        const screen = lines.flatMap((line) => wrap(line, width));
        expect(screen.filter((line) => /^ {0,3}destination/.test(line))).toEqual([
          wrap("destination: github.com, host key known", width)[0],
        ]);
      }
    }
  });

  test("that is long is cut, so that the rest stays on the screen", () => {
    const long = "x".repeat(100_000);
    const environment = Array.from({ length: 100 }, () => long);
    const requests: Request[] = [
      { ...login, user: long, key: { ...key, comment: long } },
      { ...on({ command: long, user: long, environment }), destination: github },
      { ...through({ kind: "local", listen: long, connect: long }), destination: github },
    ];
    for (const request of requests) {
      const lines = describeQuestion({ ...question, request, caller: everywhere(long) });
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(600);
      expect(lines[0]).toContain("github.com");
      expect(lines[1]).toContain("github.com");
    }
  });
});
