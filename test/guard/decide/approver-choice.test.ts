/** Which approvers a rule lets answer. */
import { describe, expect, test } from "vitest";
import type { Policy } from "../../../src/policy/policy.ts";
import { answering, makeAsker, makeBroker, makeScope, no, StubApprover, yes } from "../../support/guard.ts";
import { login, policy } from "../../support/policy.ts";

const only = (...approver: ("terminal" | "askpass" | "queue")[]): Policy =>
  policy([{ action: "ask", approver }]);

describe("a rule that names its approvers", () => {
  test("is answered by them alone", async () => {
    const terminal = new StubApprover("terminal");
    const approvers = [terminal, answering(yes(), "askpass")];
    const { broker } = makeBroker();
    const verdict = await broker.decide(login, makeAsker(), makeScope(only("askpass"), { approvers }));
    expect(verdict).toMatchObject({ decision: "allow", by: "approver:askpass" });
    expect(terminal.asked).toEqual([]);
  });

  test("is denied where they are not there", async () => {
    const approvers = [answering(yes(), "terminal")];
    const { broker } = makeBroker();
    const verdict = await broker.decide(login, makeAsker(), makeScope(only("askpass"), { approvers }));
    expect(verdict).toMatchObject({ decision: "deny", by: "fault:approver" });
  });

  test("is not answered by muxguard approve, unless it names the queue", async () => {
    for (const [rules, mayAnswer] of [
      [only("terminal"), false],
      [only("terminal", "queue"), true],
      [policy([]), true],
    ] as const) {
      const approver = new StubApprover();
      const { broker, questions } = makeBroker();
      const scope = makeScope(rules, { approvers: [approver], queue: "holds" });
      const deciding = broker.decide(login, makeAsker(), scope);
      const { question, answer } = await approver.nth(1);
      expect(questions.answer(question.id, yes())).toBe(mayAnswer);
      answer(no);
      expect((await deciding).decision).toBe(mayAnswer ? "allow" : "deny");
    }
  });

  test("for the queue alone waits under a daemon, and says how to answer", async () => {
    const { broker, questions } = makeBroker();
    const scope = makeScope(only("queue"), { queue: "holds" });
    const reported = new Promise<string>((resolve) => {
      scope.report = resolve;
    });
    const deciding = broker.decide(login, makeAsker(), scope);
    const line = await reported;
    const [pending] = questions.pending();
    expect(line).toBe(
      `muxguard: waiting for approval: log in to github.com as git with key "work" (muxguard approve ${pending?.id})`,
    );
    questions.answer(pending?.id ?? "", yes());
    expect(await deciding).toMatchObject({ decision: "allow", by: "approver:queue" });
  });

  test("for the queue alone is denied where nobody looks", async () => {
    const { broker } = makeBroker();
    const verdict = await broker.decide(login, makeAsker(), makeScope(only("queue"), { queue: "answers" }));
    expect(verdict).toMatchObject({ decision: "deny", by: "fault:approver" });
  });
});
