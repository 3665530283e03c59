/** What the bus is shown: a creds file or an nkey's seed, read anew at each connection, and TLS. */
import { closeSync, constants } from "node:fs";
import * as z from "zod/mini";
import { attempt } from "../../attempt.ts";
import { FileFault, openRegular, readOpened, readRegularFile } from "../../platform/files/regular-file.ts";
import type { FleetConfig } from "../../settings/fleet/config.ts";
import { parsed } from "../parsed.ts";

/** Within the years that a date can have. */
const withEnd: z.ZodMiniType<{ exp: number }> = z.object({ exp: z.int().check(z.gte(0), z.lte(8e12)) });

/** @throws Error for a file that others may read */
export function readSecret(path: string): string {
  const file = openRegular(path, constants.O_RDONLY, "followed");
  try {
    if ((file.stats.mode & 0o077) !== 0)
      throw new FileFault(`${path}: others may read it; chmod 600 ${path}`);
    return readOpened(path, file);
  } finally {
    closeSync(file.fd);
  }
}

/**
 * What the files hold. NATS's client could read them itself, and nobody would hear an error of its socket meanwhile:
 * that would end this process.
 */
export function readTls({ ca, cert, key }: FleetConfig["tls"]): { ca?: string; cert?: string; key?: string } {
  return {
    ...(ca && { ca: readRegularFile(ca, "followed") }),
    ...(cert && { cert: readRegularFile(cert, "followed") }),
    ...(key && { key: readSecret(key) }),
  };
}

/** Why they count no longer, and what to do; undefined where they have no end, or it is to come by this clock. */
export function ranOut(path: string): string | undefined {
  const end = attempt(() => endOf(readSecret(path)));
  if (end === undefined || end > Date.now()) return undefined;
  return `${path} ran out at ${new Date(end).toISOString()}: put new credentials in its place`;
}

/** Of a creds file: `exp` of the user's JWT (RFC 7519), in milliseconds since 1970. */
function endOf(text: string): number | undefined {
  const [, claims] = /^[\w-]+\.([\w-]+)\.[\w-]+\s*$/m.exec(text) ?? [];
  const exp = claims && parsed(withEnd, Buffer.from(claims, "base64url").toString())?.exp;
  return exp ? exp * 1000 : undefined; // 0 is none, too
}

/** The seed of a user's nkey (github.com/nats-io/nkeys); undefined for a creds file. */
export function seedOf(text: string): string | undefined {
  return /^\s*(SU[A-Z2-7]{56})\s*$/.exec(text)?.[1];
}

/** Whether no connection without TLS is taken: a bus in between could offer that. */
export function wantsTls({ servers, tls }: Pick<FleetConfig, "servers" | "tls">): boolean {
  return servers.some((server) => server.startsWith("tls://")) || Object.keys(tls).length > 0;
}
