/**
 * The lines of a known_hosts file, and the names that they are about. sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT";
 * OpenSSH's hostfile.c.
 *
 * A line names hosts in one of three ways. A literal name can be read from it. A pattern and a hash only
 * confirm a name that somebody offers.
 *
 * What the lines say about a host key is in host-key-lookup.ts.
 */
import { createHmac } from "node:crypto";
import { parsePublicKey, plainKeyBlob } from "../../wire/public-key.ts";
import { isLiteralName, matchesHostList } from "./host-pattern.ts";

export const SSH_PORT = 22;

export interface HostName {
  /** In lower case, without brackets. */
  name: string;
  port: number;
}

export interface KnownHostsEntry {
  marker: "none" | "cert-authority" | "revoked";
  hosts: HostList | HashedHost;
  /** Base64 of the key blob. On a line with a marker: of the key without its certificate. */
  key: string;
}

interface HostList {
  /** In lower case. */
  patterns: string[];
}

interface HashedHost {
  salt: Buffer;
  /** Base64 of the HMAC-SHA1 of the name under the salt. */
  hash: string;
}

const linePattern = /^[ \t]*(?:@([^ \t]+)[ \t]+)?([^ \t@#][^ \t]*)[ \t]+([^ \t]+)[ \t]+([^ \t]+)/;
const hashedPattern = /^\|1\|([A-Za-z0-9+/]+={0,2})\|([A-Za-z0-9+/]+={0,2})$/;
const SALT_LENGTH = 20;

/** Never throws: a line that can't be read is left out, as ssh does. */
export function parseKnownHosts(text: string): KnownHostsEntry[] {
  return text.split(/\r?\n/).flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): KnownHostsEntry | undefined {
  const [, marker, names = "", type = "", base64 = ""] = linePattern.exec(line) ?? [];
  if (marker !== undefined && marker !== "cert-authority" && marker !== "revoked") return undefined;
  const hosts = parseHosts(names);
  const key = parseKey(type, base64, marker !== undefined);
  return hosts && key !== undefined ? { marker: marker ?? "none", hosts, key } : undefined;
}

function parseHosts(names: string): HostList | HashedHost | undefined {
  if (!names.startsWith("|")) return { patterns: names.toLowerCase().split(",") };
  const [, salt = "", hash = ""] = hashedPattern.exec(names) ?? [];
  const bytes = Buffer.from(salt, "base64");
  return bytes.length === SALT_LENGTH ? { salt: bytes, hash } : undefined;
}

/** @returns base64 as it is compared; undefined if it isn't base64 of a key of that type */
function parseKey(type: string, base64: string, withoutCertificate: boolean): string | undefined {
  const blob = Buffer.from(base64, "base64");
  if (blob.length === 0 || blob.toString("base64") !== base64) return undefined;
  try {
    if (parsePublicKey(blob).type !== type) return undefined;
    return withoutCertificate ? plainKeyBlob(blob).toString("base64") : base64;
  } catch {
    return undefined;
  }
}

export function isHashed({ hosts }: KnownHostsEntry): boolean {
  return "salt" in hosts;
}

/**
 * Whether one of the lines is about a host.
 * @param text its name as a line has it, from lineName()
 */
export function anyMatches(lines: readonly KnownHostsEntry[], text: string): boolean {
  return lines.some((line) => matches(line, text));
}

export function matches({ hosts }: KnownHostsEntry, text: string): boolean {
  if ("patterns" in hosts) return matchesHostList(text, hosts.patterns);
  return createHmac("sha1", hosts.salt).update(text).digest("base64") === hosts.hash;
}

/** How known_hosts writes a name: put_host_port() of OpenSSH's misc.c. */
export function lineName({ name, port }: HostName): string {
  return port === SSH_PORT ? name : `[${name}]:${port}`;
}

/**
 * The keys that a host may prove, as ssh looks them up: those without a port count where none is known with
 * it. Revoked ones and authorities are not among them. Yields now and then: a hash takes its time.
 */
export function* keysOf(host: HostName, entries: readonly KnownHostsEntry[]): Generator<void, Buffer[]> {
  const texts = host.port === SSH_PORT ? [host.name] : [lineName(host), host.name];
  for (const text of texts) {
    const found = new Set<string>();
    for (const entry of entries) {
      if (isHashed(entry)) yield;
      if (entry.marker === "none" && matches(entry, text)) found.add(entry.key);
    }
    if (found.size > 0) return [...found].map((key) => Buffer.from(key, "base64"));
  }
  return [];
}

/** The names that a line spells out: those that it does not exclude, and no patterns. */
export function literalNames({ hosts }: KnownHostsEntry): HostName[] {
  if (!("patterns" in hosts)) return [];
  return hosts.patterns.filter((item) => matchesHostList(item, hosts.patterns)).flatMap(parseLineName);
}

/** `name` or `[name]:port`; nothing for a pattern. */
function parseLineName(text: string): HostName[] {
  const [, bracketed, port] = /^\[(.*)\]:(\d{1,5})$/.exec(text) ?? [];
  const name = bracketed ?? text;
  const number = port === undefined ? SSH_PORT : Number(port);
  return isLiteralName(name) && number > 0 && number < 65536 ? [{ name, port: number }] : [];
}
