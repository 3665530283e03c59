/** What an approval covers afterwards. */
import { describe, expect, test } from "vitest";
import type { Remember } from "../../src/policy/grants.ts";
import type { Policy, Rule } from "../../src/policy/policy.ts";
import type { Question } from "../../src/policy/question.ts";
import type { Request } from "../../src/policy/request.ts";
import {
  makeAsker,
  makeBroker,
  makeScope,
  no,
  StubApprover,
  type TestBroker,
  yes,
} from "../support/guard.ts";
import { gitSignature, login, policy } from "../support/policy.ts";

const minutes = (count: number): Remember => ({ milliseconds: count * 60_000 });
const run = { id: "run-1", name: "claude", pid: 1 };

interface Setting extends TestBroker {
  approver: StubApprover;
  /** Decides, with this answer if it is asked; says whether it was. */
  decide(
    answer: Remember | "no",
    request?: Request,
  ): Promise<{ by: string; decision: string; asked?: Question }>;
}

function set(given: Policy, more: { run?: typeof run; yes?: "once" | "remember" } = {}): Setting {
  const parts = makeBroker(more.yes ? { yes: more.yes } : {});
  const approver = new StubApprover();
  const scope = makeScope(given, { approvers: [approver], ...(more.run && { run: more.run }) });
  return {
    ...parts,
    approver,
    async decide(answer, request = login) {
      const before = approver.asked.length;
      const deciding = parts.broker.decide(request, makeAsker(), scope);
      const first = await Promise.race([deciding, approver.nth(before + 1)]);
      if (!("question" in first)) return first;
      first.answer(answer === "no" ? no : yes(answer));
      return { ...(await deciding), asked: first.question };
    },
  };
}

const asking = (fields: Partial<Rule> = {}): Policy => policy([{ ...fields, action: "ask" }]);

describe("an approval", () => {
  test("for a time answers the same request, until its time is over", async () => {
    const { decide, clock } = set(asking());
    const first = await decide(minutes(5));
    expect(first.asked).toBeDefined();
    clock.now = 5 * 60_000 - 1;
    const again = await decide("no");
    expect(again).toMatchObject({ decision: "allow", by: `grant:${first.asked?.id}` });
    clock.now = 5 * 60_000;
    expect(await decide("no")).toMatchObject({ decision: "deny", by: "approver:terminal" });
  });

  test("does not answer another request", async () => {
    const { decide } = set(asking());
    await decide(minutes(5));
    expect((await decide("no", { ...login, user: "root" })).decision).toBe("deny");
    expect((await decide("no", gitSignature)).decision).toBe("deny");
  });

  test("for once is asked for again", async () => {
    const { decide, grants } = set(asking());
    expect((await decide("once")).decision).toBe("allow");
    expect(grants.size).toBe(0);
    expect((await decide("no")).decision).toBe("deny");
  });

  test("for a run lasts as long as the run", async () => {
    const { decide, grants, clock } = set(asking(), { run });
    await decide("run");
    clock.now = 1e12;
    expect((await decide("no")).decision).toBe("allow");
    grants.endRun("run-1");
    expect((await decide("no")).decision).toBe("deny");
  });

  test("for a run outside of one is for once", async () => {
    const { decide } = set(asking());
    expect((await decide("run")).decision).toBe("allow");
    expect((await decide("no")).decision).toBe("deny");
  });

  test("that was refused is not remembered", async () => {
    const { decide } = set(asking());
    expect((await decide("no")).decision).toBe("deny");
    expect((await decide("once")).decision).toBe("allow");
  });

  test("does not answer in another run", async () => {
    const parts = makeBroker();
    const approver = new StubApprover();
    const decideIn = async (id: string): Promise<string> => {
      const scope = makeScope(asking(), { approvers: [approver], run: { ...run, id } });
      const count = approver.asked.length + 1;
      const deciding = parts.broker.decide(login, makeAsker(), scope);
      (await approver.nth(count)).answer(yes(minutes(5)));
      return (await deciding).by;
    };
    expect([await decideIn("run-1"), await decideIn("run-2")]).toEqual([
      "approver:terminal",
      "approver:terminal",
    ]);
  });
});

