/** Whether an answer counts: it is about this very question, and its signer's. */
import type { Answer } from "../../policy/question.ts";
import { SignatureFault, type VerifyOptions, verify } from "../signed/keygen.ts";
import { type Ballot, parseBallot, type Vote } from "./messages.ts";

/** What an answer has to be about. */
export type Matter = Pick<Ballot, "machine" | "guard" | "id" | "nonce" | "digest" | "expires">;

export interface Counted {
  by: string;
  /** The fingerprint of the key that signed. */
  key: string;
  from: string;
  answer: Answer;
}

/** What is looked at before the signature is, which takes a program. @throws SignatureFault */
export function checkMatter(ballot: Ballot, matter: Matter): void {
  const { machine, guard, id, nonce, digest, expires } = ballot;
  if (machine !== matter.machine || guard !== matter.guard)
    throw new SignatureFault("it is for another machine, or for a guard that has ended");
  if (id !== matter.id || nonce !== matter.nonce || expires !== matter.expires)
    throw new SignatureFault("it is for another question");
  if (digest !== matter.digest) throw new SignatureFault("it is for another text than was asked");
}

/**
 * @param lists of principals: of each the signer has to be one, by a line of the file; none where anybody may answer
 * @throws SignatureFault
 */
export async function count(
  vote: Vote,
  matter: Matter,
  lists: readonly (readonly string[])[],
  options: VerifyOptions,
): Promise<Counted> {
  const ballot = parseBallot(vote.signed);
  if (!ballot) throw new SignatureFault("what is signed is no answer");
  checkMatter(ballot, matter);
  const { by, from, answer } = ballot;
  const signed = { message: vote.signed, signature: vote.signature, namespace: "muxguard-approval" } as const;
  const key = await verify({ ...signed, principal: by }, options);
  for (const groups of lists)
    if (!(await isOneOf(groups, by, signed, options)))
      throw new SignatureFault(`${by} is none of those who may answer: ${groups.join(", ")}`);
  return { by, key, from, answer };
}

async function isOneOf(
  groups: readonly string[],
  by: string,
  signed: Omit<Parameters<typeof verify>[0], "principal">,
  options: VerifyOptions,
): Promise<boolean> {
  if (groups.includes(by)) return true;
  for (const principal of groups)
    if (await verify({ ...signed, principal }, options).catch(() => undefined)) return true;
  return false;
}
