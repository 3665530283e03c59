/**
 * What a command line says about where to. The guard gives it to `ssh -G`, and the user's own ssh_config may put
 * it into a shell command: it runs nothing there, and makes no host of another.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { Lab } from "../../lab/lab.ts";
import { encodeUserauth } from "../../src/wire/signed-data.ts";
import { bindDetails, type HostKey, makeFolder, makeKey, readBlob } from "../peer/identity/keys.ts";
import { describeWith } from "../peer/tools.ts";
import { AgentClient } from "../support/agent-client.ts";
import { gainNothing, type Outcome } from "./attack.ts";
import { startNamedSsh } from "./named-ssh.ts";

const folder = makeFolder();
/** known_hosts has it as trusted.example. */
const trusted = makeKey(folder);
/** Nobody knows it. */
const attacker = makeKey(folder);

describeWith(["ssh"], "a destination on a command line gains", () => {
  const lab = new Lab();
  const keyFile = lab.key("me@laptop");
  const marker = lab.path("marker");
  const asked = lab.path("asked");
  /** All words that the guard has called ssh by. Some versions look at a name before they use it. */
  const handed = lab.path("handed");
  beforeAll(async () => {
    writeFileSync(lab.knownHosts, `trusted.example ssh-ed25519 ${trusted.blob.toString("base64")}\n`);
    // as users have it to tell networks apart; ssh puts the destination into the command as it is
    lab.host("unrelated", ["User me", `Match exec "echo %n >> ${asked}"`, "  ServerAliveInterval 7"]);
    lab.policy('default = "deny"\n[[rule]]\nname = "trusted"\nhost = "trusted.example"\naction = "allow"\n');
    await lab.startAgent("upstream.sock", keyFile);
    const { PATH } = lab.environment;
    mkdirSync(lab.path("bin"));
    lab.script("bin/ssh", `#!/bin/sh\nprintf '%s\\n' "$@" >> ${handed}\nPATH='${PATH}' exec ssh "$@"\n`);
    lab.environment.PATH = `${lab.path("bin")}:${PATH}`;
    await lab.startDaemon();
    lab.environment.PATH = PATH;
  });
  afterAll(() => lab.close());

  /** Logs in to the host with this key, and says that it goes there by these words. */
  const login = async (
    hostKey: HostKey,
    ssh: string,
    words: string[],
  ): Promise<{ signed: boolean; by?: string }> => {
    const client = await AgentClient.open(ssh);
    const sessionIdentifier = randomBytes(32);
    await client.bind(bindDetails(hostKey, sessionIdentifier));
    const key = readBlob(`${keyFile}.pub`);
    const method = "publickey-hostbound-v00@openssh.com";
    const fixed = { kind: "userauth", user: "root", algorithm: "ssh-ed25519", method } as const;
    const data = encodeUserauth({ ...fixed, key, sessionIdentifier, hostKey: hostKey.blob });
    const { result, events } = await lab.logged(() => client.sign(key, data));
    client.close();
    const [event] = events;
    const { cmdline = [] } = event?.caller ?? {};
    const isSaid = (word: string): boolean => cmdline.some((one) => one.startsWith(word.slice(0, 1000)));
    if (!words.every(isSaid)) return { signed: result !== undefined };
    return { signed: result !== undefined, by: event?.by ?? "" };
  };
  const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");

  /** The words come with the key of a host that nobody knows, and with that of a known one. */
  const say = async (...words: string[]): Promise<Outcome> => {
    const ssh = await startNamedSsh(lab, ...words);
    const stranger = await login(attacker, ssh, words);
    const friend = await login(trusted, ssh, words);
    return {
      tried: friend.signed && friend.by === "rule:trusted" && stranger.by !== undefined,
      gained:
        (stranger.signed && "a login") ||
        (existsSync(marker) && "a command") ||
        (textOf(handed).includes(marker) && "a word to ssh"),
    };
  };
  const evil = `touch ${marker}`;

  gainNothing({
    "a name by saying it": async () => {
      const outcome = await say("trusted.example");
      return { ...outcome, tried: outcome.tried && textOf(asked).includes("trusted.example") };
    },
    "a command by an option in its place": () => say("--", `-oProxyCommand=${evil}`),
    "a command by an option behind it": () => say("trusted.example", `-oProxyCommand=${evil}`),
    "a command by KnownHostsCommand": () =>
      say("trusted.example", "-o", `KnownHostsCommand=/usr/bin/${evil}`),
    "a command by a semicolon": () => say("--", `x;${evil}`),
    "a command by blanks and quotes": () => say("--", `x' ; ${evil} ; '`),
    "a command by backquotes": () => say("--", `\`${evil}\``),
    "a command by $( )": () => say("--", `$(${evil})`),
    "a command by a new line": () => say("--", `x\n${evil}\n`),
    "a command in the user's name": () => say("--", `$(${evil})@trusted.example`),
    "a command in a jump host": () => say("trusted.example", "-J", `x;${evil}`),
    "a command by ProxyJump": () => say("trusted.example", "-oProxyJump", `$(${evil})`),
    "a token of ssh_config": () => say("--", "%n%h%r%d.example"),
    "a path by [ and /": () => say("--", "[../../etc/passwd]"),
    "a URI that holds an option": () => say("--", `ssh://-oProxyCommand=${evil}/`),
    "letters that look like others": () => say("--", "trustеd.example\u202e"),
    "a name of 60,000 letters": () => say("--", "a".repeat(60_000)),
    "a name by HostKeyAlias": () => say("other.example", "-oHostKeyAlias=trusted.example"),
    "a name by HostName": () => say("other.example", "-oHostName=trusted.example"),
    "a name by a configuration of its own": () => say("trusted.example", "-F", lab.path("evil")),
    "a host key by known_hosts of its own": () =>
      say("trusted.example", `-oUserKnownHostsFile=${lab.path("evil-hosts")}`),
  });
});
