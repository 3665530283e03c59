/** Private key files of the user's: by what is in them, and whether they have a passphrase. */
import { join } from "node:path";
import { attempt } from "../../attempt.ts";
import type { Mention } from "../../identity/ssh-config/mentions.ts";
import { headOf } from "../../platform/files/file-head.ts";
import { systemFiles } from "../../runs/confined/files.ts";
import { inFolder, keysAmong, namedKeys } from "../../runs/confined/keys.ts";
import { isBareKey } from "../../runs/unguarded/key-files.ts";
import type { KeyFile } from "../facts.ts";

/** The head of a key says how it is encrypted. */
const HEAD = 1024;

/** @param home as ssh takes it */
export function findKeys(
  home: string,
  mentions: readonly Mention[],
  environment: NodeJS.ProcessEnv,
): KeyFile[] {
  const found = [
    ...keysAmong(inFolder(join(home, ".ssh"), systemFiles), systemFiles),
    ...namedKeys(mentions, environment, systemFiles),
  ];
  return [...new Set(found)].map((path) => ({
    path,
    encrypted: !isBareKey(attempt(() => headOf(path, HEAD)) ?? ""),
  }));
}
