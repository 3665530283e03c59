/** A question of yes or no that OpenSSH puts to muxguard-askpass, decided like any other request. */
import { basename } from "node:path";
import type { Broker } from "../guard/decide/broker.ts";
import type { Scope } from "../guard/decide/scope.ts";
import { type Asker, denialLine } from "../guard/decide/verdict.ts";
import { confirmRequest, type PromptHint } from "../policy/openssh-prompt.ts";
import type { Caller } from "../policy/request.ts";

/** What OpenSSH takes for a yes, with a hint or without. */
const YES = "yes";

/**
 * @param decisionAbout the id of the decision about what the guard asks that agent to sign: it is this one, too
 */
export async function confirm(
  broker: Broker,
  { text, hint }: { text: string; hint: PromptHint },
  asker: Asker,
  scope: Scope,
  decisionAbout: (fingerprint: string, asking: Caller) => string | undefined = () => undefined,
): Promise<{ answer: string } | { denied: string }> {
  const { caller } = asker;
  const request = confirmRequest(text, hint, basename(caller?.exe ?? caller?.name ?? "it"));
  const { operation, key } = request;
  // nothing else calls itself so and serves one request at a time
  const isAgent = caller?.name === "ssh-agent" && operation === "use-key" && key !== undefined;
  const follows = isAgent ? decisionAbout(key.fingerprint, caller) : undefined;
  const verdict = await broker.decide(request, { ...asker, ...(follows && { follows }) }, scope);
  return verdict.decision === "allow" ? { answer: YES } : { denied: denialLine(request, verdict) };
}
