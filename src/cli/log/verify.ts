/** `muxguard log verify`: whether the log is as it was written. */
import { closeSync } from "node:fs";
import { forwards } from "../../audit/lines.ts";
import { type Verified, Verifier } from "../../audit/verify.ts";
import { keepYoungHeapSmall } from "../../platform/proc/small-heap.ts";
import { visible } from "../../policy/visible.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStdout, toStdoutAsJson } from "../../to-stderr.ts";
import { CliError } from "../cli-error.ts";
import { openLog } from "./tail.ts";

/** Lines that were cut off, told one by one. */
const MOST_CUT_OFF = 10;

/**
 * @param files in the order in which they were written; none for the log as it is
 * @returns the exit code: 1 where something is wrong
 */
export function logVerify(files: readonly string[], { json }: { json?: boolean }): number {
  keepYoungHeapSmall();
  const verifier = new Verifier();
  const paths = files.length > 0 ? files : [openPaths().log];
  const faults: { file: string; line: number; what: string }[] = [];
  const cutOff: { file: string; line: number }[] = [];
  for (const file of paths) {
    const before = verifier.result();
    const seen = [before.faults.length, before.cutOff.length];
    readInto(verifier, file);
    const { faults: found, cutOff: lines } = verifier.result();
    faults.push(...found.slice(seen[0]).map((fault) => ({ file, ...fault })));
    cutOff.push(...lines.slice(seen[1]).map((line) => ({ file, line })));
  }
  const result = verifier.result();
  const isWhole = faults.length === 0;
  if (json) toStdoutAsJson(JSON.stringify({ ok: isWhole, ...result, faults, cutOff }));
  else for (const line of describe(result, faults, cutOff)) toStdout(line);
  return isWhole ? 0 : 1;
}

function readInto(verifier: Verifier, file: string): void {
  const fd = openLog(file);
  if (fd === undefined) throw new CliError(`${visible(file, 300)}: there is no such file`, 1);
  try {
    verifier.nextFile();
    let number = 0;
    const lines = forwards(fd, 0);
    for (let next = lines.next(); ; next = lines.next()) {
      number++;
      if (next.done) {
        verifier.addRest(next.value, number);
        return;
      }
      if (next.value.length > 0) verifier.add(next.value, number);
    }
  } finally {
    closeSync(fd);
  }
}

function describe(
  { entries, without, from, end, untold }: Verified,
  faults: readonly { file: string; line: number; what: string }[],
  cutOff: readonly { file: string; line: number }[],
): string[] {
  return [
    ...faults.map(({ file, line, what }) => `${file}:${line}: ${what}`),
    ...(untold > 0 ? [`and ${untold} more`] : []),
    ...cutOff.slice(0, MOST_CUT_OFF).map(({ file, line }) => `${file}:${line}: cut off, which is no fault`),
    ...(without > 0 ? [`${counted(without)} from before the chain: nothing tells of them`] : []),
    ...(from.seq === 0
      ? []
      : [`goes on from ${counted(from.seq)} in an earlier file, with the hash ${from.hash}`]),
    faults.length > 0 ? "the log is not as it was written" : `as written: ${counted(entries)} of the chain`,
    ...(entries > 0 ? [`hash behind the last: ${end.hash}`] : []),
  ];
}

function counted(entries: number): string {
  return entries === 1 ? "1 entry" : `${entries} entries`;
}
