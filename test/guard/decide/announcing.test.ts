/** Who is told that a person is asked, and how often. */
import { expect, test, vi } from "vitest";
import { Questions } from "../../../src/guard/decide/questions.ts";
import type { Asker } from "../../../src/guard/decide/verdict.ts";
import { emptyPolicy } from "../../../src/policy/policy.ts";
import { makeAsker, makeBroker, makeScope, no, StubApprover, yes } from "../../support/guard.ts";
import { caller, login } from "../../support/policy.ts";

const here = { ...caller, tty: "/dev/pts/3" };
const WAITING = /^muxguard: waiting for approval: log in to github\.com as git with key "work" \(/;

function setting(tells: boolean, tellAfter = 0) {
  const approver = new StubApprover("notification");
  const broker = makeBroker({}, undefined, undefined, new Questions(undefined, { tellAfter }));
  const tellCaller = vi.fn(async () => tells);
  const scope = makeScope(emptyPolicy, { approvers: [approver], queue: "holds", tellCaller });
  return { ...broker, approver, scope, tellCaller };
}

test("the caller's own terminal says what waits, and the rest stays silent", async () => {
  const { broker, approver, scope, tellCaller } = setting(true);
  const waiting = vi.fn(() => false);
  const deciding = broker.decide(login, { ...makeAsker(here), waiting }, scope);
  const { question, answer } = await approver.nth(1);
  answer(yes());
  await deciding;
  expect(tellCaller).toHaveBeenCalledTimes(1);
  expect(tellCaller).toHaveBeenCalledWith(
    here,
    expect.stringMatching(`${WAITING.source}muxguard approve ${question.id}\\)$`),
  );
  expect(waiting).toHaveBeenCalledWith(expect.stringMatching(WAITING), true);
  expect(scope.reports).toEqual([]);
});

test("where it can't, the guard's own stderr does once nobody else can be asked", async () => {
  const { broker, approver, questions, scope } = setting(false);
  const deciding = broker.decide(login, makeAsker(here), scope);
  const { fail } = await approver.nth(1);
  expect(scope.reports).toEqual([]);
  fail(new Error("gone"));
  await vi.waitFor(() => expect(scope.reports).toEqual([expect.stringMatching(WAITING)]));
  questions.answer(questions.pending()[0]?.id ?? "", no);
  await deciding;
});

test("several who wait on one terminal are told once, and with the id of what can be answered", async () => {
  const { broker, approver, questions, scope, tellCaller } = setting(true);
  const there = { ...here, tty: "/dev/pts/4" };
  const deciding = [here, here, there].map((one) => broker.decide(login, makeAsker(one), scope));
  const { question, answer } = await approver.nth(1);
  await vi.waitFor(() => expect(tellCaller).toHaveBeenCalledTimes(2));
  expect(questions.pending().map(({ id }) => id)).toEqual([question.id]);
  for (const [, line] of tellCaller.mock.calls as unknown as [unknown, string][])
    expect(line).toContain(`muxguard approve ${question.id}`);
  answer(yes());
  await Promise.all(deciding);
});

test("nobody is told of what is answered at once", async () => {
  const { broker, approver, scope, tellCaller } = setting(true, 50);
  const deciding = broker.decide(login, makeAsker(here), scope);
  (await approver.nth(1)).answer(yes());
  await deciding;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(tellCaller).not.toHaveBeenCalled();
});

test("a question that commands don't answer says where it is asked", async () => {
  const { broker, approver, scope, tellCaller } = setting(true);
  const deciding = broker.decide(login, makeAsker(here), { ...scope, queue: "closed" });
  (await approver.nth(1)).answer(yes());
  await deciding;
  expect(tellCaller).toHaveBeenCalledWith(here, expect.stringMatching(/\(asked on the desktop\)$/));
});

test("a denial is told there, where the protocol has no words for it and somebody waits", async () => {
  const { broker, approver, scope, tellCaller } = setting(true, 1000);
  const decided = async (asker: Asker): Promise<void> => {
    const count = approver.asked.length + 1;
    const deciding = broker.decide({ ...login, user: `u${count}` }, asker, scope);
    (await approver.nth(count)).answer(no);
    await deciding;
  };
  await decided(makeAsker(here));
  expect(tellCaller).not.toHaveBeenCalled();
  await decided({ ...makeAsker(here), isMute: true });
  expect(tellCaller).toHaveBeenCalledWith(
    here,
    expect.stringMatching(/^muxguard: denied: .*\(you said no, /),
  );
});