describe("an approval is remembered no longer than its rule allows", () => {
  test("by the minute", async () => {
    const { decide, clock } = set(asking({ remember: 60_000 }));
    await decide(minutes(1000));
    clock.now = 59_999;
    expect((await decide("no")).decision).toBe("allow");
    clock.now = 60_000;
    expect((await decide("no")).decision).toBe("deny");
  });

  test("for a run neither", async () => {
    const { decide, clock } = set(asking({ remember: 60_000 }), { run });
    await decide("run");
    clock.now = 60_000;
    expect((await decide("no")).decision).toBe("deny");
  });

  test.each([["never" as const], [0]])("%j: not at all", async (remember) => {
    const { decide, grants } = set(asking({ remember }));
    expect((await decide(minutes(5))).decision).toBe("allow");
    expect(grants.size).toBe(0);
  });

  test("data of unknown shape: not at all, whatever the rule", async () => {
    const { decide, grants } = set(asking({ remember: 60_000 }), { run });
    const opaque: Request = { ...gitSignature, data: "opaque" };
    for (const answer of [minutes(5), "run"] as const) {
      expect((await decide(answer, opaque)).decision).toBe("allow");
    }
    expect(grants.size).toBe(0);
    expect((await decide("no", opaque)).decision).toBe("deny");
  });
});

describe("where a rule asks for every use", () => {
  test("an approval that another rule allowed to be remembered does not answer", async () => {
    const { broker, grants } = makeBroker();
    const approver = new StubApprover();
    const decideBy = async (given: Policy, answer: Remember, count: number): Promise<string> => {
      const deciding = broker.decide(login, makeAsker(), makeScope(given, { approvers: [approver] }));
      (await approver.nth(count)).answer(yes(answer));
      return (await deciding).by;
    };
    expect(await decideBy(asking(), minutes(5), 1)).toBe("approver:terminal");
    expect(grants.size).toBe(1);
    expect(await decideBy(asking({ remember: "never" }), "once", 2)).toBe("approver:terminal");
  });

  test("identical requests are questions of their own", async () => {
    const { broker, questions } = makeBroker();
    const approver = new StubApprover();
    const scope = makeScope(asking({ remember: "never" }), { approvers: [approver] });
    const deciding = [1, 2].map(() => broker.decide(login, makeAsker(), scope));
    const asked = [await approver.nth(1), await approver.nth(2)];
    expect(questions.pending()).toHaveLength(2);
    asked[0]?.answer(yes());
    asked[1]?.answer(no);
    expect((await Promise.all(deciding)).map(({ decision }) => decision)).toEqual(["allow", "deny"]);
  });
});

describe("a question offers", () => {
  const offers = async (setting: Setting, request?: Request): Promise<Partial<Question>> => {
    const { asked } = await setting.decide("once", request);
    const { choices, longest, yes: plain } = asked ?? {};
    return {
      ...(choices && { choices }),
      ...(longest !== undefined && { longest }),
      ...(plain && { yes: plain }),
    };
  };

  test("once and the usual time", async () => {
    expect(await offers(set(asking()))).toEqual({ choices: ["once", minutes(10)], yes: minutes(10) });
  });

  test("the rest of a run inside of one", async () => {
    expect(await offers(set(asking(), { run }))).toMatchObject({ choices: ["once", minutes(10), "run"] });
  });

  test("no more than the rule allows", async () => {
    const shorter = { choices: ["once", minutes(1)], longest: 60_000, yes: minutes(1) };
    expect(await offers(set(asking({ remember: 60_000 }), { run }))).toEqual(shorter);
    const longer = { choices: ["once", minutes(10)], longest: 3_600_000 };
    expect(await offers(set(asking({ remember: 3_600_000 }), { run }))).toMatchObject(longer);
  });

  test("only once where nothing is remembered", async () => {
    const once = { choices: ["once"], longest: 0, yes: "once" };
    expect(await offers(set(asking({ remember: "never" }), { run }))).toEqual(once);
    expect(await offers(set(asking(), { run }), { ...gitSignature, data: "opaque" })).toEqual(once);
  });

  test("once for a plain yes, if that is what is configured", async () => {
    expect(await offers(set(asking(), { yes: "once" }))).toMatchObject({ yes: "once" });
  });
});
