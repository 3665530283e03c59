/** What a client may send to a guard, and what a guard takes for an answer to what it asks. */
import { describe, expect, it } from "vitest";
import type { Requests } from "../../src/rpc/connection.ts";
import type { FromClient, FromGuard } from "../../src/rpc/requests.ts";
import { ask, type ClientConnection, serve, serveClient } from "../../src/rpc/serving.ts";
import { sockets } from "./pair.ts";

const run = { name: "git", terminal: true, ride: false };
const master = { host: "web1", options: [], terminal: false };
const command = { command: "true" };

async function served(
  most = 100_000,
): Promise<{ client: ClientConnection; talk(line: string): Promise<string> }> {
  const [near, far] = await sockets();
  let client: ClientConnection | undefined;
  serveClient(far, most, (connection) => {
    client = connection;
  });
  if (!client) throw new Error("nothing was offered");
  let received = "";
  near.setEncoding("utf8");
  const talk = (line: string): Promise<string> =>
    new Promise((resolve) => {
      near.on("data", (more: string) => {
        received += more;
        if (received.endsWith("\n")) resolve(received.trimEnd());
      });
      near.once("close", () => resolve("hung up"));
      near.write(line);
    });
  return { client, talk };
}

/** What a request with these parameters comes to. */
async function sent(method: Requests<FromClient>, params: unknown): Promise<unknown> {
  const { client, talk } = await served();
  let got: unknown;
  serve(client, method, (checked) => {
    got = checked;
    return null as never;
  });
  const { error } = JSON.parse(await talk(`${JSON.stringify({ id: 1, method, params })}\n`));
  if (error) throw new Error(error.message);
  return got;
}

describe("the parameters of a request", () => {
  it.each<[Requests<FromClient>, unknown]>([
    ["status", null],
    ["pending", null],
    ["pending", "approve"],
    ["answer", { id: "abcdef", answer: { decision: "allow", remember: "once" } }],
    ["answer", { id: "abcdef", answer: { decision: "allow", remember: "lasting" } }],
    ["answer", { id: "abcdef", answer: { decision: "allow", remember: "run" } }],
    ["answer", { id: "abcdef", answer: { decision: "allow", remember: "session" } }],
    ["answer", { id: "abcdef", answer: { decision: "allow", remember: "always" } }],
    ["answer", { id: "abcdef", answer: { decision: "allow", remember: { milliseconds: 60_000 } } }],
    ["answer", { id: "abcdef", answer: { decision: "apart" } }],
    ["answer", { id: "abcdef", answer: { decision: "deny", reason: "no", remember: { milliseconds: 1 } } }],
    ["grants", "forget"],
    ["forget", ""],
    ["lock", false],
    ["openRun", run],
    ["openRun", { ...run, policy: "/home/me/policy.toml", upstream: "/run/agent.sock" }],
    ["open", { ...master, controlPath: "/home/me/.ssh/c" }],
    ["close", { host: "web1" }],
    ["adopt", { path: "/home/me/.ssh" }],
    ["ride", { destination: { host: "web1", user: "me", port: 22, jump: "a,b" }, purpose: command }],
    ["ride", { destination: { host: "web1" }, purpose: { forward: { kind: "stdio", connect: "db:5432" } } }],
    ["askpass", { text: "Password:", hint: "none", terminal: true }],
  ])("come as they were sent: %s %j", async (method, params) => {
    expect(await sent(method, params)).toEqual(params);
  });

  it.each<[string, Requests<FromClient>, unknown]>([
    ["what takes none gets some", "status", {}],
    ["another purpose", "pending", "forget"],
    ["no answer", "answer", { id: "abcdef" }],
    [
      "an answer with another decision",
      "answer",
      { id: "abcdef", answer: { decision: "yes", remember: "once" } },
    ],
    ["an approval of unsaid length", "answer", { id: "abcdef", answer: { decision: "allow" } }],
    [
      "an approval of another length",
      "answer",
      { id: "abcdef", answer: { decision: "allow", remember: "forever" } },
    ],
    [
      "an approval for less than no time",
      "answer",
      { id: "abcdef", answer: { decision: "allow", remember: { milliseconds: -1 } } },
    ],
    [
      "an approval for longer than numbers go",
      "answer",
      { id: "abcdef", answer: { decision: "allow", remember: { milliseconds: 1e300 } } },
    ],
    [
      "an approval for no number",
      "answer",
      { id: "abcdef", answer: { decision: "allow", remember: { milliseconds: null } } },
    ],
    ["a denial without words", "answer", { id: "abcdef", answer: { decision: "deny" } }],
    ["an id that is a list", "forget", [""]],
    ["a lock that is a text", "lock", "true"],
    ["a run without a name", "openRun", { ...run, name: undefined }],
    ["a run whose terminal is a text", "openRun", { ...run, terminal: "no" }],
    ["a policy that is relative to who knows what", "openRun", { ...run, policy: "policy.toml" }],
    ["a run with a field too many", "openRun", { ...run, pid: 1 }],
    ["options that are a text", "open", { ...master, options: "-v" }],
    ["options with a number", "open", { ...master, options: [1] }],
    ["a control path that is relative", "open", { ...master, controlPath: "c" }],
    ["no host", "close", {}],
    ["a folder that is relative", "adopt", { path: ".ssh" }],
    ["no destination", "ride", { purpose: command }],
    ["a port that is a text", "ride", { destination: { host: "web1", port: "22" }, purpose: command }],
    ["half a port", "ride", { destination: { host: "web1", port: 22.5 }, purpose: command }],
    ["options for ssh", "ride", { destination: { host: "web1", options: ["-A"] }, purpose: command }],
    ["a purpose with options", "ride", { destination: { host: "web1" }, purpose: { ...command, tty: true } }],
    [
      "another kind of forward",
      "ride",
      { destination: { host: "web1" }, purpose: { forward: { kind: "x11" } } },
    ],
    ["a question without text", "askpass", { terminal: true }],
    ["null", "askpass", null],
    ["a prototype", "askpass", JSON.parse('{"__proto__":{"text":"x","terminal":true}}')],
  ])("are refused, and not repeated: %s", async (_, method, params) => {
    await expect(sent(method, params)).rejects.toThrow(`what was sent with "${method}" is not understood`);
  });
});

