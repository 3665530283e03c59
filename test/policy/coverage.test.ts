import { describe, expect, test } from "vitest";
import { coverage, denialCoverage, programOf, whoAsks } from "../../src/policy/coverage.ts";
import type { Caller, Forward, Host, Process, Request } from "../../src/policy/request.ts";
import { caller, github, gitSignature, login, unverified } from "../support/policy.ts";

const bastion: Host = { names: ["bastion"], hostKey: "SHA256:bastion" };
const database: Host = { names: ["db"], hostKey: "SHA256:db" };
const unnamed: Host = { names: ["someone"] };

const make: Process = { pid: 9, startTime: "9", exe: "/usr/bin/make", name: "make", cmdline: ["make"] };

const local: Forward = { kind: "local", listen: "localhost:8080", connect: "db:5432" };

const covered = (request: Partial<Request>, by: Partial<Caller> = {}, run?: string): string | undefined =>
  coverage({ ...login, ...request }, { ...caller, ...by }, run);

describe("a grant covers the same request again", () => {
  test("by another process of the same programs", () => {
    const again = {
      pid: 5000,
      startTime: "200",
      ancestors: caller.ancestors.map((one) => ({ ...one, pid: 5 })),
    };
    expect(covered({}, again)).toBe(covered({}));
  });

  test("whatever the key is called, and what the program says of itself", () => {
    const key = { type: "ssh-ed25519", fingerprint: "SHA256:fingerprint-of-work", comment: "other" };
    expect(covered({ key })).toBe(covered({}));
    expect(covered({}, { name: "other", cmdline: ["other"], cwd: "/" })).toBe(covered({}));
  });

  test("whether or not a shell's prompt or command is above it", () => {
    const shell = (...cmdline: string[]): Process => ({
      ...make,
      exe: "/usr/bin/zsh",
      systemShell: true,
      cmdline,
    });
    const [git] = caller.ancestors;
    for (const between of [[], [shell("-zsh")], [shell("zsh", "-c", "git fetch"), shell("zsh", "-i")]]) {
      expect(covered({}, { ancestors: [git as Process, ...between] })).toBe(covered({}));
    }
  });

  test("whether or not a program started itself in between, as git pull does", () => {
    const [git, ...above] = caller.ancestors as [Process, ...Process[]];
    expect(covered({}, { ancestors: [git, git, ...above] })).toBe(covered({}));
    expect(covered({}, { ancestors: [git, make, git, ...above] })).not.toBe(covered({}));
  });

  test("over the same path", () => {
    const way = { forwarded: true, path: [bastion, database] };
    expect(covered(way)).toBeDefined();
    expect(covered(way)).toBe(covered({ ...way }));
  });

  test("in whatever order it names its variables", () => {
    expect(covered({ environment: ["LANG", "EDITOR"] })).toBe(covered({ environment: ["EDITOR", "LANG"] }));
    expect(covered({ environment: [] })).toBe(covered({}));
  });

  test("and leaves the request as it was", () => {
    const environment = ["LANG", "EDITOR"];
    covered({ environment });
    expect(environment).toEqual(["LANG", "EDITOR"]);
  });

  test("to a host that nobody proved, where it came straight from here", () => {
    expect(covered({ destination: unverified })).toBeDefined();
  });
});

