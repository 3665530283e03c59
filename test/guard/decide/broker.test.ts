import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Decided } from "../../../src/audit/event.ts";
import type { Request } from "../../../src/policy/request.ts";
import { answering, makeAsker, makeBroker, makeScope, no, StubApprover, yes } from "../../support/guard.ts";
import { caller, github, gitSignature, login, policy } from "../../support/policy.ts";

const allowing = policy([{ name: "github", host: "github.com", action: "allow" }]);
const denying = policy([{ name: "nothing", action: "deny" }]);

describe("a decision", () => {
  test("is the policy's, where the policy decides", async () => {
    const approver = new StubApprover();
    const { broker } = makeBroker();
    const allowed = await broker.decide(login, makeAsker(), makeScope(allowing, { approvers: [approver] }));
    const denied = await broker.decide(login, makeAsker(), makeScope(denying, { approvers: [approver] }));
    expect(allowed).toMatchObject({ decision: "allow", by: "rule:github" });
    expect(denied).toMatchObject({ decision: "deny", by: "rule:nothing" });
    expect(approver.asked).toEqual([]);
  });

  test("waits for a policy that is being read", async () => {
    const { broker } = makeBroker();
    const scope = makeScope(undefined, { policy: () => Promise.resolve(allowing) });
    expect(await broker.decide(login, makeAsker(), scope)).toMatchObject({ by: "rule:github" });
  });

  test("is the approver's, where the policy asks", async () => {
    const { broker } = makeBroker();
    for (const [answer, decision] of [
      [yes(), "allow"],
      [no, "deny"],
    ] as const) {
      const scope = makeScope(undefined, { approvers: [answering(answer, "askpass")] });
      expect(await broker.decide(login, makeAsker(), scope)).toMatchObject({
        decision,
        by: "approver:askpass",
      });
    }
  });

  test("denies a signature for a host that no rule names, if nobody can be asked", async () => {
    const { broker } = makeBroker();
    const other: Request = { ...login, destination: { ...github, names: ["prod"] } };
    const verdict = await broker.decide(other, makeAsker(), makeScope(allowing));
    expect(verdict).toMatchObject({ decision: "deny", by: "fault:approver" });
  });

  test("takes each step in its order: policy, approver, caller, log, and only then the effect", async () => {
    const steps: string[] = [];
    const step = (name: string): void => void steps.push(name);
    const { broker, grants } = makeBroker({}, () => step(`log, ${grants.size} grants`));
    const scope = makeScope(undefined, {
      policy: () => {
        step("policy");
        return policy([]);
      },
      approvers: [{ ...answering(yes({ milliseconds: 1000 })), unavailable: () => void step("approver") }],
    });
    const asker = makeAsker(caller, () => {
      step("caller");
      return true;
    });
    await broker.decide(login, asker, scope);
    step(`effect, ${grants.size} grants`);
    const [decided, done] = [
      ["policy", "approver", "policy", "caller"],
      ["log, 0 grants", "effect, 1 grants"],
    ];
    expect(steps).toEqual([...decided, ...done]);
  });

  test("is told to the user if it is a denial, and only then", async () => {
    const { broker } = makeBroker();
    const [quiet, told] = [makeScope(allowing), makeScope(denying)];
    await broker.decide(login, makeAsker(), quiet);
    await broker.decide(login, makeAsker(), told);
    expect(quiet.reports).toEqual([]);
    expect(told.reports).toHaveLength(1);
    expect(told.reports[0]).toMatch(
      /^muxguard: denied: log in to github.com as git with key "work" \(rule "nothing"/,
    );
  });

  test("has an id that is easy to type, and another each time", async () => {
    const { broker } = makeBroker();
    const decide = async (): Promise<string> =>
      (await broker.decide(login, makeAsker(), makeScope(allowing))).id;
    const ids = await Promise.all(Array.from({ length: 100 }, decide));
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) expect(id).toMatch(/^[a-hjkmnp-z2-9]{6}$/);
  });
});

