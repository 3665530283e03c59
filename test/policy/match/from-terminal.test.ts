/** The line of programs begins at a terminal's shell, where root alone decides what is above it. */
import { describe, expect, test } from "vitest";
import { lineOf } from "../../../src/policy/coverage.ts";
import { exactRule } from "../../../src/policy/exact-rule.ts";
import { typedLine } from "../../../src/policy/match/from-terminal.ts";
import { matchRule } from "../../../src/policy/match/match.ts";
import type { Caller, Process } from "../../../src/policy/request.ts";
import { login, rule, caller as usual } from "../../support/policy.ts";

let pid = 100;
const program = (exe: string | undefined, more: Partial<Process> = {}): Process => ({
  pid: ++pid,
  startTime: "1",
  ...(exe !== undefined && { exe }),
  name: exe?.split("/").at(-1) ?? "hidden",
  cmdline: [exe ?? ""],
  ...more,
});
const ofRoot = { ofRoot: true } as const;
const prompt = (more: Partial<Process> = {}): Process =>
  program("/usr/bin/bash", { ...ofRoot, systemShell: true, leadsTerminal: true, ...more });
const script = (path: string, more: Partial<Process> = {}): Process =>
  program("/usr/bin/bash", { ...ofRoot, systemShell: true, cmdline: ["bash", path], ...more });
const tmux = program("/usr/bin/tmux", ofRoot);
const init = program(undefined, { ...ofRoot, pid: 1, name: "systemd" });
const terminal = [tmux, init];

const by = (...ancestors: Process[]): Caller => ({ ...usual, ancestors });
const line = (...ancestors: Process[]): string[] => lineOf(typedLine(by(...ancestors)));

describe("the line begins at the shell", () => {
  const sshd = program(undefined, { ...ofRoot, name: "sshd" });
  const shells: [string, Process[]][] = [
    ["of tmux", [prompt(), tmux, init]],
    ["of a terminal on the desktop", [prompt(), program("/usr/libexec/gnome-terminal-server", ofRoot), init]],
    ["of a login over ssh, which hides", [prompt(), program(undefined, { name: "sshd" }), sshd, sshd, init]],
    ["of a login as root", [prompt(), program("/usr/sbin/sshd", ofRoot), init]],
    ["of a login at the console", [prompt(), program(undefined, { ...ofRoot, name: "login" }), init]],
  ];
  test.each(shells)("%s", (_, above) => {
    expect(line(...above)).toEqual(["/usr/bin/ssh"]);
    expect(line(program("/usr/bin/git"), ...above)).toEqual(["/usr/bin/ssh", "/usr/bin/git"]);
    expect(line(script("/home/me/deploy.sh"), ...above)).toEqual([
      "/usr/bin/ssh",
      "/usr/bin/bash /home/me/deploy.sh",
    ]);
  });
});

describe("the line goes on above", () => {
  const evil = program("/home/me/evil");
  const others: [string, Process[]][] = [
    ["a shell that no terminal is for", [prompt({ leadsTerminal: undefined as never }), ...terminal]],
    ["a renamed shell", [prompt({ exe: "/home/me/bash", systemShell: undefined as never }), ...terminal]],
    ["a shell whose file was replaced", [prompt({ exeDeleted: true }), ...terminal]],
    ["a shell that runs what another program wants", [prompt({ cmdline: ["sh", "-c", "ssh"] }), ...terminal]],
    ["a shell that runs a script", [prompt({ cmdline: ["sh", "/home/me/a.sh"] }), ...terminal]],
    ["what is no terminal", [prompt(), program("/usr/bin/script", ofRoot), init]],
    ["an interpreter that made a terminal", [prompt(), program("/usr/bin/python3", ofRoot), init]],
    ["a terminal that is the user's own file", [prompt(), program("/home/me/.local/bin/tmux"), init]],
    ["a terminal that was started by another program", [prompt(), tmux, evil, init]],
    ["a terminal that a script started", [prompt(), tmux, script("/home/me/a.sh"), init]],
    ["a program that hides, and calls itself sshd", [prompt(), program(undefined, { name: "sshd" }), init]],
    [
      "a program that hides below another one that does",
      [prompt(), program(undefined, { name: "sshd" }), program(undefined, { name: "sshd" }), init],
    ],
  ];
  test.each(others)("%s", (_, above) => {
    expect(line(...above).length).toBeGreaterThan(1);
    const typed = exactRule(login, by(prompt(), ...terminal));
    expect(typed).toMatchObject({ programs: ["/usr/bin/ssh"] });
    expect(typed && matchRule(typed, login, by(...above))).toBe("no");
  });

  test("a terminal's shell inside of a run, where a program may type", () => {
    const holder = program("/usr/bin/node");
    const inRun: Caller = {
      ...by(prompt(), tmux, evil, holder, prompt(), tmux),
      run: { name: "claude", pid: holder.pid },
    };
    expect(lineOf(typedLine(inRun))).toEqual(["/usr/bin/ssh", "/usr/bin/tmux", "/home/me/evil"]);
  });
});

