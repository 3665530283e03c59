/** Deciding on what is asked of a master, with where the paths of a forward lead. */
import type { Forward, Request } from "../../policy/request.ts";
import type { Scope } from "../decide/scope.ts";
import type { Asker, Verdict } from "../decide/verdict.ts";
import type { MuxFacts } from "./facts.ts";
import type { MuxConnectionParts, Target } from "./parts.ts";

type Parts = Pick<MuxConnectionParts, "broker" | "master" | "findTarget">;

export interface Decided {
  asked: Request;
  verdict: Verdict;
}

/** Never rejects. A forward to a socket of the guard's own is denied, whatever the policy says. */
export async function decideMux(
  { broker, master, findTarget }: Parts,
  facts: MuxFacts,
  asker: Asker,
  scope: Scope,
): Promise<Decided> {
  const before = await locate(facts, findTarget);
  const asked: Request = { ...facts, ...before.located, ...(await master.whereabouts()) };
  const refuse = (reason: string, id?: string): Decided => {
    const fault = { what: "target", reason, ...(id !== undefined && { id }) };
    return { asked, verdict: broker.refuse(asked, asker, scope, fault) };
  };
  if (before.refused !== undefined) return refuse(before.refused);
  const verdict = await broker.decide(asked, asker, scope);
  if (verdict.decision === "deny" || !facts.forward) return { asked, verdict };
  // a link may lead elsewhere than when it was asked about
  const { located, refused } = await locate(facts, findTarget);
  const isSame = located?.forward?.target === before.located?.forward?.target;
  if (refused === undefined && isSame) return { asked, verdict };
  return refuse(refused ?? "it leads elsewhere than when it was decided", verdict.id);
}

interface Located {
  /** With the path behind links. */
  located?: { forward: Forward };
  refused?: string;
}

async function locate({ forward, operation }: MuxFacts, find: Parts["findTarget"]): Promise<Located> {
  if (!forward || operation === "cancel") return {};
  const { kind, listen, connect } = forward;
  let target: string | undefined;
  for (const path of [listen, connect].filter(isPath)) {
    const isHere = path === (kind === "remote" ? connect : listen);
    const found: Target = await find(path);
    // of a path on the server nothing is known here, but for one that the guard has, too: it may be this machine
    if ("refused" in found && (found.isOwn || isHere)) return { refused: found.refused };
    if (isHere && "path" in found && found.path !== path) target = found.path;
  }
  return target === undefined ? {} : { located: { forward: { ...forward, target } } };
}

/** As address() has it. */
function isPath(address: string | undefined): address is string {
  return address !== undefined && /^\.?\//.test(address);
}
