/** Tells whoever started this process. */
export function toStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
