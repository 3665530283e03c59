/** "Always": the rule matches what was asked for, and nothing else. */
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { exactRule, formatRule } from "../../src/policy/exact-rule.ts";
import { matchRule } from "../../src/policy/match/match.ts";
import type { Caller, Process, Request } from "../../src/policy/request.ts";
import { policySchema } from "../../src/policy/schema.ts";
import { caller, github, login, gitSignature as unclaimed, unverified } from "../support/policy.ts";

const session: Request = {
  kind: "session",
  destination: github,
  user: "git",
  command: "git-upload-pack 'site.git'",
  environment: ["LANG", "LC_ALL"],
  path: [],
  forwarded: false,
};
const gitSignature: Request = { ...unclaimed, repository: "/home/me/app", branch: "main" };
const forward: Request = {
  kind: "forward",
  destination: github,
  user: "git",
  forward: { kind: "local", listen: "localhost:8080", connect: "db:5432" },
  path: [],
  forwarded: false,
};
/** Changed so that it is not there. */
const without = (field: keyof Request): Partial<Request> => ({ [field]: undefined });
const program = (exe: string, ...cmdline: string[]): Process => ({
  pid: 9,
  startTime: "9",
  exe,
  name: "x",
  cmdline,
});
const bastion = { names: ["bastion"], hostKey: "SHA256:bastion" };

const made = (request: Partial<Request>, by: Partial<Caller> = {}, base = login) =>
  exactRule({ ...base, ...request }, { ...caller, ...by });

describe("the rule of an approval", () => {
  test("says all that was asked for, where, and by whom", () => {
    expect(exactRule(login, caller)).toEqual({
      name: "always: git (through ssh): log in to github.com as git with key 'work'",
      on: ["sign"],
      key: "SHA256:fingerprint-of-work",
      forwarded: false,
      host: "github.com",
      port: 22,
      host_key: "SHA256:host-key-of-github",
      verified: true,
      user: "git",
      programs: ["/usr/bin/ssh", "/usr/bin/git"],
      scope: "",
      container: false,
      action: "allow",
    });
  });

  test.each([login, gitSignature, session, { ...session, environment: [] }, forward])(
    "is one that its file may hold, and matches the request: %#",
    (request) => {
      const rule = exactRule(request, caller);
      if (!rule) throw new Error("no rule");
      const [read] = z.parse(policySchema, parse(formatRule(rule).join("\n"))).rule ?? [];
      expect(read).toEqual(rule);
      expect(matchRule(rule, request, caller)).toBe("yes");
    },
  );

  test("names a run, and the programs in it alone", () => {
    const holder = program("/usr/bin/node", "node", "/usr/bin/muxguard");
    const run = { name: "claude", pid: holder.pid };
    const inRun = { run, ancestors: [...caller.ancestors, holder, program("/usr/bin/tmux")] };
    expect(made({}, inRun)).toMatchObject({ programs: ["/usr/bin/ssh", "/usr/bin/git"], scope: "claude" });
  });

  describe("does not match another", () => {
    const others: [string, Request, Partial<Request>, Partial<Caller>][] = [
      ["host", login, { destination: { ...github, names: ["gitlab.com"] } }, {}],
      ["host key", login, { destination: { ...github, hostKey: "SHA256:other" } }, {}],
      ["port", login, { destination: { ...github, port: 2222 } }, {}],
      ["degree of proof", login, { destination: { ...github, verified: false } }, {}],
      ["user", login, { user: "root" }, {}],
      ["key", login, { key: { type: "ssh-ed25519", fingerprint: "SHA256:other" } }, {}],
      [
        "key whose comment is that fingerprint",
        login,
        { key: { type: "ssh-ed25519", fingerprint: "SHA256:other", comment: "SHA256:fingerprint-of-work" } },
        {},
      ],
      ["way", login, { forwarded: true, path: [bastion] }, {}],
      ["namespace", gitSignature, { namespace: "file" }, {}],
      ["repository", gitSignature, { repository: "/home/me/other" }, {}],
      ["branch", gitSignature, { branch: "release" }, {}],
      ["command", session, { command: "git-upload-pack 'other.git'" }, {}],
      ["variable", session, { environment: ["LANG", "LD_PRELOAD"] }, {}],
      ["terminal", session, { tty: true }, {}],
      ["X11 forwarding", session, { x11: true }, {}],
      ["agent forwarding", session, { forwardAgent: true }, {}],
      [
        "listening address",
        forward,
        { forward: { kind: "local", listen: "*:8080", connect: "db:5432" } },
        {},
      ],
      [
        "address behind it",
        forward,
        { forward: { kind: "local", listen: "localhost:8080", connect: "db:22" } },
        {},
      ],
      [
        "kind of forward",
        forward,
        { forward: { kind: "remote", listen: "localhost:8080", connect: "db:5432" } },
        {},
      ],
      ["program", login, {}, { exe: "/tmp/ssh" }],
      ["program that started it", login, {}, { ancestors: [program("/usr/bin/make", "make")] }],
      ["program more above it", login, {}, { ancestors: [...caller.ancestors, program("/usr/bin/make")] }],
      ["run", login, {}, { run: { name: "claude", pid: 1 } }],
      ["container", login, {}, { container: true }],
    ];

    test.each(others)("%s", (_, request, change, by) => {
      const rule = exactRule(request, caller);
      expect(rule).toBeDefined();
      expect(rule && matchRule(rule, { ...request, ...change }, { ...caller, ...by })).toBe("no");
    });

    test("session with variables, where there were none", () => {
      const rule = made({ environment: [] }, {}, session);
      expect(rule && matchRule(rule, session, caller)).toBe("no");
    });
  });
});

