/** What the kernel lets programs do to each other. */
import { readFileSync } from "node:fs";
import { attempt } from "../attempt.ts";
import { mendOf } from "../platform/confine/bwrap.ts";
import { traceable } from "../platform/proc/protect.ts";
import type { Finding } from "./finding.ts";

export function systemFindings(read = readFileSync, confineMend = mendOf()): Finding[] {
  const tracing = traceable(read);
  return [
    ...(tracing ? [{ topic: "system", level: "wrong", ...tracing } as const] : []),
    ...typing(attempt(() => read("/proc/sys/dev/tty/legacy_tiocsti", "utf8").trim())),
    ...(confineMend === undefined ? [] : [notConfined(confineMend)]),
  ];
}

/** TIOCSTI, ioctl_tty(2). A run has a terminal of its own, so that it types into nothing else. */
function typing(setting: string | undefined): Finding[] {
  if (setting === "0") return [];
  const what = "a program that is not in a run can type into the shell of its terminal (TIOCSTI)";
  const mend =
    setting === undefined ? "a kernel from 6.2 on can forbid it" : "sysctl dev.tty.legacy_tiocsti=0";
  return [{ topic: "system", level: "note", what, mend }];
}

function notConfined(mend: string): Finding {
  return { topic: "system", level: "wrong", what: "muxguard run --confine can't confine here", mend };
}