describe("a grant does not cover another", () => {
  const requests: [string, Partial<Request>][] = [
    ["kind", { kind: "session" }],
    ["host", { destination: { ...github, names: ["gitlab.com"] } }],
    ["port", { destination: { ...github, port: 2222 } }],
    ["host key", { destination: { ...github, hostKey: "SHA256:another" } }],
    ["degree of proof", { destination: { ...github, verified: false } }],
    ["user", { user: "root" }],
    ["key", { key: { type: "ssh-ed25519", fingerprint: "SHA256:another", comment: "work" } }],
    ["shape of data", { data: "sshsig" }],
    ["namespace", { namespace: "git" }],
    ["operation", { operation: "add" }],
    ["library", { provider: "/usr/lib/pkcs11.so" }],
    ["command", { command: "ls" }],
    ["subsystem", { subsystem: "sftp" }],
    ["terminal", { tty: true }],
    ["X11 forwarding", { x11: true }],
    ["agent forwarding", { forwardAgent: true }],
    ["variable", { environment: ["LANG"] }],
    ["forward", { forward: local }],
    ["way", { forwarded: true, path: [bastion] }],
  ];
  const callers: [string, Partial<Caller>][] = [
    ["program", { exe: "/usr/bin/scp" }],
    ["ancestor", { ancestors: caller.ancestors.slice(1) }],
    ["ancestor more", { ancestors: [make, ...caller.ancestors] }],
    [
      "program that lies in a file called sh",
      { ancestors: [{ ...make, exe: "/home/me/sh", cmdline: ["sh", "-c", "x"] }, ...caller.ancestors] },
    ],
    ["order of ancestors", { ancestors: [...caller.ancestors, make] }],
    [
      "script above it",
      { ancestors: [{ ...caller, exe: "/bin/bash", cmdline: ["bash", "a.sh"] }, ...caller.ancestors] },
    ],
    ["login session", { session: "3" }],
    ["container", { container: true }],
  ];

  test.each(requests)("%s", (_, request) => {
    expect(covered(request)).toBeDefined();
    expect(covered(request)).not.toBe(covered({}));
  });

  test.each(callers)("%s", (_, by) => {
    expect(covered({}, by)).not.toBe(covered({}));
  });

  test("run, of the same name or none", () => {
    expect(new Set([covered({}), covered({}, {}, "run-1"), covered({}, {}, "run-2")]).size).toBe(3);
  });

  test("path of hops", () => {
    const paths: Host[][] = [[bastion], [database], [bastion, database], [database, bastion]];
    const all = paths.map((path) => covered({ forwarded: true, path }));
    expect(new Set(all).size).toBe(paths.length);
    expect(all).not.toContain(undefined);
  });

  test("host that is only claimed", () => {
    const to = (claimed: string): string | undefined => covered({ destination: { ...unverified, claimed } });
    expect(to("github.com")).toBeDefined();
    expect(to("github.com")).not.toBe(to("prod"));
    expect(to("github.com")).not.toBe(covered({ destination: unverified }));
  });

  test("forward of another kind, or between other places", () => {
    const { listen, connect } = { listen: "localhost:8080", connect: "db:5432" };
    const forwards: Forward[] = [
      local,
      { kind: "remote", listen, connect },
      { ...local, listen: "*:8080" },
      { ...local, connect: "db:22" },
      { kind: "local", listen: connect, connect: listen },
      { kind: "dynamic", listen },
      { kind: "stdio", connect },
    ];
    const all = forwards.map((forward) => covered({ kind: "forward", forward }));
    expect(new Set(all).size).toBe(forwards.length);
  });

  test("session with other extras", () => {
    const sessions: Partial<Request>[] = [
      { tty: true },
      { x11: true },
      { forwardAgent: true },
      { x11: true, forwardAgent: true },
      { environment: ["A"] },
      { environment: ["A", "B"] },
      { environment: ["A,B"] },
    ];
    const all = sessions.map((more) => covered({ kind: "session", command: "ls", ...more }));
    expect(new Set(all).size).toBe(sessions.length);
  });

  test("request whose parts only look the same together", () => {
    expect(covered({ user: "a", namespace: "b" })).not.toBe(covered({ user: 'a","b' }));
    expect(covered({ command: "a" })).not.toBe(covered({ subsystem: "a" }));
    expect(covered({ command: "" })).not.toBe(covered({}));
  });
});

describe("nothing is remembered", () => {
  test("for data of unknown shape", () => {
    expect(covered({ data: "opaque" })).toBeUndefined();
  });

  test("for a forwarded login to a host that nobody proved", () => {
    expect(covered({ forwarded: true, path: [bastion], destination: unverified })).toBeUndefined();
  });

  test("for what came through a host without a proven key", () => {
    expect(covered({ forwarded: true, path: [bastion, unnamed] })).toBeUndefined();
    expect(
      coverage({ ...gitSignature, forwarded: true, path: [unnamed] }, caller, undefined),
    ).toBeUndefined();
  });

  test("for what came through hosts that nobody can name", () => {
    expect(coverage({ ...gitSignature, forwarded: true, path: [] }, caller, undefined)).toBeUndefined();
    expect(covered({ forwarded: true, path: [] })).toBeUndefined();
  });
});

describe("who asks is", () => {
  const one = whoAsks(caller, undefined);

  test("the same for any request and process of the same programs", () => {
    expect(whoAsks({ ...caller, pid: 5000, startTime: "200", cwd: "/" }, undefined)).toBe(one);
    expect(coverage(login, caller, undefined, "session")).toContain(JSON.stringify(one));
  });

  test("another in another run, program, login session or container", () => {
    const others = [
      whoAsks(caller, "run-1"),
      whoAsks(caller, "run-2"),
      whoAsks({ ...caller, exe: "/usr/bin/scp" }, undefined),
      whoAsks({ ...caller, ancestors: [] }, undefined),
      whoAsks({ ...caller, session: "3" }, undefined),
      whoAsks({ ...caller, container: true }, undefined),
    ];
    expect(new Set([one, ...others]).size).toBe(others.length + 1);
  });
});

