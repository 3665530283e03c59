/** The signature of an entry: what decides in a fleet's policy. */
import { type Namespace, sign, type VerifyOptions, verify } from "../signed/keygen.ts";
import type { Entry } from "./entry.ts";

const namespace: Namespace = "muxguard-policy";

/** @param key as sign() takes it. @throws Error if it can't be signed */
export async function signedEntry(
  { by, signed }: Pick<Entry, "by" | "signed">,
  { key, environment }: { key: string; environment: NodeJS.ProcessEnv },
): Promise<Entry> {
  return { by, signed, signature: await sign(signed, { key, namespace, environment }) };
}

/**
 * @returns the fingerprint of the key that signed
 * @throws SignatureFault
 */
export function verifyEntry({ by, signed, signature }: Entry, options: VerifyOptions): Promise<string> {
  return verify({ message: signed, signature, principal: by, namespace }, options);
}