describe("there is no rule for", () => {
  const hopeless: [string, Partial<Request>, Request][] = [
    ["a host that nobody proved", { destination: unverified }, login],
    ["a host without a proven key", { destination: { verified: true, names: ["a"], how: "by ssh" } }, login],
    ["what was forwarded", { forwarded: true, path: [bastion] }, login],
    ["data of unknown shape", { data: "opaque" }, login],
    ["changes to the agent", { kind: "admin", operation: "remove-all" }, login],
    ["a whole connection", { kind: "proxy" }, session],
    ["a command with a *", { command: "ls *" }, session],
    ["a command with a ?", { command: "ls a?" }, session],
    ["a command with a newline", { command: "ls\nrm" }, session],
    ["a command with bytes that are no text", { command: "ls \udcff" }, session],
    ["a user that would be a list", { user: "git,root" }, login],
    ["a user that would be a pattern", { user: "*" }, login],
    ["a user that would be an exclusion", { user: "!root" }, login],
    ["a user with a space at the end", { user: "git " }, login],
    ["a host that would be a pattern", { destination: { ...github, names: ["*.example"] } }, login],
    ["a repository whose branch is not known", without("branch"), gitSignature],
    ["git, where it is not known for which repository", without("repository"), gitSignature],
    ["a repository that would be a pattern", { repository: "/home/*" }, gitSignature],
    ["a namespace that would be a pattern", { namespace: "?" }, gitSignature],
    ["a variable that would be a pattern", { environment: ["LC_*"] }, session],
    ["a variable that would be two", { environment: ["A,B"] }, session],
    ["listening at all addresses", { forward: { kind: "local", listen: "*:80", connect: "db:80" } }, forward],
    ["a path, whose case counts", { forward: { kind: "local", listen: "/a", connect: "db:80" } }, forward],
    ["a remote SOCKS proxy", { forward: { kind: "remote", listen: "localhost:80" } }, forward],
    ["the end of a forward", { operation: "cancel" }, forward],
  ];

  test.each(hopeless)("%s", (_, change, request) => {
    expect(made({}, {}, request)).toBeDefined();
    expect(made(change, {}, request)).toBeUndefined();
  });

  const who: [string, Partial<Caller>][] = [
    ["a program in a container", { container: true }],
    ["a program that the kernel does not name", { ancestors: [], exe: undefined as never }],
    ["an interpreter that reads its program", { exe: "/usr/bin/python3", cmdline: ["python3"] }],
    ["a script that any folder may have", { exe: "/usr/bin/python3", cmdline: ["python3", "deploy.py"] }],
    ["a run whose name would be a pattern", { run: { name: "*", pid: 1 } }],
    ["a run without a name", { run: { name: "", pid: 1 } }],
  ];

  test.each(who)("%s", (_, by) => {
    expect(made({}, by)).toBeUndefined();
  });
});
