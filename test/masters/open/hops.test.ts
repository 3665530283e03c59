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

it("is up to sixteen, in a list or one behind another, and no more", async () => {
  const names = Array.from({ length: 17 }, (_, at) => `h${at}`);
  const own = Object.fromEntries(names.slice(1).map((name, at) => [name, `h${at}`]));
  for (const [of16, of17, more] of [
    [names.slice(0, 16).join(","), names.join(","), {}],
    ["h15", "h16", own],
  ] as const) {
    expect((await hopsOf(of16, more)).map((hop) => (hop as string[])[0])).toEqual(names.slice(0, 16));
    await expect(hopsOf(of17, more)).rejects.toThrow("too many jump hosts");
  }
});

it("is refused where it never ends, or can't be read: a hop would go undecided", async () => {
  await expect(hopsOf("a", { a: "a" })).rejects.toThrow("too many jump hosts");
  await expect(hopsOf("%r@gate;x")).rejects.toThrow("can't be read");
});