describe("a policy that changes while the question is open", () => {
  const asking = async (remember: Parameters<typeof yes>[0], count = 1) => {
    const approver = new StubApprover();
    const setting = makeBroker({ remember: 60_000 });
    let current = policy([]);
    const rules: unknown[] = [];
    const scope = makeScope(undefined, {
      policy: () => current,
      approvers: [approver],
      approve: async (rule) => void rules.push(rule),
    });
    const decide = () => setting.broker.decide(login, makeAsker(), scope);
    const decided = Promise.all(Array.from({ length: count }, decide));
    const { answer } = await approver.nth(1);
    const changed = (next: typeof current) => {
      current = next;
      answer(yes(remember));
      return decided;
    };
    return { ...setting, approver, scope, rules, decide, changed };
  };

  test("is what denies, whatever a person then says: nobody who waits gets it, and nothing is remembered", async () => {
    for (const remember of ["once", { milliseconds: 1000 }, "always"] as const) {
      const { changed, grants, rules, log, scope, approver } = await asking(remember, 3);
      const denied = { decision: "deny", by: "rule:nothing" };
      expect(await changed(denying)).toMatchObject([denied, denied, denied]);
      expect(log).toMatchObject([denied, denied, denied]);
      expect(log[0]).toMatchObject({ reason: "it denies this by now, and the yes came too late" });
      expect(log[0]).not.toHaveProperty("remember");
      expect(scope.reports[0]).toContain('(rule "nothing"; it denies this by now');
      expect([grants.list(), rules, approver.asked.length]).toEqual([[], [], 1]);
    }
  });

  test("denies by its default, too", async () => {
    const { changed } = await asking("once");
    const reason = "no rule allows it by now, and the yes came too late";
    expect(await changed(policy([], { default: "deny" }))).toMatchObject([
      { decision: "deny", by: "default", reason },
    ]);
  });

  test("leaves the answer as it is where it asks or allows by then", async () => {
    for (const next of [allowing, policy([{ name: "github", host: "github.com", action: "ask" }])]) {
      const { changed } = await asking("once");
      expect(await changed(next)).toMatchObject([{ decision: "allow", by: "approver:terminal" }]);
    }
  });

  test("is read before a lock counts: what came meanwhile denies", async () => {
    let isLocked = false;
    const { broker } = makeBroker({}, undefined, undefined, undefined, () => isLocked);
    let reads = 0;
    const current = async () => {
      isLocked = ++reads > 1;
      return policy([]);
    };
    const scope = makeScope(undefined, { policy: current, approvers: [answering(yes())] });
    expect(await broker.decide(login, makeAsker(), scope)).toMatchObject({ by: "fault:locked" });
  });
});

describe("the log", () => {
  test("has the request, the caller, the decision and the time that it took", async () => {
    const approver = new StubApprover();
    const { broker, log, clock } = makeBroker();
    const deciding = broker.decide(login, makeAsker(), makeScope(undefined, { approvers: [approver] }));
    const asked = await approver.nth(1);
    clock.now = 1500;
    asked.answer(no);
    const { id } = await deciding;
    expect(log).toHaveLength(1);
    expect(log[0]).toMatchObject({
      id,
      request: login,
      caller,
      decision: "deny",
      by: "approver:terminal",
      reason: "you said no",
      waitedMs: 1500,
    });
    expect(asked.question.id).toBe(id);
  });

  test("has the refusals that no policy made", () => {
    const { broker, log } = makeBroker();
    const scope = makeScope(allowing);
    const verdict = broker.refuse(login, makeAsker(), scope, {
      what: "upstream",
      reason: "the upstream agent has ended",
    });
    expect(verdict).toMatchObject({
      decision: "deny",
      by: "fault:upstream",
      reason: "the upstream agent has ended",
    });
    expect(log).toMatchObject([{ by: "fault:upstream", decision: "deny" }]);
    expect(scope.reports[0]).toMatch(/the upstream agent has ended/);
  });

  const full = (): never => {
    throw new Error("no space left on device");
  };

  test("that can't be written makes every decision a denial", async () => {
    const { broker } = makeBroker({}, full);
    const scope = makeScope(allowing);
    const verdict = await broker.decide(login, makeAsker(), scope);
    expect(verdict).toMatchObject({ decision: "deny", by: "fault:log" });
    expect(verdict.reason).toMatch(/no space left on device/);
    expect(scope.reports).toHaveLength(1);
  });

  test("that can't be written leaves no grant behind", async () => {
    const { broker, grants } = makeBroker({}, full);
    const scope = makeScope(undefined, { approvers: [answering(yes({ milliseconds: 1000 }))] });
    expect(await broker.decide(login, makeAsker(), scope)).toMatchObject({ by: "fault:log" });
    expect(grants.size).toBe(0);
  });

  test("gets no line that a hostile request made", async () => {
    const lines: Decided[] = [];
    const { broker } = makeBroker({}, (decided) => void lines.push(decided));
    const scope = makeScope(denying);
    await broker.decide({ ...login, user: "git\nmuxguard: allowed\x1b[2J" }, makeAsker(), scope);
    expect(scope.reports[0]).not.toMatch(/\p{Cc}/u);
  });
});

