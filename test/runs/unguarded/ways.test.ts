/** What stands in ssh_config that leads past the guard, and what is told of it. */
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { notToldToday } from "../../../src/runs/unguarded/told.ts";
import { findWays } from "../../../src/runs/unguarded/ways.ts";
import { makeFolder } from "../../support/agents.ts";

let root: string;

beforeEach(() => {
  root = makeFolder();
  mkdirSync(join(root, "home"));
  vi.stubEnv("HOME", join(root, "home"));
});

function told(lines: string[], watched?: string[], ride = false): string[] {
  const sshConfig = join(root, "ssh_config");
  writeFileSync(sshConfig, ["IdentityFile none", ...lines, ""].join("\n"));
  const environment = { OWN: root, HOME: join(root, "home"), GIT_CONFIG_NOSYSTEM: "1" };
  const folder = join(root, "home/project/src");
  const facts = { environment, folder, ride, sshConfig, watched, agentSocket: "/r/agent.sock" };
  return findWays(facts).map(({ text }) => text.replaceAll(root, "ROOT"));
}

describe("ssh_config", () => {
  it("names another agent, for one host or in a file that it includes", () => {
    writeFileSync(join(root, "more"), "Host b\n IdentityAgent ~/.other/agent.sock\n");
    const found = told(["Host a", ` Include ${root}/m*`, " IdentityAgent=/run/agent"]);
    expect(found).toEqual([
      expect.stringMatching(/^ROOT\/more:2: IdentityAgent ~\/\.other\/agent\.sock: .*upstream_agent = /),
      expect.stringMatching(/^ROOT\/ssh_config:4: IdentityAgent \/run\/agent: /),
    ]);
  });

  it.each(["none", "SSH_AUTH_SOCK", "$SSH_AUTH_SOCK", "/r/agent.sock"])(
    "may say IdentityAgent %s",
    (value) => {
      expect(told([`IdentityAgent ${value}`])).toEqual([]);
    },
  );

  it("names no other agent where its first line leads all hosts to the guard: the first value counts", () => {
    const others = ["Host a", " IdentityAgent /run/a", "Host *", " IdentityAgent /run/b"];
    expect(told(["IdentityAgent /r/agent.sock", ...others])).toEqual([]);
    expect(told(["Host *", " IdentityAgent /r/agent.sock", ...others])).toEqual([]);
    expect(told(["Host b", " IdentityAgent /r/agent.sock", ...others])).toHaveLength(2);
    expect(told([...others, "IdentityAgent /r/agent.sock"])).toHaveLength(2);
  });

  it("forwards another agent", () => {
    expect(told(["ForwardAgent /run/agent"])).toEqual([expect.stringMatching(/ForwardAgent \/run\/agent: /)]);
    expect(told(["ForwardAgent $OTHER"])).toEqual([expect.stringMatching(/ForwardAgent \$OTHER: /)]);
    for (const value of ["yes", "no", "ask", "$SSH_AUTH_SOCK"])
      expect(told([`ForwardAgent ${value}`])).toEqual([]);
  });

  it("shares connections where nobody looks", () => {
    const lines = ["ControlMaster auto", `ControlPath ${root}/cm/%r@%h`];
    expect(told(lines)).toEqual([
      expect.stringMatching(/ControlMaster auto: .* in ROOT\/cm are seen by no guard/),
    ]);
    expect(told(lines, [])).toEqual([expect.stringMatching(/control_dirs/)]);
    expect(told(lines, [join(root, "cm")])).toEqual([]);
    expect(told(lines.slice(1))).toEqual([]);
  });

  it("shows nothing that a terminal obeys", () => {
    expect(told(["IdentityAgent /run/\u001b[2Jagent"]).join()).not.toContain("\u001b");
  });
});

describe("a private key without a passphrase", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nMC4=\n";

  it("is told of where ssh_config names it, and the FIFO beside it is not waited for", () => {
    writeFileSync(join(root, "key"), key);
    expect(told([`IdentityFile ${root}/key`, "IdentityFile %d/nothing", "IdentityFile /dev/tty"])).toEqual([
      expect.stringMatching(/^ROOT\/key: a key without a passphrase.*ssh-keygen -p -f ROOT\/key/),
    ]);
    expect(told(["IdentityFile $" + "{OWN}/key"])).toHaveLength(1);
  });
});

