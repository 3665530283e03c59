import { expect, it } from "vitest";
import { orderNames } from "../../../src/identity/hosts/name-order.ts";

const at = (name: string, port = 22) => ({ name, port });
const web = { name: "web1", lookups: [at("10.0.0.7", 2222)] };
const git = { name: "git.lab", lookups: [at("10.0.0.7", 2222)] };
const proven = [at("10.0.0.7", 2222)];

it.each([
  ["git.lab", ["git.lab", "web1", "10.0.0.7"]],
  ["10.0.0.7", ["web1", "git.lab", "10.0.0.7"]],
])("says the alias first, the typed one before others: %s", (typed, names) => {
  const named = orderNames({ proven, aliases: [web, git], claimed: at("10.0.0.7", 2222), typed });
  expect(named).toEqual({ names, address: "10.0.0.7", port: 2222 });
});

it("does not say first what only fits a pattern", () => {
  const claimed = at("10.0.0.7", 2222);
  const named = orderNames({ proven, aliases: [web], claimed, typed: "harmless", leadsThere: true });
  expect(named.names).toEqual(["web1", "harmless", "10.0.0.7"]);
});

it("has no name that was typed with a port of its own", () => {
  const claimed = at("10.0.0.7", 2222);
  const named = orderNames({ proven, aliases: [], claimed, typed: "prod", leadsThere: false });
  expect(named).toEqual({ names: ["10.0.0.7"], port: 2222 });
});

it("has all ports, and the one of the first name", () => {
  const all = [at("host"), at("host", 2222)];
  expect(orderNames({ proven: all, aliases: [] })).toEqual({ names: ["host"], ports: [22, 2222] });
  expect(orderNames({ proven: all, aliases: [], claimed: at("host", 2222), typed: "host" })).toMatchObject({
    port: 2222,
    ports: [22, 2222],
  });
});
