/** What an approval covers afterwards. */
import { describe, expect, test, vi } from "vitest";
import type { Remember } from "../../../src/policy/grants.ts";
import type { Policy, Rule } from "../../../src/policy/policy.ts";
import type { Answer, Question } from "../../../src/policy/question.ts";
import type { Request } from "../../../src/policy/request.ts";
import {
  answering,
  makeAsker,
  makeBroker,
  makeScope,
  no,
  StubApprover,
  type TestBroker,
  yes,
} from "../../support/guard.ts";
import { github, gitSignature, login, policy, unverified } from "../../support/policy.ts";

const minutes = (count: number): Remember => ({ milliseconds: count * 60_000 });
const run = { id: "run-1", name: "claude", pid: 1 };

interface Setting extends TestBroker {
  approver: StubApprover;
  /** Decides, with this answer if it is asked; says whether it was. */
  decide(
    answer: Remember | "no" | Answer,
    request?: Request,
  ): Promise<{ by: string; decision: string; asked?: Question }>;
}

interface More {
  run?: typeof run;
  yes?: "once" | "remember";
  approve?: (rule: Rule) => Promise<void>;
  sessionEnd?: () => () => boolean;
}

function set(given: Policy, more: More = {}): Setting {
  const parts = makeBroker(more.yes ? { yes: more.yes } : {}, undefined, more.sessionEnd);
  const approver = new StubApprover();
  const { run, approve } = more;
  const scope = makeScope(given, { approvers: [approver], ...(run && { run }), ...(approve && { approve }) });
  return {
    ...parts,
    approver,
    async decide(answer, request = login) {
      const before = approver.asked.length;
      const deciding = parts.broker.decide(request, makeAsker(), scope);
      const first = await Promise.race([deciding, approver.nth(before + 1)]);
      if (!("question" in first)) return first;
      first.answer(answer === "no" ? no : isAnswer(answer) ? answer : yes(answer));
      return { ...(await deciding), asked: first.question };
    },
  };
}

const isAnswer = (answer: Remember | Answer): answer is Answer =>
  typeof answer === "object" && "decision" in answer;

const asking = (fields: Partial<Rule> = {}): Policy => policy([{ ...fields, action: "ask" }]);

describe("an approval of what may be denied", () => {
  const rest: Partial<Rule> = { name: "rest", action: "allow" };
  const doubtful = policy([{ name: "no prod", host: "prod", action: "deny" }, rest]);
  const unknown: Request = { ...login, destination: unverified };

  test("is for once: the next one may be the one that is meant", async () => {
    const { decide } = set(doubtful);
    const first = await decide(minutes(5), unknown);
    expect(first).toMatchObject({ decision: "allow", asked: { choices: ["once"], because: "rule:no prod" } });
    expect(await decide("no", unknown)).toMatchObject({ decision: "deny", by: "approver:terminal" });
  });

  test("is none that was given before there was such a rule", async () => {
    let current = asking();
    const { broker } = makeBroker();
    const approver = new StubApprover();
    const scope = makeScope(undefined, { policy: () => current, approvers: [approver] });
    const before = broker.decide(unknown, makeAsker(), scope);
    (await approver.nth(1)).answer(yes(minutes(5)));
    expect((await before).decision).toBe("allow");
    current = doubtful;
    const after = broker.decide(unknown, makeAsker(), scope);
    (await approver.nth(2)).answer(no);
    expect(await after).toMatchObject({ decision: "deny", by: "approver:terminal" });
  });

  test("covers the session of that login, which is the same doubt, and no other", async () => {
    const onNewHost: Request = { ...login, destination: { ...unverified, hostKey: "SHA256:new" } };
    const { data: _, key: __, ...place } = onNewHost;
    const session: Request = { ...place, kind: "session", command: "uptime" };
    const sessionsAlone: Partial<Rule> = { name: "no runs", on: ["session"], host: "prod", action: "deny" };
    for (const [rules, decided] of [
      [[{ name: "no prod", host: "prod", action: "deny" }, rest], /^grant:/],
      [[sessionsAlone, { ...rest, action: "ask" }], /^fault:approver/],
    ] as [Partial<Rule>[], RegExp][]) {
      const { broker } = makeBroker();
      const asker = { ...makeAsker(), isMaker: true };
      const given = policy(rules);
      const answered = makeScope(given, { approvers: [answering(yes())] });
      expect((await broker.decide(onNewHost, asker, answered)).decision).toBe("allow");
      expect((await broker.decide(session, asker, makeScope(given))).by).toMatch(decided);
    }
  });

  test("that nobody can give says which rule stands in the way", async () => {
    const { broker } = makeBroker();
    const { reason } = await broker.decide(unknown, makeAsker(), makeScope(doubtful));
    expect(reason).toMatch(/^nobody can be asked: .*; this could be prod, which rule "no prod" denies$/);
  });
});

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
    const { decide, clock } = set(asking());
    expect((await decide("no")).decision).toBe("deny");
    clock.now = 30_000;
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

