/** Shared connections that no guard watches. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../attempt.ts";
import { OWN_PREFIX } from "../platform/sockets/control-socket.ts";
import { answers } from "../platform/sockets/listener.ts";
import { visible } from "../policy/visible.ts";
import type { Finding } from "./finding.ts";

/** In one folder. */
const MAX_LOOKED_AT = 200;

/** @param guarded the control sockets of the guard; undefined where no daemon runs */
export async function connectionFindings(
  folders: readonly string[],
  guarded: readonly string[] | undefined,
): Promise<Finding[]> {
  const sockets = [...new Set(folders)].flatMap(socketsIn).filter((path) => !guarded?.includes(path));
  const alive = await Promise.all(sockets.map(async (path) => ((await answers(path)) ? [path] : [])));
  return alive.flat().map((path) => unguarded(path, guarded !== undefined));
}

function socketsIn(folder: string): string[] {
  const names = attempt(() => readdirSync(folder)) ?? [];
  const paths = names.filter((name) => !name.startsWith(OWN_PREFIX)).map((name) => join(folder, name));
  return paths.slice(0, MAX_LOOKED_AT).filter((path) => attempt(() => lstatSync(path).isSocket()) === true);
}

function unguarded(path: string, daemonRuns: boolean): Finding {
  const shown = visible(path);
  return {
    topic: "shared connections",
    level: "wrong",
    what: `${shown}: no guard watches this connection: whoever reaches it is logged in`,
    mend: daemonRuns ? `muxguard adopt ${shown}` : "muxguard daemon takes it over",
  };
}
