/**
 * The same question to ssh and to HostKeyLookup: is this the host's key? A real sshd answers behind a
 * ProxyCommand.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { HostKeyLookup } from "../../../src/identity/hosts/host-key-lookup.ts";
import { parseKnownHosts } from "../../../src/identity/hosts/known-hosts.ts";
import { certify, type HostKey, keygen, makeFolder, makeKey } from "./keys.ts";
import { hasSshd, runSsh, shareWithSshd } from "./sshd.ts";

const folder = makeFolder();
const key = makeKey(folder);
const other = makeKey(folder);
const authority = makeKey(folder);
const certified = certify(makeKey(folder), authority, "host.example,host");
const expired = certify(makeKey(folder), authority, "host.example", "-V", "20200101:20210101");

const line = (names: string, { path }: HostKey): string =>
  `${names} ${readFileSync(`${path}.pub`, "utf8").trim()}`;
const plain = (names: string, hostKey = key): string => line(names, hostKey);
const ca = (names: string, by = authority): string => `@cert-authority ${line(names, by)}`;
const revoked = (names: string, hostKey = key): string => `@revoked ${line(names, hostKey)}`;

function hashed(names: string, hostKey = key): string {
  const path = join(folder, "to-be-hashed");
  writeFileSync(path, `${line(names, hostKey)}\n`);
  keygen("-H", "-f", path);
  return readFileSync(path, "utf8").trim();
}

/** Whether ssh gets as far as authentication. */
async function isAcceptedBySsh(
  lines: string[],
  server: HostKey,
  host: string,
  port: number,
): Promise<boolean> {
  const certificate = server === key ? [] : [`HostCertificate ${server.path}-cert.pub`];
  const errors = await runSsh(folder, {
    host,
    port,
    server: [`HostKey ${server.path}`, ...certificate],
    knownHosts: lines,
    options: [
      "PreferredAuthentications=none",
      "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com,ssh-ed25519",
    ],
  });
  if (errors.includes("Permission denied")) return true;
  if (errors.includes("Host key verification failed")) return false;
  throw new Error(`ssh said: ${errors}`);
}

shareWithSshd(folder, key, certified, expired);

const cases: [string, string[], HostKey, string, number, boolean][] = [
  ["a plain name", [plain("host.example")], key, "host.example", 22, true],
  ["another name", [plain("host.example")], key, "other.example", 22, false],
  ["another key", [plain("host.example", other)], key, "host.example", 22, false],
  ["one of two keys", [plain("host.example", other), plain("host.example")], key, "host.example", 22, true],
  ["upper case in the line", [plain("HOST.example")], key, "host.example", 22, true],
  ["a pattern", [plain("*.example")], key, "host.example", 22, true],
  ["a negated pattern", [plain("*.example,!host.*")], key, "host.example", 22, false],
  ["a negated pattern first", [plain("!host.*,*.example")], key, "host.example", 22, false],
  ["a negation alone", [plain("!other.example")], key, "host.example", 22, false],
  ["a question mark", [plain("h?st.example")], key, "host.example", 22, true],
  ["an empty item", [plain(",host.example,")], key, "host.example", 22, true],
  [
    "a list item of 1022 characters",
    [plain(`${"*".repeat(1022)},host.example`)],
    key,
    "host.example",
    22,
    true,
  ],
  [
    "a list item of 1023 characters",
    [plain(`host.example,${"*".repeat(1023)}`)],
    key,
    "host.example",
    22,
    false,
  ],
  ["a hashed name", [hashed("host.example")], key, "host.example", 22, true],
  ["another hashed name", [hashed("other.example")], key, "host.example", 22, false],
  ["a hashed name with a port", [hashed("[host.example]:2222")], key, "host.example", 2222, true],
  ["a name with the port", [plain("[host.example]:2222")], key, "host.example", 2222, true],
  ["a name with another port", [plain("[host.example]:2222")], key, "host.example", 2223, false],
  ["a name with a port, for the usual one", [plain("[host.example]:2222")], key, "host.example", 22, false],
  ["a pattern with a port", [plain("[*.example]:2222")], key, "host.example", 2222, true],
  ["a name without the port", [plain("host.example")], key, "host.example", 2222, true],
  ["a hashed name without the port", [hashed("host.example")], key, "host.example", 2222, true],
  [
    "a name without the port, and another key with it",
    [plain("host.example"), plain("[host.example]:2222", other)],
    key,
    "host.example",
    2222,
    false,
  ],
  [
    "a name without the port, and a hashed one with another key",
    [plain("host.example"), hashed("[host.example]:2222", other)],
    key,
    "host.example",
    2222,
    false,
  ],
  ["a revoked key", [plain("host.example"), revoked("*")], key, "host.example", 22, false],
  [
    "an authority's line with the key itself",
    [`@cert-authority ${plain("host.example")}`],
    key,
    "host.example",
    22,
    false,
  ],
  ["an authority", [ca("*.example")], certified, "host.example", 22, true],
  ["an authority for all", [ca("*")], certified, "host.example", 22, true],
  ["an authority of others", [ca("*.elsewhere")], certified, "host.example", 22, false],
  ["another authority", [ca("*", other)], certified, "host.example", 22, false],
  ["an authority without the port", [ca("*.example")], certified, "host.example", 2222, true],
  ["an authority with the port", [ca("[*.example]:2222")], certified, "host.example", 2222, true],
  ["an authority with another port", [ca("[*.example]:2222")], certified, "host.example", 22, false],
  ["no such principal", [ca("*")], certified, "other.example", 22, false],
  [
    "an authority's hashed line",
    [`@cert-authority ${hashed("host", authority)}`],
    certified,
    "host",
    22,
    true,
  ],
  ["an expired certificate", [ca("*")], expired, "host.example", 22, false],
  [
    "an expired certificate with a known key",
    [ca("*"), plain("host.example", expired)],
    expired,
    "host.example",
    22,
    true,
  ],
  [
    "a certificate with a known key alone",
    [plain("host.example", certified)],
    certified,
    "host.example",
    22,
    true,
  ],
  ["a revoked authority", [ca("*"), revoked("*", authority)], certified, "host.example", 22, false],
  [
    "a revoked key with a certificate",
    [ca("*"), revoked("*", certified)],
    certified,
    "host.example",
    22,
    false,
  ],
  [
    "a revoked authority and a known key",
    [ca("*"), plain("host.example", certified), revoked("*", authority)],
    certified,
    "host.example",
    22,
    false,
  ],
];

describe.skipIf(!hasSshd)("ssh and HostKeyLookup agree on", () => {
  it.concurrent.each(cases)("%s", async (_name, lines, server, host, port, accepted) => {
    const lookup = new HostKeyLookup(parseKnownHosts(lines.join("\n")), server.blob, new Date());
    expect(lookup.confirm({ name: host, port }) !== undefined).toBe(accepted);
    expect(await isAcceptedBySsh(lines, server, host, port)).toBe(accepted);
  });
});