describe("a program whose file was removed or replaced while it runs", () => {
  const deleted = { ...caller, exeDeleted: true } as const;

  test("has no approvals of the program at that path", () => {
    expect(covered({}, deleted)).not.toBe(covered({}));
  });

  test("has its denials, and is counted as before", () => {
    expect(denialCoverage(login, deleted, undefined)).toBe(denialCoverage(login, caller, undefined));
    expect(whoAsks(deleted, undefined)).toBe(whoAsks(caller, undefined));
  });

  test("is in the line of programs, although it is a shell", () => {
    const [git, bash] = caller.ancestors as [Process, Process];
    expect(covered({}, { ancestors: [git, { ...bash, exeDeleted: true }] })).not.toBe(covered({}));
  });
});

describe("a program that sees other files than the guard", () => {
  const foreign = (exeFile: string) => ({ ...caller, exeForeign: true, exeFile }) as const;

  test("has no approvals of the program at that path, nor of another one that claims it", () => {
    const all = [covered({}), covered({}, foreign("1:1")), covered({}, foreign("1:2"))];
    expect(new Set(all).size).toBe(3);
    expect(covered({}, foreign("1:1"))).toBe(covered({}, foreign("1:1")));
  });

  test("has the denials of that path", () => {
    expect(denialCoverage(login, foreign("1:1"), undefined)).toBe(denialCoverage(login, caller, undefined));
  });
});

describe("a program is", () => {
  const process = (exe: string | undefined, ...cmdline: string[]): Process => ({
    pid: 1,
    startTime: "1",
    name: "name",
    cmdline,
    ...(exe !== undefined && { exe }),
  });

  const rows: [string, Process, string][] = [
    ["its executable", process("/usr/bin/ssh", "ssh", "host"), "/usr/bin/ssh"],
    ["its own name where the kernel tells nothing", process(undefined, "x"), "(name)"],
    [
      "a script and what runs it",
      process("/usr/bin/python3.11", "python3", "a.py", "x"),
      "/usr/bin/python3.11 a.py",
    ],
    ["a script behind options", process("/usr/bin/node", "node", "--inspect", "a.js"), "/usr/bin/node a.js"],
    [
      "a script behind the value of an option",
      process("/usr/bin/node", "node", "--import", "tsx", "a.ts"),
      "/usr/bin/node a.ts",
    ],
    [
      "a script behind several of them",
      process("/usr/bin/python3", "python3", "-W", "error", "-X", "dev", "-u", "a.py"),
      "/usr/bin/python3 a.py",
    ],
    [
      "a script behind an option that takes a value elsewhere",
      process("/usr/bin/python3", "python3", "-I", "a.py"),
      "/usr/bin/python3 a.py",
    ],
    ["a script that looks like an option", process("/usr/bin/perl", "perl", "--", "-x"), "/usr/bin/perl -x"],
    ["a shell's script", process("/bin/bash", "bash", "-e", "a.sh"), "/bin/bash a.sh"],
    [
      "a shell's script behind options, as CI runs it",
      process("/bin/bash", "bash", "--noprofile", "--norc", "-eo", "pipefail", "a.sh"),
      "/bin/bash a.sh",
    ],
    [
      "a shell with a command behind options",
      process("/bin/bash", "bash", "-o", "pipefail", "-c", "make"),
      "/bin/bash",
    ],
    [
      "a shell's script behind an option that takes a value in bash alone",
      process("/usr/bin/zsh", "zsh", "-O", "a.sh", "b.sh"),
      "/usr/bin/zsh a.sh",
    ],
    ["what a shell reads first", process("/bin/bash", "bash", "--rcfile", "a.sh", "-i"), "/bin/bash a.sh"],
    ["a shell with a command of its own", process("/bin/bash", "bash", "-ec", "make"), "/bin/bash"],
    ["a shell that reads commands", process("/usr/bin/zsh", "-zsh"), "/usr/bin/zsh"],
    ["ssh, which is no shell", process("/usr/bin/ssh", "ssh", "prod"), "/usr/bin/ssh"],
    ["an interpreter only by its whole name", process("/usr/bin/mypython", "x", "a.py"), "/usr/bin/mypython"],
  ];

  test.each(rows)("%s", (_, given, expected) => {
    expect(programOf(given)).toBe(expected);
  });
});