describe("a fault is a denial:", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("a caller that can't be identified", async () => {
    const { broker, log } = makeBroker();
    const verdict = await broker.decide(login, { ...makeAsker(), caller: undefined }, makeScope(allowing));
    expect(verdict).toMatchObject({ decision: "deny", by: "fault:caller" });
    expect(log[0]?.caller).toBeUndefined();
  });

  test("a policy that throws", async () => {
    const { broker } = makeBroker();
    const broken = (): never => {
      throw new Error("broken policy");
    };
    const verdict = await broker.decide(login, makeAsker(), makeScope(undefined, { policy: broken }));
    expect(verdict).toMatchObject({ decision: "deny", by: "fault:internal", reason: "broken policy" });
    const rejecting = makeScope(undefined, { policy: () => Promise.reject(new Error("unreadable")) });
    expect(await broker.decide(login, makeAsker(), rejecting)).toMatchObject({ by: "fault:internal" });
  });

  test("a caller that ended or became another program while the question was open", async () => {
    const approver = new StubApprover();
    const { broker, grants } = makeBroker();
    let unchanged = true;
    const asker = makeAsker(caller, () => unchanged);
    const deciding = broker.decide(login, asker, makeScope(undefined, { approvers: [approver] }));
    const asked = await approver.nth(1);
    unchanged = false;
    asked.answer(yes({ milliseconds: 1000 }));
    expect(await deciding).toMatchObject({ decision: "deny", by: "fault:caller" });
    expect(grants.size).toBe(0);
  });

  test("a client that went away", async () => {
    const approver = new StubApprover();
    const { broker, log } = makeBroker();
    const asker = makeAsker();
    const deciding = broker.decide(login, asker, makeScope(undefined, { approvers: [approver] }));
    await approver.nth(1);
    asker.leave();
    expect(await deciding).toMatchObject({ decision: "deny", by: "fault:withdrawn" });
    expect(log).toHaveLength(1);
  });

  test.each([
    ["the usual time", undefined, 60_000],
    ["the rule's own time", 5000, 5000],
  ])("no answer within %s", async (_, timeout, expected) => {
    const approver = new StubApprover();
    const { broker } = makeBroker();
    const asking = policy([{ action: "ask", ...(timeout !== undefined && { timeout }) }]);
    const deciding = broker.decide(gitSignature, makeAsker(), makeScope(asking, { approvers: [approver] }));
    const asked = await approver.nth(1);
    await vi.advanceTimersByTimeAsync(expected - 1);
    expect(asked.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked.signal.aborted).toBe(true);
    expect(await deciding).toMatchObject({
      decision: "deny",
      by: "fault:timeout",
      reason: `no answer within ${expected / 1000} seconds`,
    });
  });
});
