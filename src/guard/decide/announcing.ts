/** Tells who waits that a person is asked: once for a question, where its user sees it. */
import { describePlace } from "../../policy/describe/decision.ts";
import type { Question } from "../../policy/question.ts";
import type { Asking } from "./asking.ts";
import type { Scope } from "./scope.ts";
import { type Asker, waitingLine } from "./verdict.ts";

type Announced = Pick<Asking, "waits" | "onlyQueue">;

export class Announcing {
  /** The terminals that were told of a question. */
  readonly #told = new WeakMap<Question, Set<string>>();

  /**
   * @param own the question of this asker; another one may be shown that is about it too
   * @param asked where it is asked
   */
  of(own: Question, asker: Asker, scope: Scope, asked: Pick<Asking, "approvers" | "queue">): Announced {
    const line = (shown: Question): string => waitingLine(shown, placesOf(asked, shown));
    let told: Promise<boolean> | undefined;
    let isReported = false;
    let isOnlyQueue = false;
    const reportUnlessTold = (shown: Question): void =>
      void told?.then((isTold) => isTold || scope.report(line(shown)));
    return {
      waits: (shown) => {
        if (!scope.tellCaller && !asker.waiting) return;
        // a question on the asker's own terminal says by itself that it waits
        const isThere = asked.approvers.some((one) => one.kind === "terminal" && isReached(one, shown));
        const tell = (): Promise<boolean> => this.#tell(shown, line(shown), isReported, asker, scope);
        told = isThere ? Promise.resolve(false) : tell().catch(() => false);
        if (isOnlyQueue && !isReported) reportUnlessTold(shown);
      },
      onlyQueue: () => {
        isOnlyQueue = true;
        isReported = scope.tellCaller === undefined;
        if (isReported) scope.report(line(own));
        else reportUnlessTold(own);
      },
    };
  }

  async #tell(
    shown: Question,
    line: string,
    isReported: boolean,
    asker: Asker,
    scope: Scope,
  ): Promise<boolean> {
    const isTold = isReported || (await this.#tellTerminal(shown, line, asker, scope));
    return asker.waiting?.(line, isTold) || isTold;
  }

  async #tellTerminal(shown: Question, line: string, { caller }: Asker, scope: Scope): Promise<boolean> {
    if (!scope.tellCaller || caller?.tty === undefined) return false;
    const told = this.#told.get(shown) ?? new Set();
    if (told.has(caller.tty)) return true;
    this.#told.set(shown, told.add(caller.tty));
    const isTold = await scope.tellCaller(caller, line);
    if (!isTold) told.delete(caller.tty); // another one at that number may be told
    return isTold;
  }
}

function isReached(approver: Asking["approvers"][number], shown: Question): boolean {
  return approver.unavailable(shown) === undefined;
}

/** Undefined where commands answer. */
function placesOf(
  { approvers, queue }: Pick<Asking, "approvers" | "queue">,
  shown: Question,
): string[] | undefined {
  if (queue !== "closed") return undefined;
  return approvers.filter((one) => isReached(one, shown)).map(({ kind }) => describePlace(kind));
}
