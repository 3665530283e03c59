/**
 * Whom an allowed_signers file has a key for (ssh-keygen(1), ALLOWED SIGNERS): to show a person the questions that are
 * for him and leave out the others, and for words. Nothing is decided by it: that is ssh-keygen's matter.
 */
import { readFileSync } from "node:fs";
import { attempt } from "../../attempt.ts";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { fingerprint } from "../../wire/public-key.ts";
import type { Namespace } from "./keygen.ts";

/** Of a public key. Undefined where it can't be read. @param key its path, or that of the private key beside it */
export function fingerprintOf(key: string): string | undefined {
  const blob = blobIn(key.endsWith(".pub") ? key : `${key}.pub`);
  return blob === undefined ? undefined : fingerprint(Buffer.from(blob, "base64"));
}

/** Undefined where that can't be said. @param key the path of a public key */
export function principalsOf(signers: string, key: string): string[] | undefined {
  const blob = blobIn(key);
  const text = attempt(() => readRegularFile(signers, "followed"));
  if (blob === undefined || text === undefined) return undefined;
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  // an authority may stand for anybody
  if (lines.some((words) => words.some((word) => /(?:^|,)cert-authority(?:,|$)/i.test(word))))
    return undefined;
  return lines.flatMap(([names = "", ...rest]) => (rest.includes(blob) ? names.split(",") : []));
}

/** Those that a signature of the namespace may count for. Patterns are among them, see isPattern(). */
export function principalsFor(namespace: Namespace, signers: string): string[] {
  return signers.split("\n").flatMap((line) => {
    const [names = ""] = line.trim().split(/\s/);
    const [, namespaces] = /\bnamespaces="([^"]*)"/i.exec(line) ?? [];
    const counts = (namespaces ?? namespace).split(",").some((one) => one === namespace || isPattern(one));
    return counts && /^[^#]/.test(names) ? names.split(",") : [];
  });
}

/** Whether it may stand for any name. */
export function isPattern(name: string): boolean {
  return /[*?!"]/.test(name);
}

/** In base64, as a public key's file has it. */
function blobIn(path: string): string | undefined {
  const text = attempt(() => readFileSync(path, "utf8"));
  return text?.trim().split(/\s+/)[1];
}

/** @param own as principalsOf() gives it: patterns may stand for any name */
export function mayAnswer(
  lists: readonly (readonly string[])[],
  person: string,
  own: readonly string[] | undefined,
): boolean {
  if (!own || own.some(isPattern)) return true;
  return lists.every((list) => list.some((name) => name === person || own.includes(name)));
}
