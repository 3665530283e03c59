/** Questions that come together: one for many hosts, and not too many of one program. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { Questions } from "../../../src/guard/decide/questions.ts";
import { answersTo } from "../../../src/policy/describe/answer.ts";
import type { Caller, Request } from "../../../src/policy/request.ts";
import {
  asking,
  denied,
  makeAsker,
  makeBroker,
  makeScope,
  no,
  question,
  StubApprover,
  staying,
  yes,
} from "../../support/guard.ts";
import { caller, github, login, policy } from "../../support/policy.ts";

const hosts = ["web1", "web2", "web3"];
const at = (name: string, more: Partial<Request> = {}): Request => ({
  ...login,
  destination: { ...github, names: [name], hostKey: `SHA256:${name}` },
  ...more,
});

/** How long is waited for more of the same, in milliseconds. */
const gatherFor = 20;

/** What is alike but for the host. */
function askAt(host: string, questions: Questions, approver: StubApprover): ReturnType<Questions["ask"]> {
  const asked = question({ id: `id-${host}`, request: at(host) });
  return questions.ask(
    asking({ question: asked, covered: host, alike: "alike", approvers: [approver] }),
    staying(),
  );
}

interface Gathered {
  questions: Questions;
  approver: StubApprover;
  outcomes: ReturnType<Questions["ask"]>[];
  clients: AbortController[];
}

function gather(): Gathered {
  const approver = new StubApprover();
  const questions = new Questions(undefined, { gatherFor });
  const clients = hosts.map(() => new AbortController());
  const outcomes = hosts.map((host, n) =>
    questions.ask(
      asking({
        question: question({ id: `id-${host}`, request: at(host) }),
        covered: host,
        alike: "alike",
        approvers: [approver],
        queue: "answers",
      }),
      clients[n]?.signal ?? staying(),
    ),
  );
  return { questions, approver, outcomes, clients };
}

afterEach(() => {
  vi.useRealTimers();
});

