/** A question of yes or no that OpenSSH puts to muxguard-askpass, decided like any other request. */
import { basename } from "node:path";
import type { Broker } from "../guard/decide/broker.ts";
import type { Scope } from "../guard/decide/scope.ts";
import { type Asker, denialLine } from "../guard/decide/verdict.ts";
import { confirmRequest, type PromptHint } from "../policy/openssh-prompt.ts";

/** What OpenSSH takes for a yes, with a hint or without. */
const YES = "yes";

export async function confirm(
  broker: Broker,
  { text, hint }: { text: string; hint: PromptHint },
  asker: Asker,
  scope: Scope,
): Promise<{ answer: string } | { denied: string }> {
  const { caller } = asker;
  const request = confirmRequest(text, hint, basename(caller?.exe ?? caller?.name ?? "it"));
  const verdict = await broker.decide(request, asker, scope);
  return verdict.decision === "allow" ? { answer: YES } : { denied: denialLine(request, verdict) };
}
