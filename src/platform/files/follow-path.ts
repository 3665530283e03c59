/**
 * A path followed as the kernel would, step by step.
 *
 * What is in procfs is another thing for each process that looks (`/proc/self`, `/dev/fd`), and its links to a
 * process's folders change with it. So a path that comes by there leads nowhere that this process could tell
 * for another one.
 */
import { promises as files, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import { hasCode } from "../../errors.ts";

/** The kernel's own: MAXSYMLINKS. */
const MAX_LINKS = 40;
/** PROC_SUPER_MAGIC, statfs(2). */
const PROC = 0x9fa0;

export class LeadsByProc extends Error {
  constructor() {
    super("this path leads through /proc, which differs for each process; name the file itself");
  }
}

/**
 * What is not there keeps its name in the deepest folder that is.
 * @param path absolute
 * @throws LeadsByProc, or Error where the kernel would go no further
 */
export async function followPath(path: string): Promise<string> {
  const rest = path.split("/");
  let at = "/";
  let links = 0;
  let device: number | undefined;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === "" || name === ".") continue;
    const next = name === ".." ? dirname(at) : join(at, name);
    const found = await lookAt(next);
    if (!found && rest.includes("..")) throw new Error("a way up from what is not there");
    if (!found) return join(next, ...rest);
    if (found.dev !== device && (await isProc(next, found))) throw new LeadsByProc();
    device = found.dev;
    if (!found.isSymbolicLink()) {
      at = next;
      continue;
    }
    links++;
    if (links > MAX_LINKS) throw new Error("too many links");
    const link = await files.readlink(next);
    if (link.startsWith("/")) at = "/";
    rest.unshift(...link.split("/"));
  }
  return at;
}

async function lookAt(path: string): Promise<Stats | undefined> {
  try {
    return await files.lstat(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Where another file system begins, that is at a folder. */
async function isProc(path: string, found: Stats): Promise<boolean> {
  return found.isDirectory() && (await files.statfs(path)).type === PROC;
}
