/** Which paths lead to a socket of the guard's: real folders, links and sockets. */
import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Targets } from "../../src/masters/own-places.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "mg-")));
const at = (name: string): string => join(root, name);
const targets = new Targets({ folders: () => [at("guard")], sockets: () => [at("masters/prod")] });
const servers: Server[] = [];

async function listen(name: string): Promise<void> {
  const server = createServer().listen(at(name));
  servers.push(server);
  await new Promise((resolve) => server.once("listening", resolve));
}

beforeAll(async () => {
  for (const folder of ["guard/run-7", "masters", "other"]) mkdirSync(at(folder), { recursive: true });
  for (const name of ["guard/agent.sock", "guard/run-7/daemon.sock", "masters/prod", "other/db"])
    await listen(name);
  linkSync(at("guard/run-7/daemon.sock"), at("other/hard"));
  linkSync(at("masters/prod"), at("other/hard-prod"));
  symlinkSync(at("guard/agent.sock"), at("other/innocent"));
  symlinkSync("innocent", at("other/link-to-link"));
  symlinkSync(at("guard"), at("other/folder"));
  symlinkSync("../guard/not-yet.sock", at("other/dangling"));
  symlinkSync(at("other/db"), at("other/db-link"));
  symlinkSync("loop", at("other/loop"));
  symlinkSync("/proc/self/cwd", at("other/to-proc"));
  symlinkSync(`${relative(at("other"), "/proc")}/self/cwd`, at("other/relative-to-proc"));
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(root, { recursive: true });
});

it.each([
  "guard/agent.sock",
  "guard/run-7/daemon.sock",
  "guard/what-may-come",
  "guard/run-7/a/b",
  "masters/prod",
  "other/innocent",
  "other/link-to-link",
  "other/folder/run-7/daemon.sock",
  "other/folder/none",
  "other/../guard/agent.sock",
  "other/dangling",
  "other/hard",
  "other/hard-prod",
])("is one of the guard's own, however it is spelled: %s", async (name) => {
  const found = { refused: expect.stringContaining("muxguard itself"), isOwn: true };
  expect(await targets.find(`${root}/${name}`, undefined)).toEqual(found);
  expect(await targets.find(`./${name}`, root)).toEqual(found);
});

it("is none elsewhere, and says where a link leads", async () => {
  expect(await targets.find(at("other/db"), undefined)).toEqual({ path: at("other/db") });
  expect(await targets.find(at("other/db-link"), undefined)).toEqual({ path: at("other/db") });
  expect(await targets.find(at("other/none"), undefined)).toEqual({ path: at("other/none") });
});

it.each([
  ["/proc/self/cwd/other/db"],
  [join("/proc/thread-self", "root", "run/db")],
  [join(`/proc/${process.pid}`, "root", "run/db")],
  ["/dev/fd/3"],
  [at("other/to-proc/db")],
  [at("other/relative-to-proc")],
])("is refused where the way leads through /proc, which is the master's own: %s", async (path) => {
  const refused = expect.stringContaining("leads through /proc");
  expect(await targets.find(path, undefined)).toEqual({ refused, isOwn: true });
});

it("is refused for a way up from what is not there: it may be a link by then", async () => {
  expect(await targets.find(`${root}/none/../guard/agent.sock`, undefined)).toHaveProperty("refused");
});

it("lets one look that hangs hold up no other, and has no more than two hang", async () => {
  const hung: (() => void)[] = [];
  const follow = (path: string): Promise<string> =>
    path.startsWith("/hung")
      ? new Promise((resolve) => hung.push(() => resolve(path)))
      : Promise.resolve(path);
  const places = new Targets({ folders: () => [], sockets: () => [] }, { limit: 50, follow });
  const none = { refused: "the path gives no answer" };
  expect(await places.find("/hung/a", undefined)).toEqual(none);
  expect(await places.find("/db", undefined)).toEqual({ path: "/db" });
  const all = ["/hung/b", "/hung/c", "/db"].map((path) => places.find(path, undefined));
  expect(await Promise.all(all)).toEqual([none, none, none]);
  expect(hung).toHaveLength(2);
  for (const answer of hung) answer();
  await Promise.resolve();
  expect(await places.find("/db", undefined)).toEqual({ path: "/db" });
});

it("is refused where nobody can say: no folder to begin at, and links in a circle", async () => {
  expect(await targets.find("./db", undefined)).toHaveProperty("refused");
  expect(await targets.find(at("other/loop"), undefined)).toHaveProperty("refused");
});
