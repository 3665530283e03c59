/**
 * What a fleet says to all its machines: a policy, and what is revoked. Each is an entry of its own, signed in
 * `muxguard-policy`. A number orders them: an older one never takes the place of a newer one, whatever the bus says.
 */
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { parsed } from "../parsed.ts";

/** The longest entry that is read, in bytes. */
export const MAX_ENTRY = 128 * 1024;
/** How far a number may be ahead of this machine's clock, in milliseconds: a day. It is the time when it was signed. */
export const MAX_AHEAD = 24 * 60 * 60_000;
/** The bucket, and the key of the policy in it. */
export const BUCKET = "muxguard";
export const POLICY_KEY = "policy";

export interface Entry {
  /** Who has signed it, as the allowed_signers file has it. */
  by: string;
  signed: string;
  /** Armored. */
  signature: string;
}

/** What is signed. */
export type Statement = PolicyStatement | RevokeStatement;

export interface PolicyStatement {
  v: 1;
  kind: "policy";
  sequence: number;
  /** ISO 8601: from then on what it allows is asked. */
  expires: string;
  /** As policy.toml has it. */
  toml: string;
}

export interface RevokeStatement {
  v: 1;
  kind: "revoke";
  sequence: number;
  what: "key" | "host" | "machine";
  name: string;
  /** Whether it counts again. */
  lifted: boolean;
}

const text = z.string();
const sequence = z.int().check(z.gte(1));
const entry: z.ZodMiniType<Entry> = z.strictObject({ by: text, signed: text, signature: text });
const statement: z.ZodMiniType<Statement> = z.discriminatedUnion("kind", [
  z.strictObject({
    v: z.literal(1),
    kind: z.literal("policy"),
    sequence,
    expires: text.check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)),
    toml: text,
  }),
  z.strictObject({
    v: z.literal(1),
    kind: z.literal("revoke"),
    sequence,
    what: z.enum(["key", "host", "machine"]),
    name: text.check(z.regex(/^[^\s,!\p{C}]{1,255}$/u)),
    lifted: z.boolean(),
  }),
]);

const sizes = new WeakMap<Entry, number>();

/** Undefined for what is none, and for what would be too long where it is kept. */
export function parseEntry(data: Uint8Array): Entry | undefined {
  const found = data.length > MAX_ENTRY ? undefined : parsed(entry, Buffer.from(data).toString("utf8"));
  return found && entrySize(found) <= MAX_ENTRY ? found : undefined;
}

/** In bytes, as it is kept: what is no UTF-8 has become longer. */
export function entrySize(found: Entry): number {
  const size = sizes.get(found) ?? Buffer.byteLength(JSON.stringify(found));
  sizes.set(found, size);
  return size;
}

/** Whether it denies something, and does nothing else. */
export function revokes(said: Statement): said is RevokeStatement {
  return said.kind === "revoke" && !said.lifted;
}

/** Undefined for what is none. */
export function parseStatement(signed: string): Statement | undefined {
  return parsed(statement, signed);
}

/** Where in the bucket it belongs, and what it takes the place of. */
export function keyOf(said: Statement): string {
  if (said.kind === "policy") return POLICY_KEY;
  return `revoke.${createHash("sha256").update(`${said.what} ${said.name}`).digest("hex").slice(0, 32)}`;
}
