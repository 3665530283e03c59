/**
 * What ssh can be told on its command line, inside of a ride. Nothing of it chooses how a connection is made,
 * runs anything outside, or brings more than the rules allow.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { HOST } from "../../lab/mux-lab.ts";
import { OpenLab } from "../../lab/open-lab.ts";
import { describeWith } from "../peer/tools.ts";
import { type Attacks, gainNothing } from "./attack.ts";

const POLICY = `default = "deny"
[[rule]]
on = ["connect", "sign"]
host = "${HOST}"
action = "allow"
[[rule]]
on = ["session"]
command = "true"
action = "allow"
`;

describeWith(["ssh", "sshd"], "an option of ssh in a ride brings", () => {
  const lab = new OpenLab();
  const marker = lab.path("marker");
  const evil = `touch ${marker}`;
  const own = lab.path("evil.sock");
  /** All words that the guard has called ssh by. */
  const handed = lab.path("handed");
  /** By what is tried, the words before the host and the command `true`. */
  const options: Record<string, string[]> = {
    "a configuration of its own": ["-F", lab.path("evil")],
    "a command by ProxyCommand": ["-o", `ProxyCommand=${evil}`],
    "a command by ProxyCommand in other letters": ["-oproxycommand", `"${evil}"`],
    "a command by ProxyCommand, spelled like a line": ["-o", ` PROXYCOMMAND = ${evil}`],
    "a command by LocalCommand": ["-o", "PermitLocalCommand=yes", "-o", `LocalCommand=${evil}`],
    "a command by KnownHostsCommand": ["-o", `KnownHostsCommand=/usr/bin/touch ${marker}`],
    "a command by Include": ["-o", `Include=${lab.path("evil")}`],
    "a command by Match exec": ["-o", `Match=exec "${evil}"`],
    "a command by RemoteCommand": ["-o", `RemoteCommand=${evil}`],
    "a command in jump hosts": ["-J", `$(${evil})`],
    "a command in jump hosts, behind a host": ["-J", `a;${evil}`],
    "an option in jump hosts": ["-J", `-oProxyCommand=${evil}`],
    "a command in ProxyJump": ["-o", `ProxyJump=a;${evil}`],
    "a host that no rule allows, by a jump": ["-J", "other.example"],
    "a library by -I": ["-I", lab.path("evil.so")],
    "a library by PKCS11Provider": ["-o", `PKCS11Provider=${lab.path("evil.so")}`],
    "a library by SecurityKeyProvider": ["-o", `SecurityKeyProvider=${lab.path("evil.so")}`],
    "a program by XAuthLocation": ["-X", "-o", `XAuthLocation=${lab.path("evil-program")}`],
    X11: ["-X"],
    "X11, trusted": ["-Y"],
    "the agent": ["-A"],
    "the agent by ForwardAgent": ["-oForwardAgent=yes"],
    "the agent by a path": [`-oForwardAgent=${lab.path("upstream.sock")}`],
    "a key file": ["-i", lab.path("me@laptop"), "-oControlPath=none"],
    "another agent": [`-oIdentityAgent=${lab.path("upstream.sock")}`, "-oControlPath=none"],
    "another control socket": ["-S", own],
    "no control socket": ["-S", "none"],
    "a control socket by ControlPath": ["-o", `ControlPath=${own}`, "-o", "ControlMaster=yes"],
    "a master of its own": ["-M"],
    "proxy mode": ["-O", "proxy"],
    "the master's end": ["-O", "exit"],
    "another host behind the name": ["-o", "HostName=localhost"],
    "another host key": ["-o", "HostKeyAlias=other.example"],
    "no check of host keys": ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null"],
    "known hosts of its own": [`-oUserKnownHostsFile=${lab.path("evil")}`],
    "a command in the user's name": ["-l", `x;${evil}`],
    "a command in User": ["-o", `User=$(${evil})`],
    "a forward from here": ["-L", "9:localhost:9"],
    "a forward from there": ["-R", "9:localhost:9"],
    "a dynamic forward": ["-D", "9"],
    "a network of its own": ["-w", "0:0"],
    "an escape to the shell of the shim": [`-oLogLevel=QUIET';${evil};'`],
    "a variable": [`-oSetEnv=LD_PRELOAD=${lab.path("evil.so")}`],
    "a log file in another's place": ["-E", lab.path("evil.log"), "-o", `ProxyCommand=${evil}`],
  };
  /**
   * The exit codes of each, and of an honest ssh behind all of them: where the ride's ssh has found the way by
   * itself, and where it could not.
   */
  let codes: number[][] = [];
  let connections = 0;

  beforeAll(async () => {
    writeFileSync(lab.path("evil"), `Match exec "${evil}"\nHost *\n  ProxyCommand ${evil}\n`);
    lab.script("evil-program", `#!/bin/sh\n${evil}\n`);
    lab.policy(POLICY);
    const { PATH } = lab.environment;
    mkdirSync(lab.path("bin"));
    lab.script("bin/ssh", `#!/bin/sh\nprintf '%s\\n' "$@" >> ${handed}\nPATH='${PATH}' exec ssh "$@"\n`);
    lab.environment.PATH = `${lab.path("bin")}:${PATH}`;
    await lab.open();
    lab.environment.PATH = PATH;
    await lab.startServer("other.example", lab.path("me@laptop"));
    connections = lab.connections();
    const quiet = "> /dev/null 2>&1 < /dev/null";
    const lines = Object.values(options).map(
      (words) => `ssh ${words.map(inQuotes).join(" ")} ${HOST} true ${quiet}; echo $?`,
    );
    const honest = `ssh ${HOST} true ${quiet}; echo $?`;
    const table = [...lines, honest].join("\n");
    const noWays = "rm -r $(dirname $(dirname $(command -v ssh)))/ways";
    const { stdout } = await lab.ride(`${honest}\n${table}\n${noWays}\n${table}`);
    const all = stdout.trim().split("\n").map(Number);
    codes = [...lines, honest].map((_, at) => [all[at + 1] ?? -1, all[at + 2 + lines.length] ?? -1]);
    connections = lab.connections() - connections;
  });
  afterAll(() => lab.close());

  const table: Attacks = Object.fromEntries(
    Object.keys(options).map((name, at) => [
      name,
      async () => {
        const [code = -1, asked] = codes[at] ?? [];
        // passed over, or refused
        return {
          tried: codes.at(-1)?.every((honest) => honest === 0) && code >= 0,
          gained: (code !== asked || ![0, 1, 255].includes(code)) && `exit code ${code}, ${asked}`,
        };
      },
    ]),
  );
  gainNothing({
    ...table,
    "a command, in all of these": async () => ({ tried: codes.length > 40, gained: existsSync(marker) }),
    "a word to the guard's own ssh, in all of these": async () => {
      const words = readFileSync(handed, "utf8");
      return { tried: words.includes(HOST), gained: /evil|touch/.exec(words)?.[0] };
    },
    "a connection of its own, in all of these": async () => ({
      tried: connections > 0,
      gained: connections > 3 && `${connections} connections`,
    }),
    "a session at another host, in all of these": async () => ({
      tried: true,
      gained: readFileSync(lab.path("other.example.sshd_log"), "utf8").includes("Accepted"),
    }),
    "more than sessions of `true`, in all of these": async () => {
      const allowed = lab
        .log()
        .filter(({ kind, decision }) => decision === "allow" && kind !== "connect" && kind !== "sign");
      const more = allowed.filter(
        (e) => e.kind !== "session" || e.command !== "true" || e.x11 || e.forwardAgent,
      );
      return { tried: allowed.length > 5, gained: more.length > 0 && more };
    },
  });
});

function inQuotes(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
