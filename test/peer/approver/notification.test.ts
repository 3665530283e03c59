/**
 * Notifications on a message bus of one's own, with a server that does what the test says, and with dunst.
 */
import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { PrivateBus, sendTo } from "../../../lab/desktop/bus.ts";
import { NOTIFICATIONS, type Notified, StubServer } from "../../../lab/desktop/notification-server.ts";
import { Lab, until } from "../../../lab/lab.ts";
import type { Approver } from "../../../src/approver/approver.ts";
import { createNotificationApprover } from "../../../src/approver/notification/approver.ts";
import { Notifications } from "../../../src/platform/dbus/notifications.ts";
import { exactRule, formatRule } from "../../../src/policy/exact-rule.ts";
import type { Answer, Question } from "../../../src/policy/question.ts";
import type { Request } from "../../../src/policy/request.ts";
import { question } from "../../support/guard.ts";
import { caller, login } from "../../support/policy.ts";
import { describeWith } from "../tools.ts";

/** How long a notification takes no clicks here, in milliseconds: in the place of the second. */
const DEAF_FOR = 300;

async function untilItListens(): Promise<void> {
  const shown = performance.now();
  await until(() => performance.now() - shown > DEAF_FOR + 50, "clicks to count");
}

/** What a promise has come to by now, without waiting for it. */
function outcomeOf<T>(promise: Promise<T>): () => T | Error | "open" {
  let outcome: T | Error | "open" = "open";
  promise.then(
    (value) => {
      outcome = value;
    },
    (error) => {
      outcome = error;
    },
  );
  return () => outcome;
}

const choices: Question["choices"] = ["once", { milliseconds: 600_000 }];

