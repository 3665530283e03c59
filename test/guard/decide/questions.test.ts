import { describe, expect, test, vi } from "vitest";
import { Questions } from "../../../src/guard/decide/questions.ts";
import type { Question } from "../../../src/policy/question.ts";
import {
  answering,
  asking,
  denied,
  failing,
  no,
  question,
  StubApprover,
  staying,
  yes,
} from "../../support/guard.ts";

describe("identical questions", () => {
  test("that are pending are one, and each gets its answer", async () => {
    const approver = new StubApprover();
    const questions = new Questions();
    const outcomes = [1, 2, 3].map(() => questions.ask(asking({ approvers: [approver] }), staying()));
    const { question: shown, answer } = await approver.nth(1);
    expect(shown.count).toBe(3);
    expect(questions.pending()).toEqual([shown]);
    answer(yes());
    const allowed = { answer: yes(), by: "approver:terminal" };
    expect(await Promise.all(outcomes)).toEqual([allowed, allowed, allowed]);
    expect(approver.asked).toHaveLength(1);
    expect(questions.pending()).toEqual([]);
  });

  test("are told of to those who are asked", async () => {
    const approver = new StubApprover();
    const counts: number[] = [];
    const changed = ({ count }: Question): void => void counts.push(count);
    const approvers = [Object.assign(approver, { changed })];
    const questions = new Questions();
    const leaver = new AbortController();
    const outcomes = [staying(), staying(), leaver.signal].map((gone) =>
      questions.ask(asking({ approvers }), gone),
    );
    leaver.abort();
    (await approver.nth(1)).answer(yes());
    await Promise.all(outcomes);
    expect(counts).toEqual([2, 3, 2]);
  });

  test("that come later are asked again", async () => {
    const approver = new StubApprover();
    const questions = new Questions();
    for (const [at, reply] of [yes(), no].entries()) {
      const outcome = questions.ask(asking({ approvers: [approver] }), staying());
      (await approver.nth(at + 1)).answer(reply);
      expect((await outcome).answer).toEqual(reply);
    }
  });

  test("are several if they cover different things, or nothing", async () => {
    const approver = new StubApprover();
    const questions = new Questions();
    const covers = ["this", "that", undefined, undefined];
    const outcomes = covers.map((covered) =>
      questions.ask(asking({ covered, approvers: [approver] }), staying()),
    );
    expect(questions.pending().map(({ count }) => count)).toEqual([1, 1, 1, 1]);
    for (const { answer } of [...approver.asked]) answer(yes());
    expect(await Promise.all(outcomes)).toHaveLength(4);
  });
});

describe("several approvers", () => {
  test("are asked at once; the first answer wins and withdraws the others", async () => {
    const [terminal, askpass] = [new StubApprover("terminal"), new StubApprover("askpass")];
    const questions = new Questions();
    const outcome = questions.ask(asking({ approvers: [terminal, askpass] }), staying());
    const [first, second] = [await terminal.nth(1), await askpass.nth(1)];
    expect([first.signal.aborted, second.signal.aborted]).toEqual([false, false]);
    second.answer(no);
    expect(await outcome).toEqual({ answer: no, by: "approver:askpass" });
    expect([first.signal.aborted, second.signal.aborted]).toEqual([true, true]);
  });

  test("may answer too late, which changes nothing", async () => {
    const [terminal, askpass] = [new StubApprover("terminal"), new StubApprover("askpass")];
    const questions = new Questions();
    const both = { approvers: [terminal, askpass] };
    const first = questions.ask(asking(both), staying());
    (await terminal.nth(1)).answer(no);
    expect((await first).answer).toEqual(no);

    const second = questions.ask(asking(both), staying());
    (await askpass.nth(1)).answer(yes());
    await Promise.resolve();
    expect(questions.pending()).toHaveLength(1);
    (await terminal.nth(2)).answer(no);
    expect(await second).toEqual({ answer: no, by: "approver:terminal" });
  });

  test("may fail as long as one is left", async () => {
    const terminal = new StubApprover();
    const questions = new Questions();
    const outcome = questions.ask(asking({ approvers: [failing("broken", "askpass"), terminal] }), staying());
    (await terminal.nth(1)).answer(yes());
    expect(await outcome).toMatchObject({ by: "approver:terminal", answer: { decision: "allow" } });
  });

  test("that all fail are a denial that says why", async () => {
    const approvers = [failing("no display", "askpass"), failing("hung up", "terminal")];
    const outcome = await new Questions().ask(asking({ approvers }), staying());
    expect(outcome).toMatchObject(denied("fault:approver", /askpass: no display; terminal: hung up/));
  });

  test("that are all unavailable are a denial that says why, and are not asked", async () => {
    const approver = new StubApprover();
    approver.unavailable = () => "no terminal";
    const outcome = await new Questions().ask(asking({ approvers: [approver] }), staying());
    expect(outcome).toMatchObject(denied("fault:approver", /no terminal/));
    expect(approver.asked).toEqual([]);
  });

  const throwing = (): never => {
    throw new Error("bug");
  };

  test.each(["ask", "unavailable"] as const)(
    "that throw in %s have failed, and leave no question",
    async (method) => {
      const questions = new Questions();
      const approvers = [{ ...answering(yes(), "askpass"), [method]: throwing }];
      expect(await questions.ask(asking({ approvers }), staying())).toMatchObject(
        denied("fault:approver", /askpass: bug/),
      );
      expect(questions.pending()).toEqual([]);
    },
  );

  test("that are none are a denial", async () => {
    expect(await new Questions().ask(asking(), staying())).toMatchObject(
      denied("fault:approver", /policy\.toml/),
    );
  });
});

describe("muxguard approve", () => {
  test("answers an open question by its id, once", async () => {
    const questions = new Questions();
    const approvers = [new StubApprover()];
    const outcome = questions.ask(
      asking({ question: question({ id: "k3f9x2" }), approvers, queue: "answers" }),
      staying(),
    );
    expect(questions.answer("another", yes())).toBe(false);
    expect(questions.answer("k3f9x2", yes())).toBe(true);
    expect(questions.answer("k3f9x2", no)).toBe(false);
    expect(await outcome).toEqual({ answer: yes(), by: "approver:queue" });
  });

  test("does not answer where the rule wants another approver", async () => {
    const approver = new StubApprover();
    const questions = new Questions();
    const outcome = questions.ask(
      asking({ question: question({ id: "k3f9x2" }), approvers: [approver] }),
      staying(),
    );
    expect(questions.answer("k3f9x2", yes())).toBe(false);
    (await approver.nth(1)).answer(no);
    expect((await outcome).answer).toEqual(no);
  });

  test("holds a question open that no approver can ask, and the user is told", async () => {
    const onlyQueue = vi.fn();
    const questions = new Questions();
    const approvers = [failing("no display")];
    const told = new Promise<void>((resolve) => onlyQueue.mockImplementation(resolve));
    const outcome = questions.ask(
      asking({ question: question({ id: "k3f9x2" }), approvers, queue: "holds", onlyQueue }),
      staying(),
    );
    await told;
    expect(questions.pending()).toHaveLength(1);
    questions.answer("k3f9x2", yes());
    expect(await outcome).toMatchObject({ by: "approver:queue" });
    expect(onlyQueue).toHaveBeenCalledTimes(1);
  });

  test("is not enough to hold one where nobody looks", async () => {
    const outcome = await new Questions().ask(asking({ queue: "answers" }), staying());
    expect(outcome).toMatchObject({ by: "fault:approver" });
  });
});
