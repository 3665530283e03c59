import { expect, it } from "vitest";
import { AliasIndex } from "../../../src/identity/ssh-config/aliases.ts";

const at = (name: string, port = 22) => ({ name, port });

function makeIndex(): AliasIndex {
  const index = new AliasIndex();
  index.add({ name: "web1", lookups: [at("10.9.9.9"), at("10.0.0.5", 2222)] });
  index.add({ name: "db", lookups: [at("10.0.0.5", 2222)] });
  return index;
}

it("tells an alias that leads there in any case from one that may", () => {
  const index = makeIndex();
  expect(index.leadingTo([at("10.0.0.5", 2222)])).toMatchObject([{ name: "db" }]);
  expect(index.maybeLeadingTo([at("10.0.0.5", 2222)])?.names).toEqual(["web1"]);
  expect(index.leadingTo([at("10.0.0.5", 2222), at("10.9.9.9")]).map(({ name }) => name)).toEqual([
    "web1",
    "db",
  ]);
  expect(index.maybeLeadingTo([at("10.0.0.5", 2222), at("10.9.9.9")])).toBeUndefined();
  expect(index.maybeLeadingTo([at("10.0.0.5")])).toBeUndefined();
});

it("takes one of which nobody can tell anything for one that may lead anywhere", () => {
  const index = makeIndex();
  index.addOpen("nas");
  expect(index.maybeLeadingTo([at("elsewhere")])?.names).toEqual(["nas"]);
  expect(index.maybeLeadingTo([])?.names).toEqual(["nas"]);
});

it("gives these names to no log and no other program", () => {
  const maybe = makeIndex().maybeLeadingTo([at("10.9.9.9")]);
  expect(JSON.stringify({ names: ["host"], maybe })).toBe('{"names":["host"]}');
});
