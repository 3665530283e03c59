import { describe, expect, test } from "vitest";
import { clientFindings } from "../../src/doctor/clients.ts";
import { type DaemonFacts, daemonFindings } from "../../src/doctor/daemon.ts";
import { docsOf, topics } from "../../src/doctor/finding.ts";
import { folderFindings } from "../../src/doctor/folders.ts";
import { versionFindings } from "../../src/doctor/ssh.ts";
import { systemFindings } from "../../src/doctor/system.ts";
import type { Status } from "../../src/rpc/requests.ts";

const whats = (found: readonly { what: string }[]): string[] => found.map(({ what }) => what);

describe("the daemon", () => {
  const status: Status = {
    pid: 7,
    agentSocket: "/run/user/1/muxguard/agent.sock",
    upstream: [{ name: "the agent at /a" }],
    runs: 0,
    grants: 0,
    suspended: 0,
    approvers: [],
    locked: false,
    pending: 0,
    wrong: [],
    masters: [],
    watched: [],
  };
  const facts: DaemonFacts = {
    status,
    unreached: undefined,
    startedAt: 2000,
    installedAt: 1000,
    agent: status.agentSocket,
    runtime: "/run/user/1/muxguard",
  };

  test("is well", () => expect(daemonFindings(facts)).toEqual([]));

  test.each<[string, Partial<DaemonFacts>, RegExp]>([
    ["is not there", { status: undefined }, /^no daemon runs/],
    ["is older than the program", { installedAt: 3000 }, /older than the program/],
    ["reaches nobody", { unreached: "no display" }, /^no display$/],
    ["is not this shell's", { agent: "/tmp/other" }, /^SSH_AUTH_SOCK is \/tmp\/other here/],
    ["is not this shell's: none is", { agent: undefined }, /^SSH_AUTH_SOCK is not set here/],
    ["has no agent", { status: { ...status, upstream: [] } }, /no agent is behind the guard/],
    [
      "has an agent that is gone",
      { status: { ...status, upstream: [{ name: "/a", fault: "nobody answers\x1b[2J" }] } },
      /^\/a: nobody answers\\x1b\[2J$/,
    ],
    ["has found something", { status: { ...status, wrong: ["policy.toml:3: no"] } }, /^policy\.toml:3: no$/],
    ["is locked", { status: { ...status, locked: true } }, /locked/],
  ])("%s", (_, change, what) => {
    expect(whats(daemonFindings({ ...facts, ...change }))).toEqual([expect.stringMatching(what)]);
  });

  test("is a run's here", () => {
    expect(daemonFindings({ ...facts, agent: "/run/user/1/muxguard/run-7/agent.sock" })).toEqual([]);
  });
});

describe("OpenSSH", () => {
  test.each(["OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.20", "OpenSSH_8.9p1", "OpenSSH_10.0p2"])(
    "says where it logs in: %s",
    (said) => expect(versionFindings(said)).toEqual([]),
  );

  test.each([
    ["OpenSSH_8.4p1, OpenSSL 1.1.1", "wrong"],
    ["OpenSSH_7.9p1", "wrong"],
    [undefined, "wrong"],
    ["Sun_SSH_1.1", "note"],
  ])("does not, or nobody knows: %s", (said, level) => {
    expect(versionFindings(said)).toEqual([expect.objectContaining({ level })]);
  });
});

describe("the system", () => {
  const kernel =
    (settings: Record<string, string>) =>
    (path: unknown): never => {
      const value = settings[String(path)];
      if (value === undefined) throw new Error("ENOENT");
      return `${value}\n` as never;
    };
  const strict = { "/proc/sys/kernel/yama/ptrace_scope": "1", "/proc/sys/dev/tty/legacy_tiocsti": "0" };
  const none = undefined as unknown as string;

  test("keeps programs apart", () => {
    expect(systemFindings(kernel(strict) as never, none)).toEqual([]);
  });

  test.each([
    [{ "/proc/sys/kernel/yama/ptrace_scope": "0" }, "wrong", "sysctl kernel.yama.ptrace_scope=1"],
    [{ "/proc/sys/dev/tty/legacy_tiocsti": "1" }, "note", "sysctl dev.tty.legacy_tiocsti=0"],
  ])("does not: %j", (change, level, mend) => {
    expect(systemFindings(kernel({ ...strict, ...change }) as never, none)).toEqual([
      expect.objectContaining({ level, mend }),
    ]);
  });

  test("can't confine", () => {
    expect(systemFindings(kernel(strict) as never, "apt install bubblewrap")).toEqual([
      expect.objectContaining({ level: "wrong", mend: "apt install bubblewrap" }),
    ]);
  });
});

describe("folders", () => {
  const at = (mode: number, uid: number) => () => ({ mode: 0o40000 | mode, uid });

  test.each([
    [0o700, 5],
    [0o755, 0],
    [0o775, 5],
  ])("that are fine: mode %o, uid %i", (mode, uid) => {
    expect(folderFindings([["/f", "a folder"]], 5, at(mode, uid))).toEqual([]);
  });

  test.each([
    [0o777, 5, /anybody may write/],
    [0o1777, 0, /anybody may write/],
    [0o755, 6, /another user/],
  ])("that are not: mode %o, uid %i", (mode, uid, what) => {
    expect(whats(folderFindings([["/f", "a folder"]], 5, at(mode, uid)))).toEqual([
      expect.stringMatching(what),
    ]);
  });

  test("each once, and none that is not there", () => {
    const twice: [string, string][] = [
      ["/f", "a folder"],
      ["/f", "a folder in PATH"],
    ];
    expect(folderFindings(twice, 5, at(0o777, 5))).toHaveLength(1);
    expect(folderFindings(twice, 5, () => undefined)).toEqual([]);
  });
});

test("clients that bind nothing are counted by program, the most first", () => {
  const by = (exe: string, how: string) => ({ how, caller: { exe } as never });
  const events = [
    by("/usr/bin/python3", "no session-bind"),
    by("/usr/bin/ssh", "host key known"),
    by("/usr/bin/php", "no session-bind"),
    by("/usr/bin/python3", "no session-bind"),
    {},
  ];
  expect(whats(clientFindings(events))).toEqual([
    expect.stringMatching(/^\/usr\/bin\/python3: 2 logins without/),
    expect.stringMatching(/^\/usr\/bin\/php: 1 login without/),
  ]);
});

test("each topic has its section in the docs", async () => {
  const { readFileSync } = await import("node:fs");
  const text = readFileSync("docs/doctor.md", "utf8");
  const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, title = ""]) => title);
  const anchors = headings.map((title) => `docs/doctor.md#${title.toLowerCase().replaceAll(" ", "-")}`);
  expect(topics.map(docsOf)).toEqual(anchors);
});