describe("a denial", () => {
  test("stands for half a minute: the same is not asked about again at once", async () => {
    const { decide, clock } = set(asking());
    const first = await decide("no");
    clock.now = 29_999;
    const again = await decide("once");
    expect(again).toMatchObject({ decision: "deny", by: `grant:${first.asked?.id}` });
    expect(again).toHaveProperty(
      "reason",
      `you denied the same before; to be asked again: muxguard forget ${first.asked?.id}`,
    );
    clock.now = 30_000;
    expect((await decide("once")).decision).toBe("allow");
  });

  test("stands for as long as was said, also where approvals are not remembered", async () => {
    for (const remember of [undefined, 1000, "never" as const]) {
      const { decide, clock, log } = set(asking(remember === undefined ? {} : { remember }));
      await decide({ decision: "deny", reason: "no", remember: { milliseconds: 3_600_000 } });
      expect(log).toMatchObject([{ decision: "deny", remember: { milliseconds: 3_600_000 } }]);
      clock.now = 3_599_999;
      expect((await decide("once")).by).toMatch(/^grant:/);
      clock.now = 3_600_000;
      expect((await decide("once")).decision).toBe("allow");
    }
  });

  test("of a login stands against the other keys that ssh offers for it", async () => {
    const { decide } = set(asking());
    await decide("no");
    const key = { type: "ssh-rsa", fingerprint: "SHA256:other", comment: "other" };
    expect((await decide("once", { ...login, key })).by).toMatch(/^grant:/);
    expect(
      (await decide("once", { ...login, key, destination: { ...github, names: ["other"] } })).decision,
    ).toBe("allow");
  });

  test("does not stand against another request", async () => {
    const { decide } = set(asking());
    await decide("no");
    expect((await decide("once", { ...login, user: "root" })).decision).toBe("allow");
  });

  test("of data of unknown shape stands against such data, but not where a rule allows it", async () => {
    const { decide, broker } = set(asking());
    const opaque: Request = { ...gitSignature, data: "opaque" };
    await decide("no", opaque);
    expect((await decide("once", opaque)).by).toMatch(/^grant:/);
    const allowed = makeScope(policy([{ action: "allow" }]));
    expect((await broker.decide(opaque, makeAsker(), allowed)).decision).toBe("allow");
  });

  test("because nobody answered is none", async () => {
    const { broker } = makeBroker();
    const scope = makeScope(asking());
    for (const _ of [1, 2])
      expect((await broker.decide(login, makeAsker(), scope)).by).toBe("fault:approver");
  });
});

describe("an approval for a login session", () => {
  test("lasts as long as that", async () => {
    let over = false;
    const { decide, clock } = set(asking(), { sessionEnd: () => () => over });
    const { asked } = await decide("session");
    expect(asked?.choices).toEqual(["once", minutes(10), "session"]);
    clock.now = 1e12;
    expect((await decide("no")).decision).toBe("allow");
    over = true;
    expect((await decide("no")).decision).toBe("deny");
  });

  test("is not offered in a run, nor where its end can't be seen, nor beyond what the rule allows", async () => {
    const sessionEnd = () => () => false;
    for (const setting of [
      set(asking(), { run, sessionEnd }),
      set(asking()),
      set(asking({ remember: 60_000 }), { sessionEnd }),
    ]) {
      const { asked } = await setting.decide("session");
      expect(asked?.choices).not.toContain("session");
      setting.clock.now = 60_000;
      expect((await setting.decide("no")).decision).toBe("deny");
    }
  });
});

describe("an approval for always", () => {
  test("becomes a rule, once it is in the log", async () => {
    const steps: unknown[] = [];
    const { decide, log } = set(asking(), {
      approve: async (rule) => void steps.push(rule.host, log.length),
    });
    const { asked, decision } = await decide("always");
    expect(decision).toBe("allow");
    expect(asked?.choices).toEqual(["once", minutes(10), "always"]);
    expect(asked?.rule).toContain('host = "github.com"');
    expect(steps).toEqual(["github.com", 1]);
    expect(log).toMatchObject([{ remember: "always" }]);
  });

  test("that can't be written is an approval for once, and is told of", async () => {
    const parts = makeBroker();
    const approve = (): Promise<void> => Promise.reject(new Error("no space left"));
    const scope = makeScope(asking(), { approve, approvers: [answering(yes("always"))] });
    const verdict = await parts.broker.decide(login, makeAsker(), scope);
    expect(verdict.decision).toBe("allow");
    expect(scope.reports).toEqual(["muxguard: this can't be remembered: no space left"]);
  });

  test("is not offered where the rule limits it, for what no rule can match alone, and where no such rules are read", async () => {
    const approve = vi.fn();
    const opaque: Request = { ...gitSignature, data: "opaque" };
    for (const [setting, request] of [
      [set(asking({ remember: 60_000 }), { approve }), login],
      [set(asking({ remember: "never" }), { approve }), login],
      [set(asking(), { approve }), opaque],
      [set(asking()), login],
    ] as const) {
      const { asked } = await setting.decide("always", request);
      expect(asked?.choices).not.toContain("always");
      expect(asked).not.toHaveProperty("rule");
    }
    expect(approve).not.toHaveBeenCalled();
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
    expect(await offers(set(asking(), { run }))).toMatchObject({ choices: ["once", "run", minutes(10)] });
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
