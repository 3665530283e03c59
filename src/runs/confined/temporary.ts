/**
 * The folder for temporary files. A run gets one of its own: sockets of agents, of tmux and of X are in there,
 * and new ones come while the run goes on. What ordinary there is stays.
 */
import { join } from "node:path";
import type { Sieve } from "../../platform/confine/facts.ts";
import type { Files } from "./files.ts";

const names = [
  ...["ssh-", "tmux-", "screen", "uscreens", "\\.X", "\\.ICE-unix", "\\.XIM-unix", "\\.font-unix", "krb5cc"],
  ...["muxguard-\\d", "gpg-", "dbus-", "systemd-private", "pulse-", "runtime-"],
];
const dangerous = new RegExp(`^(?:${names.join("|")})`);

/** The newest; each is a mount. */
const MAX_KEPT = 32;

/** @param needed paths of which the top in there stays, whatever it is */
export function temporaryFolder(needed: readonly string[], uid: number, files: Files): Sieve {
  const path = files.real("/tmp") ?? "/tmp";
  const tops = needed.flatMap((one) => topIn(path, one));
  const ordinary = files.list(path).flatMap((name) => {
    const at = join(path, name);
    if (dangerous.test(name) || files.isLink(at)) return [];
    const found = files.look(at);
    const isOrdinary = found?.uid === uid && (found.kind === "folder" || found.kind === "file");
    return isOrdinary ? { at, changed: found.changed } : [];
  });
  const newest = ordinary.sort((one, other) => other.changed - one.changed).map(({ at }) => at);
  const kept = [...new Set([...tops, ...newest])].slice(0, Math.max(MAX_KEPT, tops.length));
  return { path, folder: true, why: "temporary files", kept };
}

function topIn(folder: string, path: string): string[] {
  if (!path.startsWith(`${folder}/`)) return [];
  const [name = ""] = path.slice(folder.length + 1).split("/");
  return [join(folder, name)];
}

/** In a TMPDIR elsewhere: what is there now. */
export function dangerousIn(folder: string, files: Files): string[] {
  return files
    .list(folder)
    .filter((name) => dangerous.test(name))
    .map((name) => join(folder, name));
}
