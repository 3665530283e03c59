/** What the guard does with sockets in a watched folder that are no master's: real folders and sockets. */
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Adoption } from "../../src/masters/adoption.ts";
import { Ending } from "../../src/masters/ending.ts";
import { HiddenNames } from "../../src/masters/hidden-names.ts";
import { type Book, MasterRegistry } from "../../src/masters/registry.ts";
import { makeFolder } from "../support/agents.ts";
import { startListener } from "../support/listener-process.ts";
import { eventually } from "../support/mux-guard.ts";
import { OwnListeners } from "../support/own-listeners.ts";

const book: Book = { add() {}, addPath() {}, removePath() {}, move() {}, remove() {} };

let root: string;
let folder: string;
let told: string[];
let adoption: Adoption;

beforeEach(() => {
  root = makeFolder();
  folder = join(root, "sockets");
  told = [];
  const registry = new MasterRegistry(book);
  adoption = new Adoption({
    registry,
    ending: new Ending(registry, () => 0),
    serve: (socket) => socket.destroy(),
    originOf: (pid) => ({ maker: { pid, startTime: "1" }, origin: { plain: true }, since: 0 }),
    identify: (pid) => ({ pid, startTime: "1" }),
    runAround: () => undefined,
    whereabouts: async () => ({ path: [], forwarded: false }),
    report: (line) => void told.push(line),
  });
});

afterEach(() => adoption.close());

const leftAlone = (name: string): RegExp =>
  new RegExp(`^muxguard: ${join(folder, name)} is left alone: .* is not ssh$`);

describe("a socket at which no ssh listens", () => {
  it("is left alone and told of once, however often the folder changes", async () => {
    await adoption.watch(folder);
    const place = await startListener(join(root, "elsewhere"));
    place.moveTo(join(folder, "one"));
    await eventually(() => told.length === 1);
    expect(told[0]).toMatch(leftAlone("one"));
    chmodSync(join(folder, "one"), 0o700);
    place.moveTo(join(folder, "other"));
    await eventually(() => told.length === 2);
    expect(told[1]).toMatch(leftAlone("other"));
  });

  it("is told of again when another one has come to its place", async () => {
    await adoption.watch(folder);
    (await startListener(join(root, "first"))).moveTo(join(folder, "one"));
    await eventually(() => told.length === 1);
    rmSync(join(folder, "one"));
    (await startListener(join(root, "second"))).moveTo(join(folder, "one"));
    await eventually(() => told.length === 2);
    expect(told[1]).toMatch(leftAlone("one"));
  });

  it("is found in a folder that was made anew", async () => {
    await adoption.watch(folder);
    rmSync(folder, { recursive: true });
    mkdirSync(folder, { mode: 0o700 });
    (await startListener(join(root, "elsewhere"))).moveTo(join(folder, "one"));
    await eventually(() => told.length > 0);
    expect(told).toEqual([expect.stringMatching(leftAlone("one"))]);
  });

  it("is looked at again once the folder belongs to its owner alone", async () => {
    mkdirSync(folder, { mode: 0o700 });
    chmodSync(folder, 0o777);
    (await startListener(join(root, "elsewhere"))).moveTo(join(folder, "one"));
    await adoption.watch(folder);
    expect(told).toEqual([`muxguard: others may write to ${folder}; chmod 700 ${folder}`]);
    chmodSync(folder, 0o700);
    await eventually(() => told.length === 2);
    expect(told[1]).toMatch(leftAlone("one"));
  });
});

describe("what is no socket", () => {
  it("is passed over in silence, and so is a socket that nobody listens at", async () => {
    mkdirSync(join(folder, "folder"), { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    writeFileSync(join(folder, "file"), "");
    const gone = await startListener(join(root, "gone"));
    gone.moveTo(join(folder, "gone"));
    await gone.end();
    await adoption.watch(folder);
    for (const name of ["file", "folder", "gone", "none"])
      expect(await adoption.adopt(join(folder, name))).toBe("nobody listens there");
    expect(told).toEqual([]);
  });

  it("a folder that can't be made is told of", async () => {
    writeFileSync(join(root, "file"), "");
    await adoption.watch(join(root, "file", "sockets"));
    expect(told).toEqual([expect.stringMatching(/^muxguard: E(?:NOTDIR|EXIST): /)]);
  });
});

describe("hidden names that a guard has left", () => {
  const own = new OwnListeners();
  afterEach(() => own.close());

  beforeEach(() => mkdirSync(join(folder, ".muxguard"), { recursive: true, mode: 0o700 }));
  const hidden = (): string => join(folder, ".muxguard", "abc123.prod");
  const names = new HiddenNames((line) => void told.push(line));

  it("are left where the place is free, or its listener is dead", async () => {
    await own.listen(hidden());
    const dead = await startListener(join(root, "dead"));
    dead.moveTo(join(folder, "prod"));
    await dead.end();
    expect(names.leftIn(folder)).toEqual([hidden()]);
    expect(await adoption.adopt(join(folder, "prod"), "any", hidden())).toBe(
      "the guard listens there already",
    ); // this process
    expect(told).toEqual([]);
  });

  it("stay where somebody else listens, who is told of", async () => {
    await own.listen(hidden());
    await own.listen(join(folder, "prod"));
    expect(names.leftIn(folder)).toEqual([]);
    expect(told).toEqual([
      `muxguard: ${join(folder, "prod")} has a new master; the one from before is at ${hidden()}`,
    ]);
  });

  it("are removed where nobody listens any more, and left alone where they are this guard's", async () => {
    await own.listen(join(root, "elsewhere"));
    renameSync(join(root, "elsewhere"), hidden());
    names.add(hidden());
    expect(names.leftIn(folder)).toEqual([]);
    expect(await adoption.adopt(join(folder, "prod"))).toBe("nobody listens there");
    const gone = await startListener(join(root, "gone"));
    gone.moveTo(join(folder, ".muxguard", "def456.test"));
    await gone.end();
    expect(names.leftIn(folder)).toEqual([]);
    expect(await adoption.adopt(join(folder, ".muxguard", "def456.test"))).toBe("nobody listens there");
    expect(told).toEqual([]);
  });
});
