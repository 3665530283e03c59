/** What a confined run is kept from, of a file system that is a table. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Mention } from "../../../src/identity/ssh-config/mentions.ts";
import { agentFolders, agentPaths } from "../../../src/runs/confined/agents.ts";
import { type Files, type Kind, realPath } from "../../../src/runs/confined/files.ts";
import { isPrivateKey, keysAmong, namedKeys } from "../../../src/runs/confined/keys.ts";
import { linkedFrom, sshFolder } from "../../../src/runs/confined/ssh-folder.ts";
import { makeAbsent, removeMade } from "../../../src/runs/confined/start-up.ts";
import { desktopSockets, sessionFolder } from "../../../src/runs/confined/system.ts";
import { temporaryFolder } from "../../../src/runs/confined/temporary.ts";

const KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n";

interface Entry {
  kind?: Kind;
  head?: string;
  /** It is a link to there. */
  to?: string;
  uid?: number;
  changed?: number;
}

/** Folders are there with what is in them. */
function filesOf(entries: Record<string, Entry>): Files {
  const names = Object.keys(entries);
  const folders = new Set(names.flatMap((name) => above(name)));
  const real = (path: string): string | undefined => {
    const link = [path, ...above(path)].find((one) => entries[one]?.to !== undefined);
    if (link !== undefined) return real(`${entries[link]?.to}${path.slice(link.length)}`);
    return path in entries || folders.has(path) ? path : undefined;
  };
  return {
    real,
    look: (path) => {
      const at = real(path);
      if (at === undefined) return undefined;
      const { kind = folders.has(at) ? "folder" : "file", uid = 1, changed = 0 } = entries[at] ?? {};
      return { kind, uid, changed, links: 1 };
    },
    isLink: (path) => entries[path]?.to !== undefined,
    list: (folder) =>
      [...names, ...folders]
        .filter((name) => dirname(name) === folder)
        .map((name) => name.slice(folder.length + 1)),
    head: (path) => entries[real(path) ?? ""]?.head ?? "",
    mayWrite: () => true,
  };
}

function above(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...above(folder)];
}

const mention = (keyword: string, value: string): Mention => ({
  keyword,
  value,
  file: "/h/.ssh/config",
  line: 1,
  forAll: true,
});

