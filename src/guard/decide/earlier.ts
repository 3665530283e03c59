/** What was answered before, and covers a request: a denial, an approval, an act that it belongs to. */
import { coveredBy } from "../../policy/cover/covered.ts";
import { denialCoverage } from "../../policy/coverage.ts";
import { evaluate } from "../../policy/evaluate.ts";
import type { Grants } from "../../policy/grants.ts";
import type { Policy } from "../../policy/policy.ts";
import type { Caller, Request } from "../../policy/request.ts";
import type { Asked } from "./asked.ts";
import { coverableOf, type Decision, denial, type Notes } from "./decision.ts";
import type { RelatedDecisions } from "./related-decisions.ts";
import type { Scope } from "./scope.ts";

/** A request that is asked about, unless it is answered already. */
export type Matter = Pick<Asked, "request" | "caller" | "covered" | "ruling" | "asker">;

export class Earlier {
  readonly #grants: Grants;
  readonly #related: RelatedDecisions;
  readonly #notes: Notes;

  constructor(grants: Grants, related: RelatedDecisions, notes: Notes) {
    this.#grants = grants;
    this.#related = related;
    this.#notes = notes;
  }

  /** What an earlier answer says. */
  answer(asked: Matter, scope: Scope): Decision | undefined {
    const { request, caller, covered, ruling, asker } = asked;
    const grants = this.#grants;
    // a no to the same question was about another act: this one is known to be decided
    if (asker.follows !== undefined && !ruling.approvers)
      return { decision: "allow", by: `grant:${asker.follows}` };
    const no = grants.hasNoDenial ? undefined : grants.denial(denialCoverage(request, caller, scope.run?.id));
    if (no !== undefined) return { ...deniedBefore(no), ...this.#notes.of(no) };
    // a rule that wants an approver of its own is not met by another's answer
    const followed = (): string | undefined => (ruling.approvers ? undefined : this.#followed(asked));
    const allowed = covered === undefined ? followed() : (this.#approval(asked, scope) ?? followed());
    return allowed === undefined ? undefined : { decision: "allow", by: `grant:${allowed}` };
  }

  /** The id of the approval that covers it. */
  #approval(asked: Matter, scope: Scope): string | undefined {
    const grants = this.#grants;
    if (grants.hasNoApproval) return undefined;
    for (const text of coveredBy(coverableOf(asked, scope))) {
      const id = grants.approval(text, asked.ruling.remember);
      if (id !== undefined) return id;
    }
    return undefined;
  }

  /** The id of an approved act that this one belongs to. */
  #followed({ request, caller, ruling, asker }: Matter) {
    if (this.#grants.isSuspended) return undefined;
    const own = ruling.doubt ? undefined : this.ownLogin(request, caller);
    return own ?? this.#related.approval(request, caller, asker.isMaker ?? false, ruling.doubt?.rule);
  }

  /**
   * An approved rule for a login covers plain sessions as the answer did of which it is made. Otherwise
   * "always" would ask more often than "while this lasts".
   */
  ruled(asked: Matter, scope: Scope, policy: Policy): Decision | undefined {
    const { ruling, caller } = asked;
    if (ruling.approvers || ruling.doubt || this.#grants.isSuspended) return undefined;
    const login = this.#related.ruled(coverableOf(asked, scope));
    const found = login && evaluate(policy, login, caller);
    return found?.action === "allow" ? { decision: "allow", by: found.by } : undefined;
  }

  /** The id of the allowed connection that the guard's own ssh logs in for. */
  ownLogin(request: Request, caller: Caller): string | undefined {
    return this.#grants.isSuspended ? undefined : this.#related.ownLogin(request, caller);
  }
}

function deniedBefore(id: string): Decision {
  return denial(`grant:${id}`, `you denied the same before; to be asked again: muxguard forget ${id}`);
}