describe("a rule that was made at a prompt", () => {
  const typed = exactRule(login, by(prompt(), ...terminal));
  const matches = (...ancestors: Process[]) => typed && matchRule(typed, login, by(...ancestors));

  test("counts at another terminal, and for a script that was started there", () => {
    expect(matches(prompt(), program("/usr/bin/xterm", ofRoot), init)).toBe("yes");
    expect(matches(script("deploy.sh"), prompt(), ...terminal)).toBe("yes");
    expect(matches(script("/a.sh"), script("/b.sh"), prompt(), ...terminal)).toBe("yes");
  });

  const others: [string, Process[]][] = [
    ["another program", [program("/usr/bin/make", ofRoot), prompt(), ...terminal]],
    ["a script of another program", [script("/hook"), program("/usr/bin/git"), prompt(), ...terminal]],
    ["a program in a script", [program("/usr/bin/make"), script("/a.sh"), prompt(), ...terminal]],
    ["a script of another language", [program("/usr/bin/python3", ofRoot), prompt(), ...terminal]],
    ["a script without a terminal", [script("/a.sh"), init]],
    [
      "a renamed shell that says it runs a script",
      [script("/a.sh", { exe: "/home/me/bash", systemShell: undefined as never }), prompt(), ...terminal],
    ],
    ["a shell whose file was replaced", [script("/a.sh", { exeDeleted: true }), prompt(), ...terminal]],
  ];
  test.each(others)("does not count for %s", (_, ancestors) => {
    expect(matches(...ancestors)).toBe("no");
  });
});

test("a rule that was made for a script is for that one alone", () => {
  const made = exactRule(login, by(script("/home/me/deploy.sh"), prompt(), ...terminal));
  const matches = (...ancestors: Process[]) => made && matchRule(made, login, by(...ancestors));
  expect(matches(script("/home/me/deploy.sh"), prompt(), program("/usr/bin/xterm", ofRoot), init)).toBe(
    "yes",
  );
  expect(matches(script("/home/me/other.sh"), prompt(), ...terminal)).toBe("no");
  expect(matches(prompt(), ...terminal)).toBe("no");
});

test("a rule that names the whole line, as they were written before, still matches", () => {
  const whole = rule({ programs: ["/usr/bin/ssh", "/usr/bin/tmux", "(systemd)"], action: "allow" });
  expect(matchRule(whole, login, by(prompt(), ...terminal))).toBe("yes");
});

test("what a rule denies by its line is denied whatever is above the shell", () => {
  const no = rule({ programs: ["/usr/bin/ssh"], action: "deny" });
  for (const above of [terminal, [program("/usr/bin/script"), init]])
    expect(
      matchRule(no, login, by(script("/a.sh"), prompt({ systemShell: undefined as never }), ...above)),
    ).toBe("yes");
});

describe("a rule that was made in a run", () => {
  const holder = program("/usr/bin/node", { name: "muxguard run" });
  const git = program("/usr/bin/git", ofRoot);
  const run = { name: "claude", pid: holder.pid };
  const inside = (...below: Process[]): Caller => ({ ...by(...below, holder, prompt(), ...terminal), run });
  const claude = program("/usr/bin/node", { cmdline: ["node", "/usr/lib/claude.js"] });

  test("counts outside too, for the same line from a terminal, where the run is open", () => {
    const made = exactRule(login, inside(git, claude), true);
    expect(made).toMatchObject({
      name: "always: git (through ssh) in run 'claude' and outside: log in to github.com as git with key 'work'",
      scope: "claude,",
    });
    expect(made && matchRule(made, login, inside(git, claude))).toBe("yes");
    expect(made && matchRule(made, login, by(git, claude, prompt(), ...terminal))).toBe("yes");
  });

  test("counts outside for nothing else", () => {
    const made = exactRule(login, inside(git, claude), true);
    const another = program("/usr/bin/node", { cmdline: ["node", "/home/me/evil.js"] });
    for (const line of [[git], [git, another], [claude], []])
      expect(made && matchRule(made, login, by(...line, prompt(), ...terminal))).toBe("no");
    expect(made && matchRule(made, login, { ...inside(git, claude), run: { ...run, name: "codex" } })).toBe(
      "no",
    );
  });

  test("counts in its run alone, where the run is confined or rides, and where a program could be any", () => {
    expect(exactRule(login, inside(git, claude))).toMatchObject({ scope: "claude" });
    const unnamed = program("/usr/bin/node", { cmdline: ["node", "claude.js"] });
    expect(exactRule(login, inside(git, unnamed), true)).toMatchObject({ scope: "claude" });
  });
});

test("a rule that was made outside counts in no run, not even in one without a name", () => {
  const made = exactRule(login, by(prompt(), ...terminal), true);
  expect(made).toMatchObject({ scope: "" });
  const holder = program("/usr/bin/node");
  for (const name of ["claude", ""]) {
    const inside: Caller = { ...by(holder, prompt(), ...terminal), run: { name, pid: holder.pid } };
    expect(made && matchRule(made, login, inside)).toBe("no");
  }
});