describe("a private key", () => {
  it.each([
    ["OpenSSH's", KEY, true],
    ["PEM's, behind a text", "a comment\n-----BEGIN RSA PRIVATE KEY-----\n", true],
    ["an encrypted one", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", true],
    ["PuTTY's", "PuTTY-User-Key-File-3: ssh-ed25519\n", true],
    ["a public one", "ssh-ed25519 AAAA me\n", false],
    ["a public one in PEM", "-----BEGIN PUBLIC KEY-----\n", false],
    ["a text about one", "see -----BEGIN OPENSSH PRIVATE KEY----- below\n", false],
  ])("%s", (_, head, isKey) => {
    expect(isPrivateKey(head)).toBe(isKey);
  });

  it("is what ssh_config names, for each host where the name differs from host to host", () => {
    const files = filesOf({
      "/k/a": { head: KEY },
      "/k/b": { head: KEY },
      "/k/b.pub": {},
      "/l/c": { head: KEY },
    });
    const mentions = [mention("identityfile", "/k/%h"), mention("identityfile", "/l/c")];
    expect(namedKeys(mentions, {}, files)).toEqual(["/k/a", "/k/b", "/l/c"]);
  });

  it("is found by its real path, whatever link leads there", () => {
    const files = filesOf({ "/h/.ssh/id": { to: "/usb/key" }, "/usb/key": { head: KEY } });
    expect(keysAmong(["/h/.ssh/id"], files)).toEqual(["/usb/key"]);
    expect(linkedFrom("/h/.ssh", files)).toEqual(["/usb/key"]);
  });
});

describe("of ~/.ssh", () => {
  it("ordinary files are kept, and neither keys nor sockets, nor links to keys", () => {
    const files = filesOf({
      "/h/.ssh/config": {},
      "/h/.ssh/id": { head: KEY },
      "/h/.ssh/id.pub": {},
      "/h/.ssh/me@host:22": { kind: "socket" },
      "/h/.ssh/config.d/work": {},
      "/h/.ssh/config.d/key": { head: KEY },
      "/h/.ssh/linked": { to: "/usb/key" },
      "/h/.ssh/known_hosts": { to: "/dotfiles/known_hosts" },
      "/usb/key": { head: KEY },
      "/dotfiles/known_hosts": {},
    });
    expect([...(sshFolder("/h", files)?.kept ?? [])].sort()).toEqual(
      ["config", "config.d/work", "id.pub", "known_hosts"].map((name) => `/h/.ssh/${name}`),
    );
  });
});

describe("an agent", () => {
  it("is where ssh_config or the environment names one, also where none is yet", () => {
    const files = filesOf({ "/a/one.sock": { kind: "socket" }, "/b/link": { to: "/a" } });
    const mentions = ["none", "SSH_AUTH_SOCK", "/b/link/one.sock", `/a/\${NAME}.sock`].map((value) =>
      mention("identityagent", value),
    );
    expect(agentPaths(mentions, ["/a/three.sock"], { NAME: "two" }, files)).toEqual([
      { path: "/a/one.sock", isThere: true },
      { path: "/a/two.sock", isThere: false },
      { path: "/a/three.sock", isThere: false },
    ]);
  });

  it("has a folder that is hidden as a whole where nothing but sockets is in it", () => {
    const files = filesOf({ "/a/one": { kind: "socket" }, "/b/one": { kind: "socket" }, "/b/file": {} });
    const agents = [
      { path: "/a/one", isThere: true },
      { path: "/b/one", isThere: true },
    ];
    expect(agentFolders(agents, [], files).map(({ path }) => path)).toEqual(["/a"]);
    expect(agentFolders(agents, ["/a"], files)).toEqual([]);
  });
});

describe("of the temporary folder", () => {
  it("the user's ordinary files are kept, the newest first, and what the run needs", () => {
    const files = filesOf({
      "/tmp/ssh-a/agent.1": { kind: "socket" },
      "/tmp/tmux-1/default": { kind: "socket" },
      "/tmp/.X11-unix/X0": { kind: "socket" },
      "/tmp/socket": { kind: "socket" },
      "/tmp/other": { uid: 2 },
      "/tmp/link": { to: "/tmp/ssh-a" },
      "/tmp/old": { changed: 1 },
      "/tmp/new": { changed: 2 },
      "/tmp/ssh-work/here/file": {},
    });
    expect(temporaryFolder(["/tmp/ssh-work/here", "/elsewhere"], 1, files).kept).toEqual([
      "/tmp/ssh-work",
      "/tmp/new",
      "/tmp/old",
    ]);
  });

  it("no more than 32 are kept", () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`/tmp/${at}`, { changed: at }]));
    expect(temporaryFolder(["/tmp/0"], 1, filesOf(many)).kept).toHaveLength(32);
  });
});

it("of the session's folder, what windows and sound need is the desktop's", () => {
  const names = [
    "bus",
    "wayland-0",
    "systemd/private",
    "gnupg/S.gpg-agent",
    "keyring/ssh",
    "muxguard/agent.sock",
  ];
  const files = filesOf(Object.fromEntries(names.map((name) => [`/run/user/1/${name}`, {}])));
  const folders = sessionFolder({ XDG_RUNTIME_DIR: "/run/user/1" }, 1, files);
  expect(folders.map(({ path }) => path)).toEqual(["/run/user/1"]);
  expect(desktopSockets(folders, "/tmp", files)).toEqual(["/run/user/1/bus", "/run/user/1/wayland-0"]);
});

it("what is not there has the real path of the folder that is", () => {
  const files = filesOf({ "/a/b/c": {}, "/l": { to: "/a/b" } });
  expect(realPath(files, "/l/new/deep")).toBe("/a/b/new/deep");
});

describe("start-up files that are not there", () => {
  const home = mkdtempSync(join(tmpdir(), "muxguard-home-"));
  afterEach(() => {
    rmSync(home, { recursive: true });
    mkdirSync(home);
  });

  it("are made, change nothing for a shell outside, and are removed", () => {
    writeFileSync(join(home, ".profile"), "PATH=$PATH:/own\n");
    makeAbsent(home);
    expect(readFileSync(join(home, ".bash_profile"), "utf8")).toContain(". ~/.bash_login\n");
    expect(readFileSync(join(home, ".bash_login"), "utf8")).toContain(". ~/.profile\n");
    expect(readFileSync(join(home, ".profile"), "utf8")).toBe("PATH=$PATH:/own\n");
    expect(readdirSync(home)).toContain(".zshrc");
    removeMade(home);
    expect(readdirSync(home)).toEqual([".profile"]);
  });

  it("stay where somebody has written to them", () => {
    makeAbsent(home);
    writeFileSync(join(home, ".zshrc"), "mine\n");
    removeMade(home);
    expect(readdirSync(home)).toEqual([".zshrc"]);
  });
});
