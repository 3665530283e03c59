/** Over which hosts ssh goes, as its configuration says. */
import { expect, it } from "vitest";
import type { SshConfig } from "../../../src/identity/ssh/config.ts";
import { jumpHosts } from "../../../src/masters/open/hops.ts";

const base = { userKnownHostsFiles: [], globalKnownHostsFiles: [], strictHostKeyChecking: "ask", user: "me" };
const config = (hostname: string, proxyJump?: string): SshConfig => ({
  ...base,
  hostname,
  port: 22,
  ...(proxyJump !== undefined && { proxyJump }),
});

/** What a host jumps over by its own configuration; `-J` of a jump host wins over that. */
function hopsOf(proxyJump: string | undefined, own: Record<string, string> = {}): Promise<unknown[]> {
  const found = jumpHosts({ host: "prod" }, config("prod.internal", proxyJump), async ({ host, jump }) =>
    config(`${host}.internal`, jump ?? own[host]),
  );
  return found.then((hops) => hops.map(({ destination, next }) => [destination.host, next]));
}

it("is nobody without one, and with the word none", async () => {
  expect(await hopsOf(undefined)).toEqual([]);
  expect(await hopsOf("none")).toEqual([]);
});

it("is each of a list, the nearest first", async () => {
  const hops = [
    ["a", "b.internal:22"],
    ["b", "prod.internal:22"],
  ];
  expect(await hopsOf("a,b")).toEqual(hops);
  expect(await hopsOf("me@a:2222,b")).toEqual(hops);
});

it("is those too that a jump host has by its own configuration", async () => {
  expect(await hopsOf("b", { b: "a" })).toEqual([
    ["a", "b.internal:22"],
    ["b", "prod.internal:22"],
  ]);
  expect(await hopsOf("a,b", { b: "x", a: "z" })).toEqual([
    ["z", "a.internal:22"],
    ["a", "b.internal:22"],
    ["b", "prod.internal:22"],
  ]);
});

it("is refused where it never ends, or can't be read: a hop would go undecided", async () => {
  await expect(hopsOf("a", { a: "a" })).rejects.toThrow("too many jump hosts");
  await expect(hopsOf("%r@gate;x")).rejects.toThrow("can't be read");
});