describeWith(["bus"], "a question as a notification", () => {
  const lab = new Lab();
  let bus: PrivateBus;
  let desktop: Notifications;
  let approver: Approver;
  let withdrawn: AbortController;

  beforeEach(async () => {
    bus = await PrivateBus.start(lab.folder);
    desktop = new Notifications(bus.socket, () => true);
    approver = createNotificationApprover(desktop, DEAF_FOR);
    withdrawn = new AbortController();
  });
  afterEach(async () => {
    withdrawn.abort();
    await desktop.close();
    await bus.close();
  });
  afterAll(() => lab.close());

  const startServer = async (...capabilities: string[]) =>
    StubServer.start(await bus.client(), ["actions", ...capabilities]);

  function ask(fields: Partial<Question> = {}, signal = withdrawn.signal): Promise<Answer> {
    const answer = approver.ask(question({ choices, ...fields }), signal);
    answer.catch(() => {});
    return answer;
  }

  it("is urgent, says what is asked, and has a button for each answer: deny first", async () => {
    const server = await startServer();
    ask({ id: "k3f9x2" });
    const { title, text, actions, urgency } = await server.nth(1);
    expect(title).toBe('git "fetch" → github.com as git?');
    expect(text).toMatch(
      /^login with key "work"; host key known\n[\s\S]*\nmuxguard k3f9x2; more: muxguard pending$/,
    );
    expect(text.split("\n").length).toBeLessThan(9);
    expect(actions.filter((_, at) => at % 2 === 1)).toEqual(["deny", "allow once", "allow for 10 minutes"]);
    expect(JSON.stringify(urgency)).toContain("2");
  });

  it.each<[string, Answer]>([
    ["deny", { decision: "deny", reason: "you said no" }],
    ["allow once", { decision: "allow", remember: "once" }],
    ["allow for 10 minutes", { decision: "allow", remember: { milliseconds: 600_000 } }],
  ])("is answered by the button %j, and leaves the screen", async (label, expected) => {
    const server = await startServer();
    const answer = ask();
    const shown = await server.nth(1);
    await untilItListens();
    server.press(shown, label);
    expect(await answer).toEqual(expected);
    await server.isClosed(shown.id);
  });

  describe('has a button for "always"', () => {
    const always: Question["choices"] = ["once", "always"];
    const ruleOf = (fields: Partial<Request> = {}): string[] => {
      const rule = exactRule({ ...login, ...fields }, caller);
      return rule ? formatRule(rule) : [];
    };
    const labels = ({ actions }: Notified): string[] => actions.filter((_, at) => at % 2 === 1);

    it("where its rule stands above it, after so many approvals, and that one writes it", async () => {
      const server = await startServer();
      const answer = ask({ choices: always, rule: ruleOf(), approvals: 2 });
      const shown = await server.nth(1);
      expect(labels(shown)).toEqual(["deny", "allow once", "allow always"]);
      const name = `"always: git (through ssh): log in to github.com as git with key 'work'"`;
      const offer = `allowed 2 times; "always" writes a rule on key, host_key, user, programs\n${name}\n`;
      expect(shown.text.replaceAll("&quot;", '"').replaceAll("&apos;", "'")).toContain(offer);
      await untilItListens();
      server.press(shown, "allow always");
      expect(await answer).toEqual({ decision: "allow", remember: "always" });
    });

    it("nowhere before: nobody could read what it would write", async () => {
      const server = await startServer();
      ask({ choices: always, rule: ruleOf() });
      const shown = await server.nth(1);
      expect(labels(shown)).toEqual(["deny", "allow once"]);
      expect(shown.text).not.toContain("always: ");
    });

    it("nor for a rule of which a part is out of sight", async () => {
      const server = await startServer();
      for (const [nth, length] of [300, 600].entries()) {
        const request = { ...login, kind: "session" as const, command: `echo ${"x".repeat(length)}` };
        const { data: _, ...session } = request;
        ask({ choices: always, request: session, rule: ruleOf({ ...request }), approvals: 2 });
        expect(labels(await server.nth(nth + 1))).toEqual(["deny", "allow once"]);
      }
    });
  });

  it("takes no click in the first second, and comes again where the server closed it for that", async () => {
    const server = await startServer();
    const answer = ask();
    const outcome = outcomeOf(answer);
    const first = await server.nth(1);
    server.press(first, "allow once");
    server.dismiss(first.id);
    const second = await server.nth(2);
    expect(second).toMatchObject({ replaces: 0, text: first.text });
    server.press(second, "allow once");
    await untilItListens();
    expect(outcome()).toBe("open");
    server.press(second, "allow once");
    expect(await answer).toMatchObject({ decision: "allow" });
  });

  it.each([
    ["the text is clicked on", (server: StubServer, shown: Notified) => server.press(shown, "default")],
    ["a button is pressed that it has not", (server, shown) => server.press(shown, "0")],
    ["it is dismissed", (server, shown) => server.dismiss(shown.id)],
    ["it expires", (server, shown) => server.dismiss(shown.id, 1)],
    ["another one's button is pressed", (server, shown) => server.press({ ...shown, id: 7 }, "allow once")],
  ] as [string, (server: StubServer, shown: Notified) => void][])(
    "is not answered when %s",
    async (_, act) => {
      const server = await startServer();
      const outcome = outcomeOf(ask());
      const shown = await server.nth(1);
      await untilItListens();
      act(server, shown);
      const next = ask();
      await server.nth(2); // what came before it was heard by then
      expect(outcome()).toBe("open");
      expect(server.notified).toHaveLength(2);
      withdrawn.abort();
      await expect(next).rejects.toThrow("withdrawn");
    },
  );

  it("is not answered by another client of the bus that says what the server would say", async () => {
    const server = await startServer();
    const outcome = outcomeOf(ask());
    const { id, actions } = await server.nth(1);
    await untilItListens();
    const forger = await bus.client();
    const path = "/org/freedesktop/Notifications";
    const signal = { path, interface: NOTIFICATIONS, member: "ActionInvoked", signature: "us" };
    const body = [id, actions[2]];
    forger.sendSignal(path, NOTIFICATIONS, "ActionInvoked", "us", body);
    for (const name of (await forger.listNames()).filter((name) => name.startsWith(":")))
      sendTo(forger, name, { ...signal, body });
    await forger.getId();
    ask();
    await server.nth(2);
    expect(outcome()).toBe("open");
  });

  it("leaves the screen when it is withdrawn, also while it comes up", async () => {
    const server = await startServer();
    const answer = ask();
    const { id } = await server.nth(1);
    withdrawn.abort();
    await expect(answer).rejects.toThrow("withdrawn");
    await server.isClosed(id);
    const late = new AbortController();
    const second = ask({}, late.signal);
    late.abort();
    await expect(second).rejects.toThrow("withdrawn");
    await server.isClosed((await server.nth(2)).id);
  });

  it("leaves the screen when the guard ends before the server has told which one it is", async () => {
    const server = await startServer();
    const later = new AbortController();
    const first = ask();
    const { id } = await server.nth(1);
    let goOn = (): void => {};
    server.busy = new Promise((resolve) => {
      goOn = resolve;
    });
    const second = ask({}, later.signal);
    const { id: nameless } = await server.nth(2);
    later.abort();
    await expect(second).rejects.toThrow("withdrawn");
    const closed = desktop.close();
    goOn();
    await closed;
    await server.isClosed(nameless);
    await server.isClosed(id); // asked about no longer, though nobody has withdrawn it
    await expect(first).rejects.toThrow("muxguard ends");
    await expect(ask()).rejects.toThrow("muxguard ends");
  });

  it("is one of several that don't get into each other's way", async () => {
    const server = await startServer();
    const answers = [ask(), ask(), ask()];
    const outcomes = answers.map(outcomeOf);
    await server.nth(3);
    expect(new Set(server.notified.map(({ id }) => id)).size).toBe(3);
    const [first, second] = server.notified as [Notified, Notified];
    await untilItListens();
    server.press(second, "allow once");
    await Promise.race(answers);
    server.press(first, "deny");
    await Promise.race(answers.filter((_, at) => outcomes[at]?.() === "open"));
    const decisions = outcomes.map((outcome) => {
      const answer = outcome();
      return typeof answer === "object" && "decision" in answer ? answer.decision : answer;
    });
    expect(decisions.sort()).toEqual(["allow", "deny", "open"]);
  });

  it("gets a new text in its own place when more requests wait for the answer", async () => {
    const server = await startServer();
    ask();
    const [grows, other] = [question({ choices }), await server.nth(1)];
    const answer = approver.ask(grows, withdrawn.signal);
    const first = await server.nth(2);
    for (grows.count of [2, 3]) approver.changed?.(grows);
    const second = await server.nth(3);
    expect(second).toMatchObject({ id: first.id, replaces: first.id, actions: first.actions });
    expect(second.text).toContain("3 requests wait");
    expect(other.id).not.toBe(first.id);
    server.press(second, "allow once"); // the buttons may have moved
    await untilItListens();
    server.press(second, "deny");
    expect(await answer).toMatchObject({ decision: "deny" });
    expect(server.notified).toHaveLength(3);
  });

  const hostile = () => {
    const asked = question();
    const cmdline = ["ssh", '<b>prod</b>&amp;<a href="x">\x1b[2J\u202e'];
    return { caller: { ...asked.caller, cmdline, ancestors: [] } };
  };

  it("has its markup escaped where the server knows markup, and only there", async () => {
    const server = await startServer("body-markup");
    ask(hostile());
    const { text } = await server.nth(1);
    expect(text).toContain(
      "&quot;ssh &lt;b&gt;prod&lt;/b&gt;&amp;amp;&lt;a href=\\&quot;x\\&quot;&gt;\\x1b[2J\\u{202e}&quot;",
    );
    expect(text).not.toContain("<");
  });

  it("is plain text for a server without markup", async () => {
    const server = await startServer();
    ask(hostile());
    expect((await server.nth(1)).text).toContain('"ssh <b>prod</b>&amp;<a href=\\"x\\">\\x1b[2J\\u{202e}"');
  });

  it("can't be put where there is no bus, no server, or one without buttons", async () => {
    const nowhere = (socket?: string) => createNotificationApprover(new Notifications(socket, () => true));
    expect(nowhere().unavailable()).toBe("no session bus for notifications");
    const asked = nowhere(lab.path("missing")).ask(question(), withdrawn.signal);
    await expect(asked).rejects.toThrow(/^the session bus can't be reached: .*/);
    await expect(ask()).rejects.toThrow("org.freedesktop.Notifications");
    const server = await StubServer.start(await bus.client(), ["body"]);
    await expect(ask()).rejects.toThrow("the notification server has no buttons");
    expect(server.notified).toEqual([]);
  });

  it("is put by a desktop that got ready before it had a server, or could not", async () => {
    const guest = await bus.client();
    const before = await guest.listNames();
    await desktop.warmUp();
    expect((await guest.listNames()).length).toBe(before.length + 1);
    const nowhere = new Notifications(lab.path("missing"), () => true);
    await nowhere.warmUp();
    await new Notifications(undefined, () => true).warmUp();
    const server = await startServer();
    ask();
    await server.nth(1);
    const asked = createNotificationApprover(nowhere).ask(question(), withdrawn.signal);
    await expect(asked).rejects.toThrow("the session bus can't be reached");
  });

  it("is not put in the hands of a server that may not answer", async () => {
    const server = await startServer();
    const pids: number[] = [];
    const wary = new Notifications(bus.socket, (pid) => pids.push(pid) === 0);
    onTestFinished(() => wary.close());
    const asked = createNotificationApprover(wary).ask(question(), withdrawn.signal);
    await expect(asked).rejects.toThrow("can't be trusted");
    expect(pids).toEqual([process.pid]);
    expect(server.notified).toEqual([]);
  });

  it("fails when its server goes away, and is put by the next one", async () => {
    const client = await bus.client();
    const server = await StubServer.start(client);
    const answer = ask();
    await server.nth(1);
    await client.releaseName(NOTIFICATIONS);
    await expect(answer).rejects.toThrow("the notification server is gone");
    const next = await startServer();
    ask();
    await next.nth(1);
  });

  it("fails when the bus is killed, and is put on the next one", async () => {
    const server = await startServer();
    const answer = ask();
    await server.nth(1);
    bus.daemon.kill("SIGKILL");
    await expect(answer).rejects.toThrow("bus is gone");
    await expect(ask()).rejects.toThrow("the session bus can't be reached");
  });
});
