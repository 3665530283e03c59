import { describe, expect, it } from "vitest";
import { describeQuestion } from "../../../src/policy/describe/question.ts";
import { describeRequest } from "../../../src/policy/describe/request.ts";
import { confirmRequest, TEST_PROMPT } from "../../../src/policy/openssh-prompt.ts";
import { question } from "../../support/guard.ts";
import { caller } from "../../support/policy.ts";

const FINGERPRINT = "SHA256:sbyCmnlu0E4fzqEnQ9I/whxonWrgCcOHEoOUueBdzKQ";
const USE_KEY = `Allow use of key work?\nKey fingerprint ${FINGERPRINT}.`;

describe("a question of OpenSSH's, in our words", () => {
  it.each([
    [USE_KEY, 'have key "work" used'],
    [
      `${USE_KEY}\npublic key authentication request for user "git" to listed host`,
      'have key "work" used to log in as git',
    ],
    ["Allow shared connection to prod? ", 'share its connection to "prod"'],
    ["Terminate shared connection to prod? ", 'end its shared connection to "prod"'],
    ["Disable further multiplexing on shared connection to prod? ", 'stop sharing its connection to "prod"'],
    ["Allow multiplex proxy connection?", "share its whole connection (proxy)"],
    [
      "Open local forward LOCALHOST:1 -> db:2 on prod?",
      'forward localhost:1 to db:2 through its connection to "prod"',
    ],
    ["Allow forward to [db]:22? ", "connect to db:22 through its connection"],
    ["Add key /id (me) to agent?", "add a key to the agent"],
    [TEST_PROMPT, "see whether a question reaches you (only a test)"],
    ["Launch the missiles?", "get a yes to a question that muxguard can't read"],
  ])("%j: %s", (text, expected) => {
    expect(describeRequest(confirmRequest(text, "confirm", "ssh"))).toBe(expected);
  });

  it("comes with its own words, and says what nobody knows", () => {
    const request = confirmRequest(USE_KEY, "confirm", "ssh-agent");
    const agent = { ...caller, exe: "/usr/bin/ssh-agent" };
    const lines = describeQuestion(question({ request, caller: agent }));
    expect(lines[0]).toBe('ssh-agent: may key "work" be used?');
    expect(lines[1]).toBe('ssh-agent asks: may key "work" be used? It does not say by whom');
    expect(lines).toContain(`key: ${FINGERPRINT}`);
    expect(lines).toContain(`it says: "Allow use of key work? / Key fingerprint ${FINGERPRINT}."`);
    expect(lines).toContain("by whom: any program that reaches it may have asked");
  });

  it("is on ssh's own behalf where it is about a host key, whose fingerprint it names", () => {
    const text = `The authenticity of host 'prod (10.0.0.1)' can't be established.\nED25519 key fingerprint is ${FINGERPRINT}.\nAre you sure you want to continue connecting (yes/no/[fingerprint])? `;
    const lines = describeQuestion(question({ request: confirmRequest(text, undefined, "ssh") }));
    expect(lines[0]).toBe('ssh: trust the host key that it was given by "prod"?');
    expect(lines[1]).toBe('ssh wants to trust the host key that it was given by "prod"');
    expect(lines[2]).toBe(`destination: "prod", host key ${FINGERPRINT}, as ssh says; nobody has checked it`);
    expect(lines.join("\n")).not.toContain("for whom");
  });

  it("is the agent's own where the kernel hides its executable", () => {
    const { exe: _, ...hidden } = { ...caller, name: "ssh-agent" };
    const text = `${USE_KEY}\npublic key authentication request for user "git" to listed host`;
    const asked = question({ request: confirmRequest(text, "confirm", "ssh-agent"), caller: hidden });
    expect(describeQuestion(asked)[0]).toBe('ssh-agent: may key "work" be used to log in as git?');
    expect(describeQuestion(asked)[1]).toBe(
      'ssh-agent asks: may key "work" be used to log in as git? It does not say by whom',
    );
  });

  it("shows a line break that was none as what it is", () => {
    const text = `Allow use of key work? / Key fingerprint ${FINGERPRINT}.?\nKey fingerprint ${FINGERPRINT}.`;
    const lines = describeQuestion(question({ request: confirmRequest(text, "confirm", "ssh-agent") }));
    expect(lines.join()).toContain(`work? / Key fingerprint ${FINGERPRINT}.?\\nKey`);
  });

  it("names a host that nobody has checked", () => {
    const request = confirmRequest("Allow shared connection to prod? ", "confirm", "ssh");
    expect(describeQuestion(question({ request }))[2]).toBe(
      'destination: "prod", as ssh says; nobody has checked it',
    );
  });

  it("shows no control character of a hostile one", () => {
    const request = confirmRequest("Allow use of key \x1b[2J\u202e?\nyes", "confirm", "ssh-agent");
    expect(describeQuestion(question({ request })).join("\n")).toContain("\\x1b[2J\\u{202e}? / yes");
  });
});