describe("a profile", () => {
  it("that sets SSH_AUTH_SOCK is another matter in a ride", () => {
    writeFileSync(join(root, "home/.bash_profile"), "# mine\nexport SSH_AUTH_SOCK=/run/agent\n");
    expect(told([])).toEqual([
      expect.stringMatching(/^ROOT\/home\/\.bash_profile:2 sets SSH_AUTH_SOCK: .* in a run /),
    ]);
    expect(told([], [], true)).toEqual([expect.stringMatching(/in a ride reaches that agent/)]);
  });
});

describe("a file that a profile reads", () => {
  const profile = (text: string): void => writeFileSync(join(root, "home/.bashrc"), text);
  const sets = "SSH_AUTH_SOCK=/run/agent; export SSH_AUTH_SOCK;\n";
  const agentEnv = (): void => writeFileSync(join(root, "home/.agent_env"), sets);

  it.each([
    ". ~/.agent_env",
    'source "$HOME/.agent_env"',
    '[ -f "$' + '{HOME}/.agent_env" ] && . "$' + '{HOME}/.agent_env" > /dev/null',
    'source "$' + '{ELSEWHERE:-$HOME}/.agent_env"',
    'env=~/.agent_env\nload() { test -f "$env" && . "$env" >| /dev/null ; }',
    "if test -r ~/.agent_env; then . ~/.agent_env; fi",
  ])("is looked at, too: %s", (text) => {
    agentEnv();
    profile(text);
    expect(told([])).toEqual([
      expect.stringMatching(
        /^ROOT\/home\/\.bashrc:\d reads ROOT\/home\/\.agent_env:1, which sets SSH_AUTH_SOCK: .* before it$/,
      ),
    ]);
  });

  it.each([
    "# . ~/.agent_env",
    '[ -n "$MUXGUARD_PROMPTS" ] || . ~/.agent_env',
    '[ -n "$SSH_AUTH_SOCK" ] ||\n. ~/.agent_env',
    ". ./.agent_env",
    ". $" + "(agent-file)",
    "echo . ~/agent_env.",
  ])("is not, where it is not read in a run, or nobody can say which: %s", (text) => {
    agentEnv();
    profile(text);
    expect(told([])).toEqual([]);
  });

  it("may read others, itself among them, four deep", () => {
    const deep = (depth: number): string => join(root, `home/deep-${depth}`);
    for (let depth = 1; depth < 8; depth++)
      writeFileSync(deep(depth), `. ${deep(depth)}\n. ${deep(depth + 1)}\n${depth === 4 ? sets : ""}`);
    writeFileSync(deep(5), sets);
    profile(`. ~/.bashrc\n. /dev/tty\n. ${deep(1)}\n`);
    expect(told([])).toEqual([expect.stringMatching(/deep-3:2 reads ROOT\/home\/deep-4:3, which sets/)]);
  });

  it("is one of as many as are looked at", () => {
    const names = Array.from({ length: 100 }, (_, at) => join(root, `home/part-${at}`));
    for (const name of names) writeFileSync(name, sets);
    profile(names.map((name) => `. ${name}\n`).join(""));
    const { length } = told([]);
    expect(length).toBeGreaterThan(30);
    expect(length).toBeLessThan(61);
  });
});

