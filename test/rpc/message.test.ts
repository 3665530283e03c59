import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeMessage, type Message, parseMessage } from "../../src/rpc/message.ts";

const messages: [string, Message, string][] = [
  [
    "a request",
    { kind: "request", id: 1, method: "lock", params: true },
    '{"id":1,"method":"lock","params":true}',
  ],
  [
    "a request without parameters",
    { kind: "request", id: 2, method: "status", params: null },
    '{"id":2,"method":"status","params":null}',
  ],
  ["an answer", { kind: "result", id: 1, result: { path: "/" } }, '{"id":1,"result":{"path":"/"}}'],
  [
    "an error",
    { kind: "error", id: 1, code: 78, message: "no" },
    '{"id":1,"error":{"code":78,"message":"no"}}',
  ],
  ["a cancellation", { kind: "cancel", id: 7 }, '{"cancel":7}'],
  [
    "a notification",
    { kind: "notification", method: "report", params: { line: "a\nb" } },
    '{"method":"report","params":{"line":"a\\nb"}}',
  ],
];

describe("a message", () => {
  it.each(messages)("is one line: %s", (_, message, line) => {
    expect(encodeMessage(message)).toBe(`${line}\n`);
    expect(parseMessage(line)).toEqual(message);
  });

  it("is one line whatever is in it, and comes back as it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.jsonValue(), (method, params) => {
        const line = encodeMessage({ kind: "request", id: 1, method, params });
        expect(line.indexOf("\n")).toBe(line.length - 1);
        expect(parseMessage(line)).toEqual({
          kind: "request",
          id: 1,
          method,
          params: JSON.parse(JSON.stringify(params)),
        });
      }),
    );
  });

  it.each<[string, string]>([
    ["nothing", ""],
    ["blanks", "   "],
    ["no JSON", "{x}"],
    ["half of an object", '{"id":1,"method":"lock"'],
    ["two objects", '{"cancel":1}{"cancel":2}'],
    ["NUL behind it", '{"cancel":1}\0'],
    ["NUL in a text", '{"id":1,"method":"lo\0ck","params":true}'],
    ["a byte order mark", '\ufeff{"cancel":1}'],
    ["the framing of before", "Content-Length: 12"],
    ["null", "null"],
    ["a number", "1"],
    ["a text", '"lock"'],
    ["a list", '[{"cancel":1}]'],
    ["an empty object", "{}"],
    ["a request without a name", '{"id":1,"params":true}'],
    ["a request without parameters", '{"id":1,"method":"lock"}'],
    ["a request whose name is a list", '{"id":1,"method":["lock"],"params":true}'],
    ["a request with a field too many", '{"id":1,"method":"lock","params":true,"jsonrpc":"2.0"}'],
    ["a number that is a text", '{"id":"1","method":"lock","params":true}'],
    ["a number below one", '{"id":0,"method":"lock","params":true}'],
    ["a negative number", '{"id":-1,"result":true}'],
    ["half a number", '{"id":1.5,"result":true}'],
    ["a number that no double holds", '{"id":9007199254740993,"result":true}'],
    ["a number that is null", '{"id":null,"result":true}'],
    ["a request that is its own answer", '{"id":1,"method":"lock","params":true,"result":true}'],
    ["an answer and an error", '{"id":1,"result":true,"error":{"code":1,"message":"no"}}'],
    ["an error that is a text", '{"id":1,"error":"no"}'],
    ["an error that is null", '{"id":1,"error":null}'],
    ["an error without words", '{"id":1,"error":{"code":1}}'],
    ["an error whose code is a text", '{"id":1,"error":{"code":"1","message":"no"}}'],
    ["a cancellation of nothing", '{"cancel":null}'],
    ["a cancellation with a name", '{"cancel":1,"method":"lock"}'],
    ["the names of several fields in one", '{"id,method,params":1}'],
    ["a prototype", '{"__proto__":{"id":1,"method":"lock","params":true}}'],
  ])("is not: %s", (_, line) => {
    expect(() => parseMessage(line)).toThrow("a line that is no message");
  });

  it("may be as deep as a line is long", () => {
    const deep = `${"[".repeat(500_000)}${"]".repeat(500_000)}`;
    expect(parseMessage(`{"id":1,"method":"lock","params":${deep}}`)).toMatchObject({ method: "lock" });
  });
});