describe("the same on several hosts", () => {
  test("is one question that lists them, in the place of the first, and its answer is for all", async () => {
    const { questions, approver, outcomes } = gather();
    const first = await approver.nth(1);
    expect(first.question).toMatchObject({ id: "id-web1", count: 1 });
    expect(first.question.hosts).toBeUndefined();
    const { question: shown, answer } = await approver.nth(2);
    expect(first.signal.aborted).toBe(true);
    first.answer(no); // too late
    expect(shown.hosts?.map(({ name }) => name)).toEqual(hosts);
    expect(shown.count).toBe(3);
    expect(shown.id).not.toBe("id-web1");
    expect(shown.request).toEqual(at("web1"));
    expect(questions.pending()).toEqual([shown]);
    answer(yes());
    for (const outcome of await Promise.all(outcomes))
      expect(outcome).toEqual({ answer: yes(), by: "approver:terminal" });
    expect(approver.asked).toHaveLength(2);
    expect(questions.pending()).toEqual([]);
  });

  test("is answered for one of them by its id, and for the others by that of the question", async () => {
    const { questions, approver, outcomes } = gather();
    const { question: shown, signal } = await approver.nth(2);
    expect(questions.answer("id-web2", no)).toBe(true);
    expect((await outcomes[1])?.answer).toEqual(no);
    expect(shown.hosts?.map(({ name }) => name)).toEqual(["web1", "web3"]);
    expect(signal.aborted).toBe(false);
    expect(questions.answer(shown.id, yes())).toBe(true);
    expect((await outcomes[0])?.answer).toEqual(yes());
    expect((await outcomes[2])?.answer).toEqual(yes());
    expect(questions.answer("id-web2", yes())).toBe(false);
  });

  test("is taken apart, and each is asked about on its own", async () => {
    const { approver, outcomes } = gather();
    const first = await approver.nth(2);
    const apart = answersTo(first.question).find(({ value }) => value.decision === "apart");
    first.answer(apart?.value ?? no);
    await approver.nth(5);
    const singles = approver.asked.slice(2);
    expect(first.signal.aborted).toBe(true);
    expect(singles.map((one) => one.question.id)).toEqual(hosts.map((host) => `id-${host}`));
    expect(singles.some((one) => one.question.hosts)).toBe(false);
    for (const [n, one] of singles.entries()) one.answer(n === 1 ? no : yes());
    expect((await Promise.all(outcomes)).map(({ answer }) => answer.decision)).toEqual([
      "allow",
      "deny",
      "allow",
    ]);
  });

  test("loses a host whose client goes away, and ends with the last", async () => {
    const { questions, approver, outcomes, clients } = gather();
    const { question: shown, signal } = await approver.nth(2);
    clients[0]?.abort();
    expect(await outcomes[0]).toMatchObject(denied("fault:withdrawn", /went away/));
    expect(shown.hosts?.map(({ name }) => name)).toEqual(["web2", "web3"]);
    for (const client of clients) client.abort();
    await Promise.all(outcomes);
    expect(signal.aborted).toBe(true);
    expect(questions.pending()).toEqual([]);
  });

  test("is another question once the first is no longer new, and waits for its end", async () => {
    vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
    const { questions, approver, outcomes } = gather();
    await vi.advanceTimersByTimeAsync(gatherFor);
    const { question: shown, answer } = await approver.nth(2);
    await vi.advanceTimersByTimeAsync(3000);
    const late = ["web4", "web5"].map((host) => askAt(host, questions, approver));
    await vi.advanceTimersByTimeAsync(3000);
    expect(shown.hosts).toHaveLength(3);
    expect(approver.asked).toHaveLength(2);
    expect(questions.pending()).toHaveLength(2);
    answer(yes());
    await Promise.all(outcomes);
    const second = await approver.nth(3);
    expect(second.question.hosts?.map(({ name }) => name)).toEqual(["web4", "web5"]);
    second.answer(no);
    for (const outcome of await Promise.all(late)) expect(outcome.answer).toEqual(no);
  });

  test.each([
    ["while no key counts yet", 499, ["web1", "web2"]],
    ["but not once one does", 500, undefined],
  ])("takes the place of the first %s", async (_, shownFor, listed) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const clock = { now: 1000 };
    const approver = new StubApprover();
    const questions = new Questions(undefined, { gatherFor, deafFor: 500 }, () => clock.now);
    const outcomes = [askAt("web1", questions, approver), askAt("web2", questions, approver)];
    clock.now += shownFor;
    await vi.advanceTimersByTimeAsync(gatherFor);
    expect(approver.asked.at(-1)?.question.hosts?.map(({ name }) => name)).toEqual(listed);
    questions.withdraw("the end");
    await Promise.all(outcomes);
  });

  test("may come one by one, each taking the place of what is new; never of what was answered", async () => {
    const { questions, approver, outcomes } = gather();
    const three = await approver.nth(2);
    const late = askAt("web4", questions, approver);
    const four = await approver.nth(3);
    expect(three.signal.aborted).toBe(true);
    expect(four.question.hosts).toHaveLength(4);
    expect(four.question.id).not.toBe(three.question.id);
    const last = questions.ask(asking({ covered: "web5", alike: "alike", approvers: [approver] }), staying());
    four.answer(yes());
    expect((await Promise.all([...outcomes, late])).map(({ answer }) => answer.decision)).toEqual(
      Array(4).fill("allow"),
    );
    (await approver.nth(4)).answer(no);
    expect((await last).answer).toEqual(no);
  });

  test("never comes to an approver that can't take it back before all of it is there", async () => {
    const unhurried = Object.assign(new StubApprover("command"), { unhurried: true });
    const questions = new Questions(undefined, { gatherFor });
    const outcomes = hosts.map((host) => askAt(host, questions, unhurried));
    const { question: shown, answer } = await unhurried.nth(1);
    expect(shown.hosts).toHaveLength(3);
    answer(yes());
    await Promise.all(outcomes);
    expect(unhurried.asked).toHaveLength(1);
  });

  test("is denied at once when everything is withdrawn, and never shown", async () => {
    const { questions, approver, outcomes } = gather();
    await approver.nth(1);
    questions.withdraw("locked");
    for (const outcome of outcomes) expect(await outcome).toMatchObject(denied("fault:locked", /locked/));
    expect(approver.asked).toHaveLength(1);
  });

  test("can't be taken apart where there is one host", async () => {
    const approver = new StubApprover();
    const outcome = new Questions().ask(asking({ approvers: [approver] }), staying());
    (await approver.nth(1)).answer({ decision: "apart" });
    expect(await outcome).toMatchObject(denied("fault:approver", /nothing to take apart/));
  });
});

