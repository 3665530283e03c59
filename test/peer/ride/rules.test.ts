/**
 * What a command inside of a ride can't do: rules on commands bind, and nothing of its command line chooses
 * how a connection is made.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { until } from "../../../lab/lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { rideProgram } from "../../../src/installation.ts";
import { opened } from "../opened.ts";
import { describeWith } from "../tools.ts";

const RULES = `default = "deny"
[[rule]]
on = ["connect", "sign"]
action = "allow"
[[rule]]
name = "fetching"
on = ["session"]
command = "git-upload-pack *"
action = "allow"
[[rule]]
on = ["session"]
command = "true"
action = "allow"
`;

describeWith(["ssh", "sshd", "git"], "a ride under rules", () => {
  const lab = opened(new OpenLab(), RULES);

  it("lets git fetch, and nothing else", async () => {
    const store = lab.path("store.git");
    const line = `
      export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
      git init -q --bare store.git; git init -q work; cd work
      git -c user.name=Me -c user.email=me@example commit -q --allow-empty -m first
      git push -q ${store} HEAD:main; git remote add origin ${HOST}:${store}
      git fetch -q origin && git log --format=%s origin/main
      git push -q origin HEAD:other; echo "push $?"
      ssh ${HOST} 'git-upload-pack x; uptime'; echo "list $?"
      ssh ${HOST}; echo "shell $?"
      scp -q ../policy ${HOST}:/tmp/; echo "scp $?"
      ssh -tt ${HOST} uptime; echo "tty $?"`;
    const { stdout, stderr } = await lab.ride(line);
    expect(stdout.replaceAll("\r", "")).toBe("first\npush 128\nlist 255\nshell 255\nscp 255\ntty 255\n");
    const reasons = stderr.match(
      /^muxguard: denied: (?:run "[\w-]+|open a shell|use the subsystem "sftp")/gm,
    );
    expect(reasons).toEqual([
      'muxguard: denied: run "git-receive-pack',
      'muxguard: denied: run "git-upload-pack',
      "muxguard: denied: open a shell",
      'muxguard: denied: use the subsystem "sftp"',
      'muxguard: denied: run "uptime',
    ]);
  });

  const marker = lab.path("marker");
  const evil = `touch ${marker}`;
  const attempts: [string, string[]][] = [
    ["a configuration file", ["-F", "evil"]],
    ["ProxyCommand", ["-o", `ProxyCommand=${evil}`]],
    ["ProxyCommand with other quotes", ["-oproxycommand", `"${evil}"`]],
    ["ProxyCommand, spelled like a line", ["-o", ` PROXYCOMMAND = ${evil}`]],
    ["LocalCommand", ["-o", "PermitLocalCommand=yes", "-o", `LocalCommand=${evil}`]],
    ["KnownHostsCommand", ["-o", `KnownHostsCommand=/usr/bin/touch ${marker}`]],
    ["Include", ["-o", "Include=evil"]],
    ["Match exec", ["-o", `Match=exec "${evil}"`]],
    ["jump hosts with a command", ["-J", `$(${evil})`]],
    ["jump hosts that are an option", ["-J", `-oProxyCommand=${evil}`]],
    ["ProxyJump with a command", ["-o", `ProxyJump=a;${evil}`]],
    ["a provider of keys", ["-I", lab.path("evil.so")]],
    ["SecurityKeyProvider", ["-o", `SecurityKeyProvider=${lab.path("evil.so")}`]],
    ["another control socket", ["-S", lab.path("evil.sock")]],
    ["ControlPath", ["-o", `ControlPath=${lab.path("evil.sock")}`, "-o", "ControlMaster=yes"]],
    ["a master of its own", ["-M"]],
    ["proxy mode", ["-O", "proxy"]],
    ["another host behind the name", ["-o", "HostName=localhost"]],
    ["a user with a command", ["-l", `x;${evil}`]],
    ["a name with a command", ["-o", `User=$(${evil})`]],
    ["an escape to the shell of the shim", [`-oLogLevel=QUIET';${evil};'`]],
    [
      "a log file in place of ssh's configuration",
      ["-E", marker, "-o", `ProxyCommand=${evil}`, "-F", "evil"],
    ],
  ];
  it.each(attempts)("takes no %s", async (_, options) => {
    writeFileSync(lab.path("evil"), `Match exec "${evil}"\nHost *\n  ProxyCommand ${evil}\n`);
    const words = [...options.filter((word) => word !== "-E" && word !== marker), HOST, "true"];
    const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const connections = lab.connections();
    const { code } = await lab.ride(`ssh ${quoted}; code=$?; ssh ${HOST} true && exit $code`);
    expect([0, 255]).toContain(code);
    expect(existsSync(marker)).toBe(false);
    // at most the one connection that the guard has opened, as its own configuration says
    expect(lab.connections() - connections).toBeLessThanOrEqual(1);
    expect(lab.masters()).toHaveLength(1);
  });

  it.each([
    ["a host that is a command", [`$(${evil})`]],
    ["a host that is an option", ["--", `-oProxyCommand=${evil}`]],
    ["a URI that holds an option", [`ssh://-oProxyCommand=${evil}/`]],
    ["a user in a host", [`x;${evil}@${HOST}`]],
  ])("goes nowhere for %s", async (_, words) => {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const { code, stderr } = await lab.ride(`ssh ${quoted} true`);
    expect(code).toBe(255);
    expect(stderr).toMatch(
      /^muxguard: denied: the (?:host's name|user's name|destination) is (?:not plain|malformed)\n$/,
    );
    expect(existsSync(marker)).toBe(false);
  });

  /** For sh: the ride's folder, and the control socket in it. */
  const where = `folder=$(dirname $(dirname $(command -v ssh))); control() { find $folder -type s ! -name ride.sock; }`;

  it("makes no connection of its own where the shared one goes away in between, though its agent signs for git", async () => {
    const { stdout, stderr } = await lab.ride(`${where}
      way=$(${process.execPath} ${rideProgram()} $folder/ride.sock ${HOST} true); rm $(control)
      (eval "$way"); echo $?; ssh-add -l 2>&1; ssh ${HOST} true; echo $?`);
    expect(stdout).toMatch(/^255\n256 SHA256:\S+ me@laptop \(ED25519\)\n0\n$/);
    expect(stderr).toContain("muxguard: the shared connection is gone; try again\n");
  });

  it("opens a master anew that ended in between", async () => {
    const connections = lab.connections();
    const { stdout } = await lab.ride(`${where}
      ssh ${HOST} true; echo $?; gone=$(control)
      kill $(ssh -O check ${HOST} 2>&1 | tr -cd 0-9)
      while test -e "$gone"; do :; done
      ssh ${HOST} true; echo $?`);
    expect(stdout).toBe("0\n0\n");
    expect(lab.connections()).toBe(connections + 1);
  });

  it("finds the shims first, whatever the program does to its PATH's end", async () => {
    mkdirSync(lab.path("first"), { recursive: true });
    const { stdout } = await lab.ride(`PATH="$PATH:${lab.path("first")}" command -v ssh`);
    expect(stdout).toMatch(/\/ride[^/]*\/bin\/ssh\n$/);
    await until(
      () => readdirSync(lab.path("runtime/muxguard")).every((name) => !name.startsWith("ride-")),
      "the ride's end",
    );
    expect(existsSync(join(stdout.trim()))).toBe(false);
  });
});