describe("what a client answers", () => {
  const answered = async (method: Requests<FromGuard>, result: unknown): Promise<unknown> => {
    const { client, talk } = await served();
    const asked = ask(client, method, {} as never, new AbortController().signal);
    asked.catch(() => {});
    await talk(`${JSON.stringify({ id: 1, result })}\n{"id":1,"method":"status","params":null}\n`);
    return asked;
  };

  it("is an answer, or a prompt's text, or null for none", async () => {
    const answer = { decision: "allow", remember: "session" };
    expect(await answered("ask", answer)).toEqual(answer);
    expect(await answered("prompt", "secret")).toBe("secret");
    expect(await answered("prompt", null)).toBeNull();
  });

  it.each<[Requests<FromGuard>, unknown]>([
    ["ask", null],
    ["ask", true],
    ["ask", { decision: "allow" }],
    ["ask", { decision: "allow", remember: "forever" }],
    ["ask", { decision: "allow", remember: "once", also: "this" }],
    ["prompt", 1],
    ["prompt", ["secret"]],
  ])("is none: %s %j", async (method, result) => {
    await expect(answered(method, result)).rejects.toThrow("the client's answer is none");
  });
});

it("hangs up on a client that sends more than it may in all", async () => {
  const { client, talk } = await served(500);
  serve(client, "lock", () => ({ was: false, forgotten: 0, denied: 0 }));
  expect(await talk(`{"id":1,"method":"lock","params":true}\n${'{"cancel":9}\n'.repeat(50)}`)).toBe(
    "hung up",
  );
});

it("answers what a guard does not serve with an error", async () => {
  const { talk } = await served();
  expect(JSON.parse(await talk('{"id":1,"method":"lock","params":true}\n'))).toEqual({
    id: 1,
    error: { code: 2, message: "unknown method" },
  });
});