describe("the broker", () => {
  const run = (requests: Request[]) => {
    const parts = makeBroker({}, undefined, undefined, new Questions(undefined, { gatherFor }));
    const approver = new StubApprover();
    const scope = makeScope(policy([]), { approvers: [approver] });
    return {
      ...parts,
      approver,
      scope,
      deciding: requests.map((one) => parts.broker.decide(one, makeAsker(), scope)),
    };
  };

  test("gives each host its own log entry, and its own grant", async () => {
    const { approver, deciding, log, grants, broker, scope } = run(hosts.map((host) => at(host)));
    (await approver.nth(2)).answer(yes({ milliseconds: 1000 }));
    const verdicts = await Promise.all(deciding);
    expect(new Set(verdicts.map(({ id }) => id)).size).toBe(3);
    expect(log.map(({ request }) => request.destination?.names[0])).toEqual(hosts);
    expect(grants.size).toBe(3);
    expect((await broker.decide(at("web2"), makeAsker(), scope)).by).toBe(`grant:${verdicts[1]?.id}`);
  });

  test.each<[string, Request]>([
    ["another user", at("web2", { user: "root" })],
    ["another key", at("web2", { key: { type: "ssh-ed25519", fingerprint: "SHA256:other" } })],
    [
      "a host that nobody proved",
      at("web2", { destination: { verified: false, names: [], how: "", claimed: "web2" } }),
    ],
  ])("keeps %s apart", async (_, other) => {
    const { approver, deciding } = run([at("web1"), other]);
    for (const asked of [await approver.nth(1), await approver.nth(2)]) {
      expect(asked.question.hosts).toBeUndefined();
      asked.answer(no);
    }
    await Promise.all(deciding);
  });
});

describe("the questions of one program", () => {
  test("are limited; more are denied without asking", async () => {
    const approver = new StubApprover();
    const questions = new Questions(undefined, { perProgram: () => 2 });
    const ask = (covered: string, who: string) =>
      questions.ask(asking({ covered, who, approvers: [approver] }), staying());
    const open = [ask("a", "rsync"), ask("b", "rsync")];
    expect(await ask("c", "rsync")).toMatchObject(
      denied("fault:busy", /^2 questions of this program are open already/),
    );
    const same = ask("a", "rsync");
    const other = ask("c", "git");
    for (const { answer } of [...approver.asked]) answer(yes());
    expect(await Promise.all([...open, same, other])).toHaveLength(4);
  });
});

describe("the questions of one run", () => {
  test("leave room for others, whatever its programs are called", async () => {
    const approver = new StubApprover();
    const questions = new Questions();
    const inRun = { ...caller, run: { name: "claude", pid: 9 } };
    const ask = (name: string, by: Caller) =>
      questions.ask(
        asking({ question: question({ caller: by }), covered: name, who: name, approvers: [approver] }),
        staying(),
      );
    const open = Array.from({ length: 32 }, (_, nth) => ask(`name ${nth}`, inRun));
    expect(await ask("one more", inRun)).toMatchObject(
      denied("fault:busy", /^32 questions of this run are open already/),
    );
    const others = [ask("git", caller), ask("rsync", { ...caller, run: { name: "claude", pid: 10 } })];
    for (const { answer } of [...approver.asked]) answer(yes());
    expect(await Promise.all([...open, ...others])).toHaveLength(34);
  });
});

describe("after three approvals of the same", () => {
  test("the question shows the rule that always would write, in any run", async () => {
    const { broker } = makeBroker();
    const approver = new StubApprover();
    const holder = { pid: 9, startTime: "9", exe: "/usr/bin/node", name: "muxguard run", cmdline: [] };
    for (const nth of [1, 2, 3, 4]) {
      const run = { id: `run-${nth}`, name: "claude", pid: holder.pid };
      const scope = makeScope(policy([]), { approvers: [approver], run, approve: () => Promise.resolve() });
      const asker = makeAsker({ ...caller, ancestors: [...caller.ancestors, holder], run });
      const deciding = broker.decide(login, asker, scope);
      const { question: shown, answer } = await approver.nth(nth);
      expect(shown.approvals).toBe(nth === 4 ? 3 : undefined);
      expect(shown.rule).toContain('scope = ["claude", ""]');
      answer(yes());
      await deciding;
    }
  });

  test("those who waited for one answer were approved once", async () => {
    const { broker } = makeBroker();
    const approver = new StubApprover();
    const scope = makeScope(policy([]), { approvers: [approver], approve: () => Promise.resolve() });
    for (const nth of [1, 2, 3, 4]) {
      const deciding = [1, 2, 3].map(() => broker.decide(login, makeAsker(), scope));
      const { question: shown, answer } = await approver.nth(nth);
      expect(shown.approvals).toBe(nth === 4 ? 3 : undefined);
      answer(yes());
      expect((await Promise.all(deciding)).map(({ decision }) => decision)).toEqual([
        "allow",
        "allow",
        "allow",
      ]);
    }
  });
});
