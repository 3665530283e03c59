/** What a guard may answer to muxguard's own commands. One that has killed its run's muxguard may answer anything. */
import { describe, expect, it } from "vitest";
import { Connection } from "../../src/rpc/connection.ts";
import { askGuard } from "../../src/rpc/replies.ts";
import type { FromClient, FromGuard } from "../../src/rpc/requests.ts";
import { sockets } from "./pair.ts";

const git = { pid: 7, startTime: "1", exe: "/usr/bin/git", name: "git", cmdline: ["git", "push"] };
const question = {
  id: "abcdef",
  request: { kind: "session", command: "x", path: [], forwarded: false },
  caller: { ...git, session: "1", ancestors: [git], container: false },
  because: "default",
  count: 1,
  choices: ["once", { milliseconds: 1000 }],
  yes: "once",
  asked: "2026-01-01T00:00:00.000Z",
  timeout: 60_000,
};
const grant = { id: "abcdef", decision: "allow", what: "git: log in", left: "run" };
const status = {
  pid: 1,
  upstream: [],
  runs: 0,
  grants: 0,
  suspended: 0,
  approvers: [{ kind: "tmux", fault: "no tmux server" }, { kind: "queue" }],
  locked: false,
  pending: 0,
  wrong: [],
  watched: ["/c"],
  masters: [],
};

type Method = Parameters<typeof askGuard>[1];

/** What a command gets from a guard that answers this. */
async function answered(method: Method, reply: { result: unknown } | { error: object }): Promise<unknown> {
  const [near, far] = await sockets();
  far.on("data", () => far.write(`${JSON.stringify({ id: 1, ...reply })}\n`));
  const guard = new Connection<FromClient, FromGuard>(near, { peer: "the guard", line: 1e6, all: 1e6 });
  return askGuard(guard, method, null as never);
}

describe("an answer of a guard's", () => {
  it.each<[Method, unknown]>([
    ["pending", []],
    ["pending", [question]],
    ["pending", [{ ...question, hosts: [{ id: "bcdefg", name: "web1" }], ofANewerGuard: 1 }]],
    ["grants", [grant, { ...grant, left: 5000 }]],
    [
      "status",
      { ...status, masters: [{ path: "/c", pid: 3, origin: "opened", to: "me@web1", verified: true }] },
    ],
    ["lock", { was: false, forgotten: 0, denied: 2 }],
    ["forget", 3],
    ["answer", true],
    ["adopt", null],
    ["close", { path: "/c", remaining: ["/d"] }],
    ["open", { path: "/c", already: false }],
    ["open", { path: "/c", already: true, shares: ["/d"] }],
  ])("comes as it was sent: %s %j", async (method, result) => {
    expect(await answered(method, { result })).toEqual(result);
  });

  it.each<[string, Method, unknown]>([
    ["null", "pending", null],
    ["an object", "pending", { 0: question, length: 1 }],
    ["an id that clears the screen", "pending", [{ ...question, id: "abcdef\x1b[2J" }]],
    ["an id that a shell would obey", "pending", [{ ...question, id: "a;reboot" }]],
    ["the id of a host with a line's end", "pending", [{ ...question, hosts: [{ id: "a\n", name: "x" }] }]],
    ["a pid with an escape", "pending", [{ ...question, caller: { ...question.caller, pid: "9\x1b[2K" } }]],
    [
      "a caller without programs",
      "pending",
      [{ ...question, caller: { ...question.caller, ancestors: null } }],
    ],
    ["a request of another kind", "pending", [{ ...question, request: { ...question.request, kind: "x" } }]],
    [
      "a fingerprint with an escape",
      "pending",
      [{ ...question, request: { ...question.request, key: { fingerprint: "SHA256:\x1b[2J" } } }],
    ],
    ["a count that is a text", "pending", [{ ...question, count: "\x1b[2J" }]],
    ["a remembered answer with an escape", "grants", [{ ...grant, what: "git\x1b[2J" }]],
    ["one that turns the line round", "grants", [{ ...grant, what: "git\u202e" }]],
    ["one that is two lines", "grants", [{ ...grant, what: "git\nyes" }]],
    ["a time that is a text", "grants", [{ ...grant, left: "\x1b[2J" }]],
    ["no status", "status", null],
    ["a pid that is a text", "status", { ...status, pid: "\x1b[2J" }],
    ["a number that is none", "forget", "3"],
    ["less than nothing", "forget", -3],
    ["a yes that is a text", "answer", "true"],
  ])("is passed over: %s", async (_, method, result) => {
    await expect(answered(method, { result })).rejects.toThrow(`its answer to "${method}" is not understood`);
  });

  it("may be an error, whose words no terminal obeys", async () => {
    const error = { code: 1, message: "refused:\x1b[2J\x9b2J\u202e\none more line\r" };
    await expect(answered("pending", { error })).rejects.toMatchObject({
      code: 1,
      message: "refused:\\x1b[2J\\u{9b}2J\\u{202e}\none more line\\x0d",
    });
  });
});
