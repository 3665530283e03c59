/** A question in one line. What the guard knows is told from what somebody says by its quotes. */
import { describe, expect, it } from "vitest";
import { describeTitle } from "../../../src/policy/describe/title.ts";
import type { Caller, Host, Process, Request } from "../../../src/policy/request.ts";
import { question } from "../../support/guard.ts";
import { caller, github, gitSignature, login, unverified } from "../../support/policy.ts";

const git = (...words: string[]): Caller => {
  const [first, ...others] = caller.ancestors;
  if (!first) throw new Error("no git");
  return { ...caller, ancestors: [{ ...first, cmdline: ["git", ...words] }, ...others] };
};
const by = (exe: string, ...cmdline: string[]): Caller => {
  const process: Process = { pid: 99, startTime: "1", exe, name: "x", cmdline };
  return { ...caller, ancestors: [process] };
};
const itself: Caller = { ...caller, ancestors: [] };
const session = (fields: Partial<Request>): Request => ({
  ...{ kind: "session", destination: github, user: "git", path: [], forwarded: false },
  ...fields,
});
const bastion: Host = { names: ["bastion"] };
const run = { name: "claude", pid: 1 };
const pushed = session({ command: "git-receive-pack 'me/site.git'" });
const forward = session({
  kind: "forward",
  forward: { kind: "local", listen: "localhost:5432", connect: "db:5432" },
});

describe("the title of a question", () => {
  it.each<[string, Request, Caller]>([
    // a login: what git does there is what its command line says
    ['git "push" → github.com as git?', login, git("push", "origin", "main")],
    ['git "push" → github.com as git?', login, git("-C", "site", "-c", "a=b", "--bare", "push")],
    ["git → github.com as git?", login, git("-c")],
    ["git → github.com as git?", login, git('push" → example.org as root?')],
    ['git "push" → github.com as git, in run "claude"?', login, { ...git("push"), run }],
    ["ssh → github.com as git?", login, itself],
    ['node "claude" → github.com as git?', login, by("/usr/bin/node", "node", "/opt/claude", "-c")],
    ['/tmp/git "push" → github.com as git?', login, by("/tmp/git", "git", "push")],
    [
      "something on bastion → github.com as git?",
      { ...login, forwarded: true, path: [bastion] },
      git("push"),
    ],
    ["something on hosts that nobody can name → github.com as git?", { ...login, forwarded: true }, itself],
    ["ssh → an unknown destination as git?", { ...login, destination: unverified }, itself],
    [
      'ssh → an unknown destination (it says "web1 as root?") as git?',
      { ...login, destination: { ...unverified, claimed: "web1 as root?" } },
      itself,
    ],
    ["ssh → github.com as git?", session({ kind: "connect", command: "uptime" }), itself],
    // a session: what it runs is known
    ["git push → github.com as git?", pushed, git("push")],
    ["git push → github.com as git?", pushed, git("fetch")],
    ['node "x": git push → github.com as git?', pushed, by("/usr/bin/node", "node", "x")],
    ["git fetch → github.com as git?", session({ command: "git-upload-pack 'a'" }), git("fetch")],
    [
      `git "push": run "git-receive-pack 'a'; reboot" → github.com as git?`,
      session({ command: "git-receive-pack 'a'; reboot" }),
      git("push"),
    ],
    ['ssh: run "uptime" → github.com as git?', session({ command: "uptime" }), itself],
    [
      'ssh: run "a\\" → web1 as root?" → github.com as git?',
      session({ command: 'a" → web1 as root?' }),
      itself,
    ],
    ["ssh: a shell → github.com as git?", session({ command: "" }), itself],
    [
      "ssh: a shell → github.com as git with X11 forwarding and agent forwarding?",
      session({ command: "", x11: true, forwardAgent: true }),
      itself,
    ],
    ["sftp → github.com as git?", session({ subsystem: "sftp" }), by("/usr/bin/sftp", "sftp")],
    ["scp: sftp → github.com as git?", session({ subsystem: "sftp" }), by("/usr/bin/scp", "scp")],
    ['ssh: subsystem "netconf" → github.com as git?', session({ subsystem: "netconf" }), itself],
    ["ssh: forward localhost:5432 to db:5432 through github.com?", forward, itself],
    ["ssh: use the whole connection to github.com (proxy)?", session({ kind: "proxy" }), itself],
    // without a host
    ['git "commit": sign for "git" with key "work"?', gitSignature, git("commit")],
    ['ssh: sign data of unknown shape with key "work"?', { ...gitSignature, data: "opaque" }, itself],
    ["ssh: list the keys of the agent?", { kind: "list", path: [], forwarded: false }, itself],
  ])("%s", (title, request, asks) => {
    expect(describeTitle(question({ request, caller: asks }))).toBe(title);
  });

  it("counts the hosts that it is about", () => {
    const hosts = ["web1", "web2"].map((name) => ({ id: name, name }));
    const asked = question({ request: session({ command: "uptime" }), caller: itself, hosts });
    expect(describeTitle(asked)).toBe('ssh: run "uptime" → 2 hosts as git?');
  });

  it("keeps both ends of what is long", () => {
    const host = `${"a".repeat(100)}.evil.example`;
    const request = session({ command: `echo ${"x".repeat(300)}; reboot`, user: "u".repeat(100) });
    const title = describeTitle(
      question({ request: { ...request, destination: { ...github, names: [host] } }, caller: itself }),
    );
    expect(title).toMatch(/^ssh: run "echo x+…x+; reboot" → a+…a*\.evil\.example as u+…u+\?$/);
    expect(title.length).toBeLessThan(140);
  });
});
