/**
 * A bus that is the attacker's: it forges, alters, repeats, keeps back and floods. What it may gain by each is in the
 * name of the test.
 */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, MUXGUARD, type Result, until } from "../../../lab/lab.ts";
import { endOf } from "../../../lab/processes.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { type Ballot, digestOf } from "../../../src/fleet/asking/messages.ts";
import { describeWith } from "../tools.ts";
import { type Heard, Hostile } from "./hostile.ts";

describeWith(["nats", "openssl", "ssh", "sshd", "tmux"], "a hostile bus", () => {
  const fleet = new FleetLab();
  let build: Lab;
  let bus: Hostile;
  let logged = 0;
  let daemon: ChildProcess;
  /** The same, by the log or there. */
  const reasons = (): string[] => [...refusals().map(({ reason }) => reason ?? ""), ...bus.told];
  const refusals = () =>
    build
      .log()
      .slice(logged)
      .filter(({ operation }) => operation === "answer-fleet");
  const login = (): Promise<Result> =>
    build.run("sh", ["-c", `ssh -F ${build.sshConfig} alpha.example echo in; :`], {
      environment: { SSH_AUTH_SOCK: build.agentSocket },
    });

  beforeAll(async () => {
    await fleet.init(["build1", "laptop"], ["alice", "bob"]);
    await fleet.startServerOfFleet();
    bus = await Hostile.join(fleet);
    build = await fleet.machine(
      "build1",
      undefined,
      'approvers = ["fleet"]\ntimeout = "8s"\noffer_after = 99\n',
    );
    const key = build.key("work");
    await build.startAgent("upstream.sock", key);
    await build.startServer("alpha.example", key);
    daemon = await build.startDaemon();
    fleet.key("mallory");
    await isConnected();
  });

  const isConnected = () =>
    until(async () => (await build.muxguard("status")).stdout.includes("build1, connected"), "the bus");

  /** The log has five refusals a minute, and counts the others: a guard that was started anew has none yet. */
  async function startAnew(): Promise<void> {
    await endOf(daemon);
    daemon = await build.startDaemon();
    await isConnected();
  }
  afterAll(async () => {
    await bus?.close();
    await fleet.close();
  });

  /** A login that is asked about, as the bus has it. */
  async function asked(): Promise<Heard & { done: Promise<Result> }> {
    await build.muxguard("forget", "--all");
    logged = build.log().length;
    bus.told = [];
    const before = bus.heard.length;
    const done = login();
    await until(() => bus.heard.length > before, "the question");
    return { ...(bus.heard[before] as Heard), done };
  }

  const yesTo = (heard: Heard) => bus.yesTo(heard);
  const vote: Hostile["vote"] = (...words) => bus.vote(...words);
  const send = (heard: Heard, what: unknown) => bus.send(heard, what);

  it("can pass on a true answer: nothing else here would be shown if that did not count", async () => {
    const question = await asked();
    send(question, await vote(yesTo(question)));
    expect(await question.done).toMatchObject({ stdout: "in\n" });
    expect(refusals()).toEqual([]);
  });

  it.each<[string, string, (ballot: Ballot, question: Heard) => Promise<unknown> | unknown]>([
    ["to a question that nobody asked", "nobody asked it", (ballot) => vote({ ...ballot, id: "zzzzzz" })],
    ["with a field too many", "what came is none", (ballot) => vote({ ...ballot, more: 1 })],
    ["that is no answer", "what came is none", () => "yes"],
    [
      "without a signature",
      "no signature that can be read",
      (ballot) => ({ signed: JSON.stringify(ballot), signature: "" }),
    ],
    ["by a key that nobody knows", "ssh-keygen does not verify it", (ballot) => vote(ballot, "mallory")],
    [
      "by one person in the name of another",
      "ssh-keygen does not verify it",
      (ballot) => vote(ballot, "bob"),
    ],
    [
      "signed for something else",
      "and not for muxguard-approval",
      (ballot) => vote(ballot, "alice", "muxguard-policy"),
    ],
    [
      "whose no was made a yes",
      "ssh-keygen does not verify it",
      async (ballot) => {
        const { signed, signature } = await vote({ ...ballot, answer: { decision: "deny", reason: "no" } });
        const yes = JSON.stringify(ballot);
        return { signed: yes === signed ? "" : yes, signature };
      },
    ],
    [
      "that was to hold once and is to hold for long",
      "ssh-keygen does not verify it",
      async (ballot) => {
        const { signed, signature } = await vote(ballot);
        return { signed: signed.replace('"once"', '"always"'), signature };
      },
    ],
    ["to another machine", "for another machine", (ballot) => vote({ ...ballot, machine: "laptop" })],
    [
      "to a guard that has ended",
      "for a guard that has ended",
      (ballot) => vote({ ...ballot, guard: "0".repeat(16) }),
    ],
    [
      "to another text",
      "another text than was asked",
      (ballot) => vote({ ...ballot, digest: digestOf("other") }),
    ],
    [
      "to an earlier question of the same id",
      "another question",
      (ballot) => vote({ ...ballot, nonce: "0".repeat(32) }),
    ],
    [
      "with more time",
      "another question",
      (ballot) => vote({ ...ballot, expires: "2036-01-01T00:00:00.000Z" }),
    ],
    [
      "from the machine that asks",
      "answers on the machine that asks",
      (ballot) => vote({ ...ballot, from: "build1" }),
    ],
    [
      "by a name that is an option",
      "the name of its signer is none",
      (ballot) => vote({ ...ballot, by: "-Ohashalg=sha256" }),
    ],
  ])("gets nobody in by an answer %s", async (_, reason, make) => {
    const question = await asked();
    send(question, await make(yesTo(question), question));
    await until(() => reasons().length > 0, "the refusal");
    expect(reasons()[0]).toContain(reason);
    // it is open yet, and who may can answer: only so is it known that nothing else refused it
    send(question, await vote(yesTo(question)));
    expect(await question.done).toMatchObject({ stdout: "in\n" });
  });

  it("gets nobody in by an answer that it repeats: not for the next question, nor a second time", async () => {
    await startAnew();
    const first = await asked();
    const answer = await vote(yesTo(first));
    send(first, answer);
    send(first, answer);
    expect(await first.done).toMatchObject({ stdout: "in\n" });
    await until(() => refusals().length > 0, "the refusal");
    const next = await asked();
    send(next, answer);
    await until(() => refusals().length > 0, "the refusal");
    expect(refusals()[0]?.reason).toContain("after the end of the question");
    expect(await next.done).toMatchObject({ stdout: "" });
    expect(build.log().at(-1)).toMatchObject({ decision: "deny", by: "fault:timeout" });
  });

  it("gets nobody in by an answer that it kept back until it was too late", async () => {
    const question = await asked();
    const answer = await vote(yesTo(question));
    expect(await question.done).toMatchObject({ stdout: "" });
    send(question, answer);
    await until(() => refusals().length > 0, "the refusal");
    expect(refusals()[0]?.reason).toContain("after the end of the question");
  });

  it("costs few entries and little memory by a flood of answers, and a true one counts in the end", async () => {
    // ssh-keygen looks at each that has room: the question must outlive the last of them on a busy machine, too
    build.policy('[[rule]]\nhost = "alpha.example"\naction = "ask"\ntimeout = "40s"\n');
    await startAnew();
    const question = await asked();
    const { pid } = JSON.parse((await build.muxguard("status", "--json")).stdout);
    const memory = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    const before = memory();
    const junk = await vote(yesTo(question), "mallory");
    for (let count = 0; count < 5000; count++) send(question, junk);
    await bus.flush();
    await until(() => refusals().length > 0, "the refusal");
    // until the line is empty again
    await until(
      async () => {
        send(question, await vote(yesTo(question)));
        return build
          .log()
          .slice(logged)
          .some(({ by }) => by === "approver:fleet" || by === "fault:timeout");
      },
      "the answer",
      40_000,
      200,
    );
    expect(await question.done).toMatchObject({ stdout: "in\n" });
    expect(refusals().length).toBeLessThanOrEqual(6);
    expect(memory() - before).toBeLessThan(40_000);
    build.policy("");
  });

  it("shows a person no more forged questions than there is room for, and none that a terminal obeys", async () => {
    const laptop = await fleet.machine("laptop", "alice");
    await laptop.startAgent("alice.sock", fleet.path("alice"));
    const terminal = new Terminal(laptop.environment, laptop.folder, undefined, 160, 40);
    try {
      terminal.enter(`${process.execPath} ${MUXGUARD} watch --fleet`);
      await terminal.shows("nothing waits for an answer");
      const question = await asked();
      await terminal.shows("build1/");
      const { said, subject } = question;
      const forge = (id: string, change: (text: string) => string): void => {
        const made = JSON.parse(said);
        const text = change(JSON.stringify({ ...made, question: { ...made.question, id } }));
        bus.publish(subject, { type: "question", left: 60_000, said: text, votes: [] });
      };
      forge("escape", (text) => text.replaceAll("alpha.example", "evil\\u001b[2Jexample"));
      forge("huge", (text) => text.replace(/"timeout":\d+/, '"timeout":1e300'));
      forge("odd", (text) => text.replace(/"names":\[[^\]]*\]/, '"names":[1]'));
      for (let count = 0; count < 1000; count++) forge(`f${count}`, (text) => text);
      bus.publish("mg.q.build1.0123456789abcdef", { type: "question", left: 1, said, votes: [] });
      await bus.flush();
      await terminal.shows(/\d+ questions of the fleet are left out/);
      await terminal.shows("64 wait");
      expect(terminal.screen()).toContain("muxguard watch");
      await terminal.keysCount();
      terminal.press("Right", "Enter"); // the first is the true one
      expect(await question.done).toMatchObject({ stdout: "in\n" });
      await terminal.shows("evil\\x1b[2Jexample");
    } finally {
      terminal.close();
    }
  });
});
