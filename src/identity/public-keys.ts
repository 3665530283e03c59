/** Public key files, for whoever names a key by its comment or its file. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../attempt.ts";
import type { KeyFacts } from "../policy/request.ts";
import { fingerprint } from "../wire/public-key.ts";
import { readIfFile } from "./file-stamps.ts";
import { homeFolder } from "./home.ts";

/**
 * @param text a fingerprint, a comment, or the path of a key file
 * @returns undefined for one that no public key file has
 */
export function findPublicKey(text: string, folder = join(homeFolder(), ".ssh")): KeyFacts | undefined {
  if (text.includes("/")) return readPublicKey(text.endsWith(".pub") ? text : `${text}.pub`);
  const names = attempt(() => readdirSync(folder))?.filter((name) => name.endsWith(".pub")) ?? [];
  const keys = names.flatMap((name) => readPublicKey(join(folder, name)) ?? []);
  return keys.find((key) => key.fingerprint === text || key.comment === text);
}

/** sshd(8), "AUTHORIZED_KEYS FILE FORMAT", without options. */
function readPublicKey(path: string): KeyFacts | undefined {
  const [, type, base64 = "", comment] = /^(\S+) (\S+)(?: ([^\n]*))?/.exec(readIfFile(path) ?? "") ?? [];
  if (type === undefined) return undefined;
  return {
    type,
    fingerprint: fingerprint(Buffer.from(base64, "base64")),
    ...(comment !== undefined && { comment: comment.trim() }),
  };
}
