/**
 * What no linter here looks at: how long files and lines are, and how many files a folder has. Who may import
 * whom is in .dependency-cruiser.mjs, and how long a function may be in biome.json.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const MAX_LINES = 300;
const MAX_COLUMNS = 120;
const MAX_FILES = 16;

const root = join(import.meta.dirname, "..");
const files = ["src", "askpass", "lab"].filter((folder) => existsSync(join(root, folder))).flatMap(sourcesOf);
const linesOf = (file: string): string[] => readFileSync(join(root, file), "utf8").trimEnd().split("\n");

function sourcesOf(folder: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(".ts")).map((name) => join(folder, name));
}

test("a file fits in one reading", () => {
  expect(files.filter((file) => linesOf(file).length > MAX_LINES)).toEqual([]);
});

test("a line fits on a screen", () => {
  const tooLong = (file: string): string[] =>
    linesOf(file).flatMap((line, at) => (line.length > MAX_COLUMNS ? [`${file}:${at + 1}`] : []));
  expect(files.flatMap(tooLong)).toEqual([]);
});

test("a folder is one concern, which few files have room for", () => {
  const counts = new Map<string, number>();
  for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  expect([...counts].filter(([, count]) => count > MAX_FILES)).toEqual([]);
});
