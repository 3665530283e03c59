import { onScreen } from "./policy/visible.ts";

/** Tells whoever started this process. */
export function toStderr(line: string): void {
  process.stderr.write(`${onScreen(line, "kept")}\n`);
}
