/** A module of the source for another process of Node: bundled as the programs are, into a file of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildSync } from "esbuild";
import { afterAll } from "vitest";

const root = join(import.meta.dirname, "../..");
/** A binary: it stays where it is. */
const koffi = createRequire(import.meta.url).resolve("koffi");

/**
 * @param source from the root: "src/audit/log.ts"
 * @returns the URL of an ES module, which is there until the tests of the file have ended. To be called outside
 *   of a test
 */
export function bundled(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), "mg-bundled-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const outfile = join(folder, `${basename(source, ".ts")}.mjs`);
  buildSync({
    absWorkingDir: root,
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    alias: { koffi },
    external: [koffi],
  });
  return pathToFileURL(outfile).href;
}
