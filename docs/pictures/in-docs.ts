/** Where the pictures are kept. */
import { dirname, join } from "node:path";
import { MUXGUARD } from "../../lab/programs.ts";

export function inDocs(name: string): string {
  return join(dirname(MUXGUARD), "..", "docs", name);
}
