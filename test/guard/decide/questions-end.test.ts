/** Questions that end without an answer. */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Outcome } from "../../../src/guard/decide/asking.ts";
import { Questions } from "../../../src/guard/decide/questions.ts";
import { answering, asking, denied, no, question, StubApprover, staying, yes } from "../../support/guard.ts";

afterEach(() => void vi.useRealTimers());

describe("a client that goes away", () => {
  test("withdraws its question", async () => {
    const approver = new StubApprover();
    const questions = new Questions();
    const client = new AbortController();
    const outcome = questions.ask(asking({ approvers: [approver] }), client.signal);
    const { signal } = await approver.nth(1);
    client.abort();
    expect(signal.aborted).toBe(true);
    expect(await outcome).toMatchObject(denied("fault:withdrawn", /went away/));
    expect(questions.pending()).toEqual([]);
  });

  test("no longer waits where others still do", async () => {
    const approver = new StubApprover();
    const questions = new Questions();
    const [first, second] = [new AbortController(), new AbortController()];
    const outcomes = [first, second].map(({ signal }) =>
      questions.ask(asking({ approvers: [approver] }), signal),
    );
    const { question: shown, signal, answer } = await approver.nth(1);
    first.abort();
    expect(await outcomes[0]).toMatchObject(denied("fault:withdrawn", /went away/));
    expect(shown.count).toBe(1);
    expect(signal.aborted).toBe(false);
    answer(yes());
    expect(await outcomes[1]).toMatchObject({ by: "approver:terminal" });
  });

  test("takes the question with it if it was the last", async () => {
    const approver = new StubApprover();
    const questions = new Questions();
    const clients = [new AbortController(), new AbortController()];
    const outcomes = clients.map(({ signal }) => questions.ask(asking({ approvers: [approver] }), signal));
    for (const client of clients) client.abort();
    expect((await approver.nth(1)).signal.aborted).toBe(true);
    expect(await Promise.all(outcomes)).toHaveLength(2);
    expect(questions.pending()).toEqual([]);
  });

  test("before it could be asked for is not asked for", async () => {
    const approver = new StubApprover();
    const outcome = await new Questions().ask(asking({ approvers: [approver] }), AbortSignal.abort());
    expect(outcome).toMatchObject(denied("fault:withdrawn", /went away/));
    expect(approver.asked).toEqual([]);
  });

  test("after the answer changes nothing", async () => {
    const questions = new Questions();
    const client = new AbortController();
    const outcome = await questions.ask(asking({ approvers: [answering(yes())] }), client.signal);
    client.abort();
    expect(outcome.answer).toEqual(yes());
  });
});

describe("too much is a denial:", () => {
  test("no answer in time", async () => {
    vi.useFakeTimers();
    const approver = new StubApprover();
    const questions = new Questions();
    const outcome = questions.ask(
      asking({ question: question({ timeout: 5000 }), approvers: [approver] }),
      staying(),
    );
    const { signal } = await approver.nth(1);
    await vi.advanceTimersByTimeAsync(5000);
    expect(signal.aborted).toBe(true);
    expect(await outcome).toMatchObject(denied("fault:timeout", /^no answer within 5 seconds$/));
    expect(questions.pending()).toEqual([]);
  });

  test("but a timeout of months leaves time to answer", async () => {
    vi.useFakeTimers();
    const approver = new StubApprover();
    const timeout = 100 * 86_400_000;
    const outcome = new Questions().ask(
      asking({ question: question({ timeout }), approvers: [approver] }),
      staying(),
    );
    await vi.advanceTimersByTimeAsync(3_600_000);
    (await approver.nth(1)).answer(yes());
    expect((await outcome).answer).toEqual(yes());
  });

  test("the 65th open question", async () => {
    const approver = new StubApprover();
    const questions = new Questions();
    const ask = (covered: string): Promise<Outcome> =>
      questions.ask(asking({ covered, approvers: [approver] }), staying());
    const open = Array.from({ length: 64 }, (_, at) => ask(`${at}`));
    expect(await ask("one more")).toMatchObject(denied("fault:busy", /64 questions are open/));
    const joined = ask("0");
    for (const { answer } of approver.asked) answer(no);
    expect((await Promise.all([...open, joined])).every(({ answer }) => answer === no)).toBe(true);
    expect(approver.asked).toHaveLength(64);
    expect(questions.pending()).toEqual([]);
  });
});
