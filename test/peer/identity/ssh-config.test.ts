import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseSshConfig } from "../../../src/identity/ssh/config.ts";
import { SshConfigs } from "../../../src/identity/ssh/configs.ts";
import { NO_HOST } from "../../../src/identity/ssh/print-config.ts";
import { makeFolder } from "./keys.ts";

const folder = makeFolder();
let files = 0;

function writeConfig(...lines: string[]): string {
  const file = join(folder, `config-${++files}`);
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

/** A config that leaves a mark in `log` each time that ssh reads it. */
function writeCounted(...lines: string[]): { file: string; runs: () => number } {
  const log = join(folder, `log-${files + 1}`);
  const file = writeConfig(`Match exec "echo %h >> ${log}"`, "Match all", ...lines);
  return { file, runs: () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").length : 0) };
}

describe("SshConfigs", () => {
  it("reads what ssh makes of a host", async () => {
    const file = writeConfig(
      "Host db",
      "  HostName DB1.example",
      "  Port 2222",
      "  User admin",
      "  HostKeyAlias Db-Key",
      "  ProxyJump bastion.example",
      '  UserKnownHostsFile "/a folder/known hosts" ~/.ssh/known_%h',
      "  GlobalKnownHostsFile /etc/ssh/one ~/two",
    );
    const { homedir } = userInfo();
    expect(await new SshConfigs({ file }).read("db")).toEqual({
      hostname: "db1.example",
      port: 2222,
      user: "admin",
      hostKeyAlias: "db-key",
      proxyJump: "bastion.example",
      userKnownHostsFiles: ["/a folder/known hosts", `${homedir}/.ssh/known_db1.example`],
      globalKnownHostsFiles: ["/etc/ssh/one", `${homedir}/two`],
      strictHostKeyChecking: "ask",
      controlPersist: "no",
    });
  });

  it("reads what a master needs", async () => {
    const file = writeConfig(
      "Host db",
      "  HostName db1.example",
      '  ControlPath "~/.ssh/a folder/%%-%r@%h:%p"',
      "  ControlPersist 10m",
      "  ProxyCommand nc -X 5 %h %p",
      "  StrictHostKeyChecking accept-new",
    );
    expect(
      await new SshConfigs({ file }).readDestination({ host: "db", user: "me", port: 23 }),
    ).toMatchObject({
      controlPath: `${userInfo().homedir}/.ssh/a folder/%-me@db1.example:23`,
      controlPersist: "600",
      proxyCommand: "nc -X 5 %h %p",
      strictHostKeyChecking: "accept-new",
    });
  });

  it.each([
    ["yes", "yes"],
    ["no", "no"],
    ["off", "no"],
    ["ask", "ask"],
  ])("reads StrictHostKeyChecking %s as %s", async (written, strictHostKeyChecking) => {
    const file = writeConfig(`StrictHostKeyChecking ${written}`);
    expect(await new SshConfigs({ file }).read("host.example")).toMatchObject({ strictHostKeyChecking });
  });

  it.each([
    ["no", "no"],
    ["yes", "yes"],
    ["0", "yes"],
    ["90", "90"],
  ])("reads ControlPersist %s as %s", async (written, controlPersist) => {
    const file = writeConfig(`ControlPersist ${written}`);
    expect(await new SshConfigs({ file }).read("host.example")).toMatchObject({ controlPersist });
  });

  it("leaves out a ControlPath and a ProxyCommand that are none", async () => {
    const file = writeConfig("ControlPath none", "ProxyCommand none");
    const config = await new SshConfigs({ file }).read("host.example");
    expect(config).not.toHaveProperty("controlPath");
    expect(config).not.toHaveProperty("proxyCommand");
  });

  it("takes port, user and jump hosts from the destination before those of the config", async () => {
    const file = writeConfig("Port 2222", "User somebody", "ProxyJump bastion");
    const configs = new SshConfigs({ file });
    const jump = "you@other:24,[::1]:25";
    expect(await configs.readDestination({ host: "db", user: "me", port: 23, jump })).toMatchObject({
      user: "me",
      port: 23,
      proxyJump: jump,
    });
    expect(await configs.readDestination({ host: "db" })).toMatchObject({ proxyJump: "bastion" });
    expect(await configs.readDestination({ host: "db", jump: "none" })).not.toHaveProperty("proxyJump");
  });

  it("runs ssh once for a destination, and again for another", async () => {
    const { file, runs } = writeCounted();
    const configs = new SshConfigs({ file });
    const others = [{ user: "me" }, { port: 22 }, { jump: "a" }, { jump: "b" }, { user: "me", port: 22 }];
    for (const other of others) {
      const config = await configs.readDestination({ host: "db", ...other });
      expect(await configs.readDestination({ ...other, host: "db" })).toBe(config);
    }
    expect(runs()).toBe(others.length);
    expect(await configs.read("db")).toBe(await configs.readDestination({ host: "db" }));
    expect(runs()).toBe(others.length + 1);
  });

  it.each([
    { host: "-oProxyCommand=x" },
    { host: ".." },
    { user: "-oProxyCommand=x" },
    { user: "a;b" },
    { user: "a/b" },
    { user: "" },
    { port: 0 },
    { port: 1.5 },
    { port: Number.NaN },
    { jump: "" },
    { jump: "a b" },
    { jump: "a,$(x)" },
    { jump: "-x" },
    { jump: "ssh://a" },
    { jump: "%h" },
  ])("does not run ssh for a destination with %j", async (part) => {
    const { file, runs } = writeCounted();
    expect(await new SshConfigs({ file }).readDestination({ host: "db", ...part })).toBeUndefined();
    expect(runs()).toBe(0);
  });

  it("leaves out what is not set", async () => {
    const file = writeConfig("UserKnownHostsFile none", "GlobalKnownHostsFile none");
    expect(await new SshConfigs({ file }).read("host.example")).toEqual({
      hostname: "host.example",
      port: 22,
      user: userInfo().username,
      userKnownHostsFiles: [],
      globalKnownHostsFiles: [],
      strictHostKeyChecking: "ask",
      controlPersist: "no",
    });
  });

  it("ignores $HOME, as ssh does", async () => {
    const file = writeConfig("GlobalKnownHostsFile ~/known_hosts");
    const before = process.env.HOME;
    process.env.HOME = folder;
    try {
      const config = await new SshConfigs({ file }).read("host.example");
      expect(config?.globalKnownHostsFiles).toEqual([`${userInfo().homedir}/known_hosts`]);
    } finally {
      if (before === undefined) delete process.env.HOME;
      else process.env.HOME = before;
    }
  });

  it("runs ssh once for a host, also while it runs", async () => {
    const { file, runs } = writeCounted("Port 2222");
    const configs = new SshConfigs({ file });
    const [one, other] = await Promise.all([configs.read("host.example"), configs.read("host.example")]);
    expect(one?.port).toBe(2222);
    expect(other).toBe(one);
    expect(await configs.read("host.example")).toBe(one);
    expect(runs()).toBe(1);
    await configs.read("other.example");
    expect(runs()).toBe(2);
  });

  it("runs ssh again when the config has changed", async () => {
    const { file, runs } = writeCounted("Port 2222");
    const configs = new SshConfigs({ file });
    await configs.read("host.example");
    appendFileSync(file, "User somebody\n");
    expect(await configs.read("host.example")).toMatchObject({ user: "somebody" });
    expect(runs()).toBe(2);
  });

  it("runs ssh again after a minute", async () => {
    const { file, runs } = writeCounted();
    let now = 0;
    const configs = new SshConfigs({ file, now: () => now });
    await configs.read("host.example");
    now = 59_999;
    await configs.read("host.example");
    expect(runs()).toBe(1);
    now = 60_000;
    await configs.read("host.example");
    expect(runs()).toBe(2);
  });

  it("forgets the host that was asked about least recently", async () => {
    const configs = new SshConfigs({ file: writeConfig("Port 2222") });
    const first = await configs.read("first.example");
    const others = Array.from({ length: 255 }, (_, index) => configs.read(`host${index}.example`));
    await Promise.all(others);
    expect(await configs.read("first.example")).toBe(first);
    await configs.read("one-more.example");
    expect(await configs.read("first.example")).toBe(first);
    expect(await configs.read("host0.example")).not.toBe(await others[0]);
  });

  it.each([
    "",
    "-oProxyCommand=touch",
    "a b",
    "a;b",
    "$(touch x)",
    "`touch x`",
    "a'b",
    'a"b',
    "a\nb",
    "a\0b",
    "a/b",
    "a@b",
    "[::1]",
    "ä.example",
    "x".repeat(256),
  ])("does not run ssh for %j", async (host) => {
    const { file, runs } = writeCounted();
    expect(await new SshConfigs({ file }).read(host)).toBeUndefined();
    expect(runs()).toBe(0);
  });

  it.each(["host", "HOST-1.example.", "192.0.2.1", "fe80::1%eth0", "_host", "x".repeat(255)])(
    "runs ssh for %j",
    async (host) => {
      expect(await new SshConfigs({ file: writeConfig("Port 2222") }).read(host)).toMatchObject({
        port: 2222,
      });
    },
  );

  it("asks no name server about no host in particular", async () => {
    const file = writeConfig("CanonicalizeHostname always", "CanonicalizeFallbackLocal no", "Port 2222");
    expect(await new SshConfigs({ file }).read(NO_HOST)).toMatchObject({ hostname: NO_HOST, port: 2222 });
  });

  it("gives nothing for a config that ssh refuses, and asks again after five seconds", async () => {
    const { file, runs } = writeCounted("NoSuchOption yes");
    let now = 0;
    const configs = new SshConfigs({ file, now: () => now });
    for (const time of [0, 4_999, 5_000]) {
      now = time;
      expect(await configs.read("host.example")).toBeUndefined();
    }
    expect(runs()).toBe(2);
  });

  it("gives nothing where there is no ssh", async () => {
    const before = process.env.PATH;
    process.env.PATH = folder;
    try {
      expect(await new SshConfigs().read("host.example")).toBeUndefined();
    } finally {
      process.env.PATH = before;
    }
  });

  it("ends an ssh that takes too long, with what it has started", async () => {
    const pidFile = join(folder, "pid");
    const file = writeConfig(`Match exec "echo $$ > ${pidFile}; sleep 600; true"`);
    const configs = new SshConfigs({ file, timeout: 500 });
    expect(await configs.read("host.example")).toBeUndefined();
    const pid = Number(readFileSync(pidFile, "utf8"));
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  it("gives nothing where ssh prints without end", async () => {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "ssh"), "#!/bin/sh\nyes 'hostname host'\n", { mode: 0o755 });
    const before = process.env.PATH;
    process.env.PATH = `${bin}:${before}`;
    try {
      expect(await new SshConfigs().read("host.example")).toBeUndefined();
    } finally {
      process.env.PATH = before;
      rmSync(bin, { recursive: true });
    }
  });
});

/** A process that ended and was not waited for yet does not run. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

describe("parseSshConfig", () => {
  it("expands the paths that ssh prints as the config has them", () => {
    const output = "hostname host\nport 22\nuserknownhostsfile ~/.ssh/known_hosts ~/.ssh/known_hosts2\n";
    const { homedir } = userInfo();
    expect(parseSshConfig(output)?.userKnownHostsFiles).toEqual([
      `${homedir}/.ssh/known_hosts`,
      `${homedir}/.ssh/known_hosts2`,
    ]);
  });

  it("understands what other versions of ssh print", () => {
    const output =
      "hostname host\nport 22\ncontrolpath ~/a b\nproxycommand none\nstricthostkeychecking off\n";
    expect(parseSshConfig(output)).toMatchObject({
      controlPath: join(userInfo().homedir, "a b"),
      strictHostKeyChecking: "no",
    });
    expect(parseSshConfig(output)).not.toHaveProperty("proxyCommand");
    expect(parseSshConfig(output.replace("~/a b", "none"))).not.toHaveProperty("controlPath");
  });

  it.each(["", "hostname host\n", "port 22\n", "hostname host\nport none\n", "hostname \nport 22\n"])(
    "gives nothing for %j",
    (output) => {
      expect(parseSshConfig(output)).toBeUndefined();
    },
  );
});