describe("core.sshCommand of git", () => {
  const write = (name: string, text: string): void => {
    const path = join(root, "home", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  const command = "\tsshCommand = /usr/bin/ssh -i ~/.ssh/work\n";
  const other = "IdentityAgent /run/agent";
  const isTold = (lines = [other], ride = false): string[] =>
    told(lines, [], ride).filter((text) => text.includes("core.sshCommand"));

  it.each<[string, [string, string][], string]>([
    ["in the user's file", [[".gitconfig", `[core]\n${command}`]], ".gitconfig:2"],
    [
      "in the other one",
      [
        [
          ".config/git/config",
          `[CORE] ; x\n${command.toUpperCase()}`.replace("/USR/BIN/SSH", "/usr/bin/ssh"),
        ],
      ],
      ".config/git/config:2",
    ],
    [
      "on one line",
      [[".gitconfig", '[core] sshcommand = "/usr/bin/ssh -i \\"a b\\"" # mine\n']],
      ".gitconfig:1",
    ],
    [
      "in a file that is included for some repositories",
      [
        [".gitconfig", '[user]\nname = me\n[includeIf "gitdir:~/work/"]\n path = ~/work.inc\n'],
        ["work.inc", `[include]\npath = more.inc\n[include]\npath = work.inc\n`],
        ["more.inc", `[core]\n${command}`],
      ],
      "more.inc:2",
    ],
    [
      "in the repository around",
      [
        ["project/.git/HEAD", "ref: refs/heads/main\n"],
        ["project/.git/config", `[core]\n\tbare = false\n${command}`],
      ],
      "project/.git/config:3",
    ],
    [
      "in that of a worktree",
      [
        ["project/.git", "gitdir: ../main/.git/worktrees/project\n"],
        ["main/.git/worktrees/project/HEAD", "ref: refs/heads/other\n"],
        ["main/.git/worktrees/project/commondir", "../..\n"],
        ["main/.git/config", `[core]\n${command}`],
      ],
      "main/.git/config:2",
    ],
  ])("%s is told of where ssh_config names another agent", (_, files, place) => {
    for (const [name, text] of files) write(name, text);
    expect(isTold()).toEqual([
      expect.stringContaining(`ROOT/home/${place}: core.sshCommand calls ssh by its full path`),
    ]);
    expect(isTold([])).toEqual([]);
    expect(isTold([other], true)).toEqual([]);
  });

  it.each([
    ["-o IdentityAgent=/run/other", [], 1],
    ["-o IdentityAgent=none", [other], 0],
    ["-oidentityagent=/r/agent.sock", [other], 0],
    ["-F ~/nothing", [other], 0],
  ])("may name the agent itself: %s", (options, lines, count) => {
    write(".gitconfig", `[core]\nsshCommand = A=b '/usr/bin/ssh' ${options}\n`);
    expect(isTold(lines)).toHaveLength(count);
  });

  it.each(["ssh -i key", "plink", "# /usr/bin/ssh", "/usr/bin/plink -ssh"])(
    "is led, or no ssh: %s",
    (value) => {
      write(".gitconfig", `[core]\nsshCommand = ${value}\n[other]\n${command}`);
      expect(isTold()).toEqual([]);
    },
  );
});

describe("what was told", () => {
  const ways = [
    { id: "a", text: "one" },
    { id: "b", text: "two" },
  ];
  const day = (date: number): Date => new Date(2026, 0, date);

  it("is told again on the next day, and what is new at once", () => {
    const path = join(root, "told.json");
    expect(notToldToday(path, ways.slice(1), day(1))).toEqual(ways.slice(1));
    expect(notToldToday(path, ways, day(1))).toEqual(ways.slice(0, 1));
    expect(notToldToday(path, ways, day(1))).toEqual([]);
    expect(notToldToday(path, ways, day(2))).toEqual(ways);
  });

  it("is told each time where it can't be kept, and writes through no link", () => {
    const path = join(root, "told.json");
    writeFileSync(join(root, "other"), "mine");
    symlinkSync(join(root, "other"), path);
    for (const _ of [1, 2]) expect(notToldToday(path, ways)).toEqual(ways);
    expect(readFileSync(join(root, "other"), "utf8")).toBe("mine");
    expect(notToldToday(join(root, "nowhere/told.json"), ways)).toEqual(ways);
  });

  it("may be nonsense", () => {
    const path = join(root, "told.json");
    for (const text of ["", "[]", '{"day":1,"ids":{}}', "null"]) {
      writeFileSync(path, text);
      chmodSync(path, 0o600);
      expect(notToldToday(path, ways)).toEqual(ways);
    }
  });
});
