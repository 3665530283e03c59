import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { askGuard } from "../../askpass/ask-guard.ts";
import { makeFolder } from "../support/agents.ts";

const question = { text: "Allow multiplex proxy connection?", hint: "confirm", terminal: false };
const line = (message: object): string => `${JSON.stringify(message)}\n`;

/** Listens as a guard would. @param reply once the question has come; what it was is returned by `asked` */
async function guard(reply: (socket: Socket) => void): Promise<{ path: string; asked: () => string }> {
  const path = join(makeFolder(), "s");
  let asked = "";
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      asked += bytes;
      if (asked.endsWith("\n")) reply(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return { path, asked: () => asked };
}

const chunks: [string, (text: string) => Buffer[]][] = [
  ["in one piece", (text) => [Buffer.from(text)]],
  ["one byte at a time", (text) => [...Buffer.from(text)].map((byte) => Buffer.of(byte))],
];

describe.each(chunks)("what a guard says, %s", (_, cut) => {
  const saying = (text: string) =>
    guard(async (socket) => {
      for (const piece of cut(text)) await new Promise<void>((sent) => socket.write(piece, () => sent()));
    });

  it("is the answer to the question, which it got whole", async () => {
    const { path, asked } = await saying(line({ id: 1, result: { answer: "yes" } }));
    expect(await askGuard(path, question)).toEqual({ answer: "yes" });
    expect(asked()).toBe(line({ id: 1, method: "askpass", params: question }));
  });

  it("may come behind other messages", async () => {
    const other = line({ method: "report", params: { line: "…" } });
    const { path } = await saying(`${other}${line({ id: 1, result: { denied: "no" } })}`);
    expect(await askGuard(path, question)).toEqual({ denied: "no" });
  });

  it("may be a refusal", async () => {
    const { path } = await saying(line({ id: 1, error: { code: 1, message: "not for you" } }));
    await expect(askGuard(path, question)).rejects.toThrow("not for you");
  });

  it("is an error if it is no JSON", async () => {
    const { path } = await saying("{x}\n");
    await expect(askGuard(path, question)).rejects.toThrow("a line that is no message");
  });

  it.each<[string, unknown]>([
    ["nothing", null],
    ["a yes", true],
    ["a text", "yes"],
    ["another kind of answer", { here: "confirm" }],
    ["an answer that is no text", { answer: ["yes"] }],
    ["a denial that is no text", { denied: true }],
  ])("is an error if it is no answer: %s", async (_, result) => {
    const { path } = await saying(line({ id: 1, result }));
    await expect(askGuard(path, question)).rejects.toThrow("the guard's answer is not understood");
  });
});

it("is undefined where nobody listens", async () => {
  expect(await askGuard(join(makeFolder(), "none"), question)).toBeUndefined();
});

it("is an error if the guard ends without an answer, or never stops", async () => {
  const { path } = await guard((socket) => socket.end());
  await expect(askGuard(path, question)).rejects.toThrow("the guard has ended");
  const endless = await guard((socket) => void socket.write("x".repeat(2 ** 21)));
  await expect(askGuard(endless.path, question)).rejects.toThrow("it sent more than 1048576 bytes");
  const chatty = await guard(
    (socket) => void socket.write(line({ method: "report", params: {} }).repeat(2 ** 16)),
  );
  await expect(askGuard(chatty.path, question)).rejects.toThrow("it sent more than 1048576 bytes");
});
