/**
 * A seal: the machine's own signature in `muxguard-log` over its last entry. The hashes lead from there to all before:
 * whoever has the stream can make a chain, but no seal on it.
 */
import * as z from "zod/mini";
import { attempt } from "../../attempt.ts";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { parsed } from "../parsed.ts";
import { SignatureFault, sign, type VerifyOptions, verify } from "../signed/keygen.ts";
import { isPattern, principalsFor } from "../signed/principals.ts";

/** The longest that is read, in bytes. */
const MAX_SEAL = 16 * 1024;

export interface Seal {
  signed: string;
  /** Armored. */
  signature: string;
}

/** The machine has no line in allowed_signers by which a seal of its could count. */
export class NoLine extends SignatureFault {
  override name = "NoLine";
}

/** What is signed. */
export interface Sealed {
  v: 1;
  machine: string;
  /** The number of the machine's last entry in the stream. */
  seq: number;
  /** SHA-256 of that line, in hexadecimal. */
  hash: string;
  /** ISO 8601, UTC. */
  time: string;
}

const seal: z.ZodMiniType<Seal> = z.strictObject({ signed: z.string(), signature: z.string() });
const sealed: z.ZodMiniType<Sealed> = z.strictObject({
  v: z.literal(1),
  machine: z.string(),
  seq: z.int(),
  hash: z.string(),
  time: z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)),
});

/** @param key the path of the machine's private key @throws Error if it can't */
export async function makeSeal(what: Sealed, key: string, path: string | undefined): Promise<Seal> {
  const signed = JSON.stringify(what);
  // no agent, which may be behind the very guard; and a passphrase is asked of nobody
  const environment = { PATH: path, SSH_ASKPASS: "false", SSH_ASKPASS_REQUIRE: "force" };
  return { signed, signature: await sign(signed, { key, namespace: "muxguard-log", environment }) };
}

/** Undefined for what is none. */
export function parseSeal(data: Buffer): (Seal & { said: Sealed }) | undefined {
  if (data.length > MAX_SEAL) return undefined;
  const read = parsed(seal, data.toString());
  const said = read && parsed(sealed, read.signed);
  return said && { ...read, said };
}

/** At the time that it says itself: keys are replaced, and seals stay. @throws SignatureFault */
export async function verifySeal(
  { signed, signature, said }: Seal & { said: Sealed },
  machine: string,
  options: Omit<VerifyOptions, "at">,
): Promise<void> {
  const what = { message: signed, signature, namespace: "muxguard-log", principal: machine } as const;
  try {
    await verify(what, { ...options, at: new Date(said.time) });
  } catch (error) {
    const signers = attempt(() => readRegularFile(options.signers, "followed"));
    if (signers === undefined) throw error;
    const names = principalsFor("muxguard-log", signers);
    if (names.includes(machine) || names.some(isPattern)) throw error;
    throw new NoLine(`allowed_signers has no line for ${machine} with muxguard-log`);
  }
}
