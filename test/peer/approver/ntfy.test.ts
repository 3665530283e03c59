/** The example that asks on a phone, against a server that speaks ntfy's protocol. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab, until } from "../../../lab/lab.ts";
import { createCommandApprover } from "../../../src/approver/command/approver.ts";
import { questionEvent } from "../../../src/audit/event.ts";
import type { Answer } from "../../../src/policy/question.ts";
import { question } from "../../support/guard.ts";
import { NtfyServer } from "../../support/ntfy-server.ts";

const EXAMPLE = fileURLToPath(new URL("../../../examples/ntfy/ask-ntfy.mjs", import.meta.url));

describe("a question on a phone, through ntfy", () => {
  const lab = new Lab();
  let server: NtfyServer;
  let environment: NodeJS.ProcessEnv;
  let withdrawn: AbortController;

  beforeEach(async () => {
    withdrawn = new AbortController();
    server = new NtfyServer();
    environment = { ...lab.environment, NTFY_URL: await server.listen(), NTFY_TOPIC: "questions" };
  });
  afterEach(() => {
    withdrawn.abort();
    server.close();
  });
  afterAll(() => lab.close());

  function ask(asked = question({ choices: ["once", { milliseconds: 600_000 }, "run"] })): Promise<Answer> {
    const approver = createCommandApprover({ command: [EXAMPLE], environment, toJson: questionEvent });
    return approver.ask(asked, withdrawn.signal);
  }

  const isPushed = (count = 1) => until(() => server.messages.length === count, "the push");

  it("is pushed with what there is to know, and with buttons, the safest first", async () => {
    const asked = question({ because: "rule:agents", choices: ["once", { milliseconds: 600_000 }, "run"] });
    const answer = ask(asked);
    await isPushed();
    const [pushed] = server.messages;
    expect(pushed).toMatchObject({ topic: "questions", title: questionEvent(asked).title });
    expect(pushed?.message).toContain('because: rule "agents"');
    expect(pushed?.actions?.map(({ label }) => label)).toEqual([
      "deny",
      "allow once",
      "allow for 10 minutes",
    ]);
    await server.press("deny");
    expect(await answer).toEqual({ decision: "deny", reason: "you said no" });
  });

  it.each<[string, Answer]>([
    ["allow once", { decision: "allow", remember: "once" }],
    ["allow for 10 minutes", { decision: "allow", remember: { milliseconds: 600_000 } }],
  ])("is answered by the button %j", async (label, expected) => {
    const answer = ask();
    await isPushed();
    await server.press(label);
    expect(await answer).toEqual(expected);
  });

  it("is not answered by anything else on the reply topic, nor by the button of another question", async () => {
    const first = ask();
    await isPushed();
    const [old] = server.messages;
    await server.press("deny");
    await first;
    let answered = false;
    const second = ask().finally(() => {
      answered = true;
    });
    await isPushed(3);
    const reply = old?.actions?.[1]?.url ?? "";
    for (const body of [old?.actions?.[1]?.body ?? "", "yes", "allow once", ""])
      await fetch(reply, { method: "POST", body });
    expect(answered).toBe(false);
    server.messages.push(...server.messages.splice(2, 1)); // the question, for press() to find
    await server.press("allow once");
    expect(await second).toMatchObject({ decision: "allow" });
  });

  it("uses its tokens: one for itself, another for the buttons", async () => {
    server.token = "tk_own";
    Object.assign(environment, { NTFY_TOKEN: "tk_own", NTFY_REPLY_TOKEN: "tk_reply" });
    const answer = ask();
    await isPushed();
    expect(server.messages[0]?.actions?.[0]?.headers).toEqual({ Authorization: "Bearer tk_reply" });
    expect(JSON.stringify(server.messages)).not.toContain("tk_own");
    server.token = "tk_reply";
    await server.press("allow once");
    expect(await answer).toMatchObject({ decision: "allow" });
  });

  it("has no answer when the server is not there, refuses, or goes away", async () => {
    server.token = "tk_other";
    await expect(ask()).rejects.toThrow(/^exit code 1: ask-ntfy: .*HTTP 403$/);
    server.token = undefined;
    const dropped = ask();
    await isPushed();
    server.drop();
    await expect(dropped).rejects.toThrow(/was closed$/);
    server.close();
    await expect(ask()).rejects.toThrow(/ECONNREFUSED/);
    delete environment.NTFY_TOPIC;
    await expect(ask()).rejects.toThrow("NTFY_TOPIC is not set");
  });

  it("leaves no subscription behind when it is answered elsewhere", async () => {
    const answer = ask();
    await isPushed();
    withdrawn.abort();
    await expect(answer).rejects.toThrow("withdrawn");
    await until(() => server.subscribers === 0, "the end of the subscription");
  });
});
