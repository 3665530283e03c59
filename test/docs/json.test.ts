/** docs/json.md has each command that prints data; what they print is held against it in test/peer/docs. */
import type { Command } from "commander";
import { expect, it } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import { commandTree } from "../../src/cli/reference/tree.ts";
import { documented, undocumented, unseen } from "./json-schema.ts";

function withJson(command: Command, path: string[]): string[] {
  const own = command.options.some(({ long }) => long === "--json") ? [path.join(" ")] : [];
  return [...own, ...command.commands.flatMap((one) => withJson(one, [...path, one.name()]))];
}

const printing = commandTree(commands).commands.flatMap((one) => withJson(one, [one.name()]));

it("is asked about commands", () => {
  expect(printing).toEqual(expect.arrayContaining(["status", "pending", "policy explain", "log verify"]));
});

it.each(printing)("has a heading for %s", (command) => {
  expect(() => documented(command)).not.toThrow();
});

it.each<[string, object, string[]]>([
  ["a field", { topic: "agent", hint: "x" }, ["hint: text"]],
  ["a type", { topic: 1 }, ["topic: number"]],
  ["what is in a list", { masters: [{ path: "/a", kind: "x" }] }, ["masters[].kind: text"]],
  ["a list", { topic: ["x"] }, ["topic[]: text"]],
  [
    "what a link leads to",
    { request: { kind: "sign", destination: { name: "x" } } },
    ["request.destination.name: text"],
  ],
])("would be found to lack %s", (_, value, lacking) => {
  const heading = "request" in value ? "pending" : "masters" in value ? "status" : "doctor";
  expect(undocumented(value, heading)).toEqual(lacking);
});

it("would be found to have what is not printed", () => {
  expect(unseen([{ topic: "agent", level: "note", what: "x" }, { mend: "y" }], "doctor")).toEqual(["docs"]);
});
