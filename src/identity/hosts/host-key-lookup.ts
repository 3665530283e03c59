/**
 * Which names a proven host key has, by the lines of known_hosts. check_host_key() of OpenSSH's sshconnect.c
 * is what ssh makes of them.
 *
 * Keys are compared byte for byte. Revocation is stricter than ssh's: a revoked key is revoked for all names,
 * not for those of its line alone.
 */
import { matchPattern } from "../../policy/match/pattern.ts";
import { type Certificate, parsePublicKey, plainKeyBlob } from "../../wire/public-key.ts";
import type { HashedNames } from "./hashed-names.ts";
import { checkHostCertificate } from "./host-key.ts";
import { isLiteralName } from "./host-pattern.ts";
import {
  anyMatches,
  type HostName,
  isHashed,
  type KnownHostsEntry,
  lineName,
  literalNames,
  matches,
  SSH_PORT,
} from "./known-hosts.ts";

export interface ProvenName extends HostName {
  by: "key" | "certificate";
}

/** What the lines of some known_hosts files say about one host key. */
export class HostKeyLookup {
  /** The key, or the authority of its certificate, is revoked: it proves nothing. */
  readonly revoked: boolean;
  /** Why the certificate doesn't count, although its authority is known. */
  readonly certificateFault: string | undefined;
  /**
   * When the certificate begins or ceases to be valid, in milliseconds since 1970. All of this has to be
   * looked up again then.
   */
  readonly staleAt: number;
  readonly #entries: readonly KnownHostsEntry[];
  /** The lines with the key itself. */
  readonly #keyLines: KnownHostsEntry[];
  /** The lines with the authority that signed its certificate, if the certificate is good. */
  readonly #authorityLines: KnownHostsEntry[];
  readonly #principals: string[];
  readonly #hashed: Pick<HashedNames, "nameOf"> | undefined;

  /**
   * @param hostKey a host key blob, plain or a certificate
   * @param hashed what is known of the names on hashed lines
   */
  constructor(
    entries: readonly KnownHostsEntry[],
    hostKey: Buffer,
    now: Date,
    hashed?: Pick<HashedNames, "nameOf">,
  ) {
    this.#hashed = hashed;
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
    return this.#keyLines.some(isHashed);
  }

  get hashedLines(): KnownHostsEntry[] {
    return this.#keyLines.filter(isHashed);
  }

  /** True if a pattern or a certificate may stand for names that no line spells out. */
  get isOpen(): boolean {
    return this.#authorityLines.length > 0 || this.#keyLines.some(hasPattern);
  }

  /** The names that the lines spell out, and those that hashed ones are known to be about. */
  names(): ProvenName[] {
    if (this.revoked) return [];
    // ssh compares principals with the host in lower case
    const literal = this.#principals.filter((name) => isLiteralName(name) && name === name.toLowerCase());
    const principals = literal.map((name) => ({ name, port: SSH_PORT }));
    const certified = [...principals, ...this.#authorityLines.flatMap(literalNames)];
    const byKey = this.#keyLines.flatMap((line) => this.#hashed?.nameOf(line) ?? literalNames(line));
    return [
      ...certified.flatMap((candidate) => this.#byCertificate(candidate) ?? []),
      ...byKey.map((name): ProvenName => ({ ...name, by: "key" })),
    ];
  }

  /**
   * Whether ssh would accept the key for this host and port.
   *
   * For a port of its own ssh also takes a line without a port, unless a line with that port has another key.
   * @returns the name as the line has it
   */
  confirm(candidate: HostName): ProvenName | undefined {
    return this.revoked ? undefined : (this.#byCertificate(candidate) ?? this.#byKey(candidate));
  }

  /**
   * The same for many candidates: nothing is hashed. Where a hashed line with another key may be about the
   * port, a line without one doesn't count.
   */
  confirmRead(candidate: HostName): ProvenName | undefined {
    if (this.revoked) return undefined;
    const certified = this.#byCertificate(candidate);
    if (certified || this.#isRead(this.#keyLines, candidate)) return certified ?? { ...candidate, by: "key" };
    const plain = { name: candidate.name, port: SSH_PORT };
    if (candidate.port === SSH_PORT || !this.#isRead(this.#keyLines, plain)) return undefined;
    const others = this.#entries.filter(({ marker }) => marker === "none");
    const isOther = others.some(isHashed) || this.#isRead(others, candidate);
    return isOther ? undefined : { ...plain, by: "key" };
  }

  #isRead(lines: readonly KnownHostsEntry[], candidate: HostName): boolean {
    const text = lineName(candidate);
    return lines.some((line) => {
      if (!isHashed(line)) return matches(line, text);
      const { name, port } = this.#hashed?.nameOf(line) ?? {};
      return name === candidate.name && port === candidate.port;
    });
  }

  /** Whether a hashed line with this key is about this host and port. */
  confirmHashed(candidate: HostName): ProvenName | undefined {
    if (this.revoked) return undefined;
    const text = lineName(candidate);
    const found = this.#keyLines.find((line) => isHashed(line) && matches(line, text));
    return found && { ...candidate, by: "key" };
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

function hasPattern({ hosts }: KnownHostsEntry): boolean {
  return "patterns" in hosts && hosts.patterns.some((item) => /[*?]/.test(item));
}

function nextChange({ validAfter, validBefore }: Certificate, now: Date): number {
  const changes = [validAfter, validBefore].map((seconds) => Number(seconds) * 1000);
  return changes.find((change) => now.getTime() < change) ?? Number.POSITIVE_INFINITY;
}
