/**
 * A question that is only a test, asked as ssh would ask one through muxguard-askpass: by the daemon if one runs.
 * It goes the whole way: the policy, the approvers, the log.
 */
import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { attempt } from "../../attempt.ts";
import type { AuditEvent } from "../../audit/event.ts";
import { askpassProgram } from "../../installation.ts";
import { readEnd } from "../../platform/files/file-end.ts";
import { openRegular } from "../../platform/files/regular-file.ts";
import { describeDecision, describePlace } from "../../policy/describe/decision.ts";
import { TEST_PROMPT } from "../../policy/openssh-prompt.ts";
import type { Paths } from "../../settings/paths.ts";
import { toStdout } from "../../to-stderr.ts";

/** Of the log, in bytes: the answer is the last of it, or nearly so. */
const MOST = 64 * 1024;

export async function testQuestion(paths: Paths): Promise<void> {
  toStdout("a test question is on its way: say yes or no to it");
  const begun = new Date().toISOString();
  await ask();
  const found = (await loggedSince(paths, begun)).at(-1);
  if (!found) return toStdout("nothing of it is in the log: it was not asked (muxguard status)");
  const { by, decision, reason } = found;
  const [what, kind = ""] = by.split(":");
  const said = decision === "allow" ? "yes" : "no";
  toStdout(
    what === "approver"
      ? `it reached you: you said ${said}, ${describePlace(kind)}`
      : `it was not answered: ${describeDecision(by, reason)}`,
  );
}

/** Without a terminal: that one is for runs, and would hide whether the other ways work. */
function ask(): Promise<void> {
  const child = spawn(process.execPath, [askpassProgram(), TEST_PROMPT], {
    env: { ...process.env, SSH_ASKPASS_PROMPT: "confirm" },
    stdio: "ignore",
    detached: true,
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => resolve());
  });
}

async function loggedSince({ log }: Paths, begun: string): Promise<AuditEvent[]> {
  const opened = attempt(() => openRegular(log, constants.O_RDONLY));
  const lines = opened ? await readEnd(opened.fd, MOST) : [];
  const events = lines.flatMap((line) => attempt(() => JSON.parse(line) as AuditEvent) ?? []);
  return events.filter(
    ({ time, kind, prompt }) => kind === "confirm" && prompt === TEST_PROMPT && time >= begun,
  );
}
