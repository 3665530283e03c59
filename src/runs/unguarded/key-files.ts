/**
 * Private keys without a passphrase that ssh uses by itself: those that ssh_config names, or the ones with
 * ssh's default names. They need no agent, so no guard is asked.
 */
import { join } from "node:path";
import { attempt } from "../../attempt.ts";
import { homeFolder } from "../../identity/home.ts";
import { literalPrefix } from "../../identity/ssh-config/literal-path.ts";
import type { Mention } from "../../identity/ssh-config/mentions.ts";
import { headOf } from "../../platform/files/file-head.ts";
import { visible } from "../../policy/visible.ts";
import { type Way, wayOf } from "./way.ts";

/** fill_default_options() of readconf.c. */
const defaultNames = [
  "id_rsa",
  "id_ecdsa",
  "id_ecdsa_sk",
  "id_ed25519",
  "id_ed25519_sk",
  "id_xmss",
  "id_dsa",
];
/** The head of a key says how it is encrypted. */
const HEAD = 1024;
/** How many of them a line names, and how many are looked at. */
const [NAMED, LOOKED_AT] = [3, 100];

export function keyFileWays(mentions: readonly Mention[], environment: NodeJS.ProcessEnv): Way[] {
  const bare = keyFiles(mentions, environment).slice(0, LOOKED_AT).filter(isBareKeyFile);
  if (bare.length === 0) return [];
  const more = bare.length - NAMED;
  const named = bare.slice(0, NAMED).map((path) => visible(path));
  const [first = ""] = named;
  const list = `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  const what = bare.length === 1 ? "a key without a passphrase" : "keys without a passphrase";
  const mend = `ssh-keygen -p -f ${first} gives it one, or ssh-add it and move it away`;
  return [
    wayOf(`keys ${bare.join(" ")}`, `${list}: ${what}: ssh uses it by itself, and asks no guard`, mend),
  ];
}

/** The default ones count where a host may have none of its own. */
function keyFiles(mentions: readonly Mention[], environment: NodeJS.ProcessEnv): string[] {
  const named = mentions.filter(({ keyword }) => keyword === "identityfile");
  const defaults = named.some(({ forAll }) => forAll) ? [] : defaultNames.map(inFolder);
  const paths = named.flatMap(({ value }) => {
    const found = literalPrefix(value, environment);
    return found?.whole ? found.path : [];
  });
  return [...new Set([...paths, ...defaults])];
}

function inFolder(name: string): string {
  return join(homeFolder(), ".ssh", name);
}

function isBareKeyFile(path: string): boolean {
  return isBareKey(attempt(() => headOf(path, HEAD)) ?? "");
}

const OPENSSH_MAGIC = "openssh-key-v1\0";
/** The length of a text and the text, as PROTOCOL.key has them. */
const NO_CIPHER = "\0\0\0\u0004none";

/** @param head how a file begins: PEM, in OpenSSH's own format (PROTOCOL.key) or another's */
export function isBareKey(head: string): boolean {
  const [, label, body = ""] = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----\r?\n(.*)/s.exec(head) ?? [];
  if (label === undefined || label === "ENCRYPTED PRIVATE KEY") return false;
  if (label !== "OPENSSH PRIVATE KEY") return !/^Proc-Type: 4,ENCRYPTED/m.test(body);
  const bytes = Buffer.from(body, "base64").toString("latin1");
  return bytes.startsWith(OPENSSH_MAGIC + NO_CIPHER);
}
