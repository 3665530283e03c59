/**
 * known_hosts: which names a proven host key has. sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT", OpenSSH's
 * hostfile.c, and check_host_key() of sshconnect.c for what ssh makes of it.
 *
 * A line's names are known without asking, unless they are hashed or patterns: those only confirm a name that
 * somebody offers. Keys are compared byte for byte. Revocation is stricter than ssh's: a revoked key is
 * revoked for all names, not for those of its line.
 */
import { createHmac } from "node:crypto";
import { matchPattern } from "../../policy/pattern.ts";
import { type Certificate, parsePublicKey, plainKeyBlob } from "../../wire/public-key.ts";
import { checkHostCertificate } from "./host-key.ts";
import { isLiteralName, matchesHostList } from "./host-pattern.ts";

export const SSH_PORT = 22;

export interface HostName {
  /** In lower case, without brackets. */
  name: string;
  port: number;
}

export interface ProvenName extends HostName {
  by: "key" | "certificate";
}

export interface KnownHostsEntry {
  marker: "none" | "cert-authority" | "revoked";
  hosts: HostList | HashedHost;
  /** Base64 of the key blob; of the key without its certificate on a line with a marker. */
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

/** What the lines of some known_hosts files say about one host key. */
export class HostKeyLookup {
  /** The key, or the authority of its certificate, is revoked: it proves nothing. */
  readonly revoked: boolean;
  /** Why the certificate doesn't count, although its authority is known. */
  readonly certificateFault: string | undefined;
  /**
   * When the certificate begins or ceases to be valid, in milliseconds since 1970: all this has to be looked
   * up again then.
   */
  readonly staleAt: number;
  readonly #entries: readonly KnownHostsEntry[];
  /** The lines with the key itself. */
  readonly #keyLines: KnownHostsEntry[];
  /** The lines with the authority that signed its certificate, if the certificate is good. */
  readonly #authorityLines: KnownHostsEntry[];
  readonly #principals: string[];

  /** @param hostKey a host key blob, plain or a certificate */
  constructor(entries: readonly KnownHostsEntry[], hostKey: Buffer, now: Date) {
    const parsed = parsePublicKey(hostKey);
    const certificate: Certificate | undefined = parsed.kind === "certificate" ? parsed : undefined;
    const key = plainKeyBlob(hostKey).toString("base64");
    const authority = certificate?.authority.toString("base64");
    const linesWith = (marker: KnownHostsEntry["marker"], wanted: string | undefined): KnownHostsEntry[] =>
      entries.filter((entry) => entry.marker === marker && entry.key === wanted);
    this.#entries = entries;
    this.revoked = linesWith("revoked", key).length > 0 || linesWith("revoked", authority).length > 0;
    this.#keyLines = linesWith("none", key);
    const authorityLines = certificate ? linesWith("cert-authority", authority) : [];
    this.certificateFault =
      certificate && authorityLines.length > 0 ? checkHostCertificate(certificate, now) : undefined;
    this.#authorityLines = this.certificateFault === undefined ? authorityLines : [];
    this.#principals = certificate?.principals ?? [];
    this.staleAt =
      authorityLines.length > 0 && certificate ? nextChange(certificate, now) : Number.POSITIVE_INFINITY;
  }

  /** True if the key is known, maybe under a name that nobody can read from the line. */
  get known(): boolean {
    return this.#keyLines.length > 0 || this.#authorityLines.length > 0;
  }

  get hasHashedLines(): boolean {
    return this.#keyLines.some(({ hosts }) => "salt" in hosts);
  }

  /** The names that the lines spell out. */
  names(): ProvenName[] {
    if (this.revoked) return [];
    // ssh compares principals with the host in lower case
    const literal = this.#principals.filter((name) => isLiteralName(name) && name === name.toLowerCase());
    const principals = literal.map((name) => ({ name, port: SSH_PORT }));
    const certified = [...principals, ...this.#authorityLines.flatMap(literalNames)];
    const byKey = this.#keyLines.flatMap(literalNames);
    return [
      ...certified.flatMap((candidate) => this.#byCertificate(candidate) ?? []),
      ...byKey.map((name): ProvenName => ({ ...name, by: "key" })),
    ];
  }

  /**
   * Whether ssh would accept the key for this host and port. The name is returned as the line has it: for a
   * port of its own, ssh also takes a line without one, if no line with that port has another key.
   */
  confirm(candidate: HostName): ProvenName | undefined {
    return this.revoked ? undefined : (this.#byCertificate(candidate) ?? this.#byKey(candidate));
  }

  /** Whether a hashed line with this key is about this host and port. */
  confirmHashed(candidate: HostName): ProvenName | undefined {
    if (this.revoked) return undefined;
    const text = lineName(candidate);
    const line = this.#keyLines.find(({ hosts }) => "salt" in hosts && matches(hosts, text));
    return line && { ...candidate, by: "key" };
  }

  #byCertificate(candidate: HostName): ProvenName | undefined {
    const { name } = candidate;
    if (!this.#principals.some((principal) => matchPattern(name, principal))) return undefined;
    if (anyMatches(this.#authorityLines, lineName(candidate))) return { ...candidate, by: "certificate" };
    return anyMatches(this.#authorityLines, name) ? { name, port: SSH_PORT, by: "certificate" } : undefined;
  }

  #byKey(candidate: HostName): ProvenName | undefined {
    const { name } = candidate;
    if (anyMatches(this.#keyLines, lineName(candidate))) return { ...candidate, by: "key" };
    if (!anyMatches(this.#keyLines, name)) return undefined;
    const plainLines = this.#entries.filter(({ marker }) => marker === "none");
    return anyMatches(plainLines, lineName(candidate)) ? undefined : { name, port: SSH_PORT, by: "key" };
  }
}

function nextChange({ validAfter, validBefore }: Certificate, now: Date): number {
  const changes = [validAfter, validBefore].map((seconds) => Number(seconds) * 1000);
  return changes.find((change) => now.getTime() < change) ?? Number.POSITIVE_INFINITY;
}

/** How known_hosts writes a name: put_host_port() of OpenSSH's misc.c. */
function lineName({ name, port }: HostName): string {
  return port === SSH_PORT ? name : `[${name}]:${port}`;
}

function anyMatches(lines: readonly KnownHostsEntry[], text: string): boolean {
  return lines.some(({ hosts }) => matches(hosts, text));
}

function matches(hosts: HostList | HashedHost, text: string): boolean {
  if ("patterns" in hosts) return matchesHostList(text, hosts.patterns);
  return createHmac("sha1", hosts.salt).update(text).digest("base64") === hosts.hash;
}

function literalNames({ hosts }: KnownHostsEntry): HostName[] {
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
