import { toStderr } from "../../to-stderr.ts";

/** What ssh said has several lines, and so may what was typed: none of them may pass for one of ours. */
export function tell(text: string): void {
  for (const [at, line] of text.split("\n").entries()) toStderr(at === 0 ? line : `  ${line}`);
}
