/** A log on its way to the stream of all: each line once, whatever the user does with the file. */
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CHAIN_START, type ChainEnd, follow, linked } from "../../src/audit/chain.ts";
import { LogFiles } from "../../src/fleet/log/files.ts";
import { keepPlace, type Place, readPlace } from "../../src/fleet/log/place.ts";

let folder = "";
let log = "";
let files: LogFiles;
let end: ChainEnd = CHAIN_START;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mg-log-files-"));
  log = join(folder, "log.jsonl");
  files = new LogFiles(log);
  end = CHAIN_START;
});
afterEach(() => {
  files.close();
  rmSync(folder, { recursive: true });
});

function write(id: string): void {
  const line = linked(JSON.stringify({ time: "2026-11-29T22:00:00.000Z", id }), end);
  end = follow(end, Buffer.from(line));
  appendFileSync(log, `${line}\n`, { mode: 0o600 });
}

/** @returns the ids behind a place, and the place behind them */
function read(from: Place, by = files): [ids: string[], place: Place] {
  let place = from;
  const ids: string[] = [];
  for (const line of by.behind(from)) {
    ids.push(JSON.parse(line.bytes.toString()).id);
    place = line.place;
  }
  return [ids, place];
}

it("begins behind what is there when a machine joins", () => {
  write("a");
  const start = files.end();
  write("b");
  expect(read(start)[0]).toEqual(["b"]);
});

it("begins with the first entry where there was no file yet", () => {
  const start = files.end();
  write("a");
  expect(read(start)[0]).toEqual(["a"]);
});

it("leaves a line alone until it has its end", () => {
  write("a");
  const start = files.end();
  appendFileSync(log, '{"time":');
  expect(read(start)[0]).toEqual([]);
});

it("goes on in the files that came after, in their order, although none was open", () => {
  write("a");
  const [, place] = read(files.end());
  files.close();
  write("b");
  renameSync(log, `${log}.2`);
  write("c");
  renameSync(log, `${log}.1`);
  write("d");
  expect(read(place)[0]).toEqual(["b", "c", "d"]);
});

it("reads a file that was removed to its end, where it is held", () => {
  write("a");
  const start = files.end();
  write("b");
  rmSync(log);
  write("c");
  expect(read(start)[0]).toEqual(["b", "c"]);
});

it("begins anew where the file was emptied, or another one has its number", () => {
  for (const id of ["a", "b", "c"]) write(id);
  const place = files.end();
  truncateSync(log);
  write("d");
  const [ids, next] = read(place);
  expect(ids).toEqual(["d"]);
  // as long as before, and more
  writeFileSync(log, readFileSync(log, "utf8").replace('"d"', '"x"'));
  for (const id of ["e", "f"]) write(id);
  expect(read(next)[0]).toEqual(["x", "e", "f"]);
});

it("keeps the place, and takes no other file for one", () => {
  const path = join(folder, "place.json");
  write("a");
  const place = files.end();
  keepPlace(path, place);
  expect(readPlace(path)).toEqual(place);
  writeFileSync(path, "{}");
  expect(readPlace(path)).toBeUndefined();
});
