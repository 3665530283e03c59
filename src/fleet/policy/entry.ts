/**
 * What a fleet says to all its machines: a policy, and what is revoked. Each is an entry of its own, signed in
 * `muxguard-policy`. A number orders them: an older one never takes the place of a newer one, whatever the bus says.
 */
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { parsed } from "../parsed.ts";

/** The longest entry that is read, in bytes. */
export const MAX_ENTRY = 128 * 1024;
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

/** Undefined for what is none. */
export function parseEntry(data: Uint8Array): Entry | undefined {
  return data.length > MAX_ENTRY ? undefined : parsed(entry, Buffer.from(data).toString("utf8"));
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
