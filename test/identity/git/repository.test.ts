/** Which repository, branch and remote git's files say, from files that a test writes down. */
import { describe, expect, it } from "vitest";
import { parseGitConfig, remoteOf } from "../../../src/identity/git/config.ts";
import { type GitView, readClaims } from "../../../src/identity/git/repository.ts";

type Files = Record<string, string>;
const view = (files: Files, cwd = "/home/me/app", environment: Files = {}): GitView => ({
  cwd,
  environment: new Map(Object.entries(environment)),
  read: async (path) => files[path],
});

const MAIN = "ref: refs/heads/main\n";
const CONFIG = '[core]\n\tbare = false\n[remote "origin"]\n\turl = git@github.com:me/app\n';
const plain: Files = { "/home/me/app/.git/HEAD": MAIN, "/home/me/app/.git/config": CONFIG };
const claims = { repository: "/home/me/app", branch: "main", remote: "git@github.com:me/app" };

describe("what git asks for", () => {
  it.each<[string, Files, string?, Files?, object?]>([
    ["is read where it is", plain],
    ["is read from below", plain, "/home/me/app/src/deep"],
    ["is read where GIT_DIR leads", plain, "/tmp", { GIT_DIR: "/home/me/app/.git" }],
    ["is read where GIT_DIR leads from here", plain, "/home/me", { GIT_DIR: "app/.git" }],
    [
      "is the main repository's, for another working tree of it",
      {
        ...plain,
        "/home/me/wt/.git": "gitdir: /home/me/app/.git/worktrees/wt\n",
        "/home/me/app/.git/worktrees/wt/HEAD": "ref: refs/heads/next\n",
        "/home/me/app/.git/worktrees/wt/commondir": "../..\n",
      },
      "/home/me/wt",
      {},
      { ...claims, branch: "next" },
    ],
    [
      "is a submodule's own folder",
      {
        ...plain,
        "/home/me/app/sub/.git": "gitdir: ../.git/modules/sub\n",
        "/home/me/app/.git/modules/sub/HEAD": MAIN,
        "/home/me/app/.git/modules/sub/config": "[core]\nworktree = ../../../sub\n",
      },
      "/home/me/app/sub",
      {},
      { repository: "/home/me/app/sub", branch: "main" },
    ],
    [
      "is a bare repository itself",
      { "/srv/app.git/HEAD": MAIN, "/srv/app.git/config": "[core]\nbare = true\n" },
      "/srv/app.git",
      {},
      { repository: "/srv/app.git", branch: "main" },
    ],
    [
      "is the branch that is rebased, in a rebase",
      {
        ...plain,
        "/home/me/app/.git/HEAD": `${"a".repeat(40)}\n`,
        "/home/me/app/.git/rebase-merge/head-name": "refs/heads/main\n",
      },
    ],
    [
      "has no branch where HEAD is none",
      { ...plain, "/home/me/app/.git/HEAD": `${"a".repeat(40)}\n` },
      "/home/me/app",
      {},
      { repository: "/home/me/app", remote: "git@github.com:me/app" },
    ],
    ["is nothing outside of repositories", plain, "/home/me", {}, {}],
    ["is nothing where GIT_DIR is none", plain, "/home/me/app", { GIT_DIR: "/nowhere" }, {}],
  ])("%s", async (_, files, cwd, environment, expected = claims) => {
    expect(await readClaims(view(files, cwd, environment))).toEqual(expected);
  });

  it("is nothing where the process can't be looked at", async () => {
    expect(await readClaims({ ...view(plain), cwd: undefined })).toEqual({});
    expect(await readClaims({ ...view(plain), environment: undefined })).toEqual({});
  });

  it("is looked for in few folders", async () => {
    let reads = 0;
    const read = async (): Promise<undefined> => void reads++;
    expect(await readClaims({ ...view({}, "/a".repeat(2000)), read })).toEqual({});
    expect(reads).toBeLessThanOrEqual(100);
  });
});

describe("the remote", () => {
  const remote = (text: string, branch = "main") => remoteOf(parseGitConfig(text), branch);
  const both = '[remote "origin"]\nurl = a:origin\n[remote "fork"]\nurl = a:fork\n';

  it.each<[string, string, string | undefined]>([
    ["the branch's own", `${both}[branch "main"]\nremote = fork\n`, "a:fork"],
    ["not another branch's", `${both}[branch "next"]\nremote = fork\n`, "a:origin"],
    ["that it is pushed to", `${both}[branch "main"]\nremote = origin\npushRemote = fork\n`, "a:fork"],
    ["by remote.pushDefault", `${both}[remote]\npushDefault = fork\n`, "a:fork"],
    ["a URL for pushing", '[remote "origin"]\nurl = a:b\npushurl = c:d\n', "c:d"],
    ["the only one", '[remote "up"]\nurl = a:up\n', "a:up"],
    ["none of several without a name", '[remote "a"]\nurl = a\n[remote "b"]\nurl = b\n', undefined],
    ["a URL instead of a name", '[branch "main"]\nremote = https://a/b\n', "https://a/b"],
    ["none at all", "[core]\n", undefined],
    [
      "with quotes, comments and a line that goes on",
      '[Remote "origin"] ; x\n URL = "a#b"\\\nc # d\n',
      "a#bc",
    ],
    ["of a subsection with quotes", '[remote "o\\"o"]\nurl = x:y\n', "x:y"],
    [
      "without a token",
      '[remote "origin"]\nurl = https://token@github.com/me/a\n',
      "https://github.com/me/a",
    ],
    ["without a password", '[remote "origin"]\nurl = https://me:p@ss@host/a\n', "https://host/a"],
    ["without a password of ssh's", '[remote "origin"]\nurl = ssh://git:secret@host/a\n', "ssh://git@host/a"],
    ["with ssh's user", '[remote "origin"]\nurl = ssh://git@host/a\n', "ssh://git@host/a"],
    ["without a query", '[remote "origin"]\nurl = https://host/a?token=x\n', "https://host/a"],
  ])("is %s", (_, config, expected) => {
    expect(remote(config)).toBe(expected);
  });

  it("is read in no time from what means to be slow", () => {
    const began = performance.now();
    for (const text of [
      '[remote "'.repeat(7000),
      "\\".repeat(64_000),
      '"'.repeat(64_000),
      "a=".repeat(32_000),
    ])
      parseGitConfig(text);
    expect(performance.now() - began).toBeLessThan(30_000);
  });
});
