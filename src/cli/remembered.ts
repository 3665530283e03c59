/** `muxguard grants` and `muxguard forget`: the answers that are remembered. */

import { describeDuration } from "../policy/duration.ts";
import type { GrantFacts } from "../policy/grants.ts";
import { askGuard } from "../rpc/replies.ts";
import { toStdout, toStdoutAsJson } from "../to-stderr.ts";
import { CliError, exitCodes } from "./cli-error.ts";
import { eachGuard } from "./guards/guards.ts";

export async function grants({ json }: { json?: boolean }): Promise<void> {
  const all = (await eachGuard((guard) => askGuard(guard, "grants", null))).flat();
  const lines = all.map(json ? (grant) => JSON.stringify(grant) : describeGrant);
  if (lines.length === 0 && !json) lines.push("nothing is remembered");
  for (const line of lines) (json ? toStdoutAsJson : toStdout)(line);
}

/** `k3f9x2  allow  git: log in to github.com as git with key "work", for 4 minutes` */
function describeGrant({ id, decision, what, left, suspended }: GrantFacts): string {
  const note = suspended ? " (suspended until the screen is unlocked)" : "";
  return `${id}  ${decision.padEnd(5)}  ${what}, ${describeLeft(left)}${note}`;
}

function describeLeft(left: GrantFacts["left"]): string {
  if (typeof left === "string") return ends[left];
  const minutes = Math.ceil(left / 60_000);
  return `for ${describeDuration(left < 60_000 ? Math.ceil(left / 1000) * 1000 : minutes * 60_000)}`;
}

const ends: Record<GrantFacts["left"] & string, string> = {
  run: "until the run ends",
  session: "until its session ends",
  connection: "while its connection lasts",
  terminal: "while its terminal is open",
  program: "until its program ends",
};

export async function forget(id: string | undefined, { all }: { all?: boolean }): Promise<void> {
  if (id !== undefined && all)
    throw new CliError("either the id of an answer or --all, not both", exitCodes.usage);
  if (!id && !all) throw new CliError("which answer? its id (muxguard grants), or --all", exitCodes.usage);
  const whole = all ? "" : await onlyAnswer(id ?? "");
  const counts = await eachGuard((guard) => askGuard(guard, "forget", whole));
  const count = counts.reduce((sum, one) => sum + one, 0);
  toStdout(`forgot ${count} ${count === 1 ? "answer" : "answers"}`);
}

/** The id of the one answer whose id begins so. @throws CliError */
async function onlyAnswer(prefix: string): Promise<string> {
  const grants = (await eachGuard((guard) => askGuard(guard, "grants", "forget"))).flat();
  const [found, ...others] = new Set(grants.map(({ id }) => id).filter((id) => id.startsWith(prefix)));
  if (found === undefined) throw new CliError(`no answer ${prefix} is remembered (muxguard grants)`, 1);
  if (others.length > 0) throw new CliError(`several answers begin with ${prefix} (muxguard grants)`, 1);
  return found;
}
