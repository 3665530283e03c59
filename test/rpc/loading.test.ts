/** What ssh, askpass and runs wait for must be loaded fast: zod takes longer than all the rest of them. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

/** The packages that a file loads before its first line runs, through whatever files. */
function packagesOf(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const imports = /^(?:import|export) (?!type )(?:[^;"]*? from )?"([^"]+)";/gm;
  const names = [...readFileSync(file, "utf8").matchAll(imports)].map(([, name = ""]) => name);
  return names.flatMap((name) =>
    name.startsWith(".")
      ? packagesOf(join(dirname(file), name), seen)
      : name.startsWith("node:")
        ? []
        : [name],
  );
}

it("sees what is loaded", () => {
  expect(packagesOf(join(ROOT, "src/rpc/serving.ts"))).toContain("zod/mini");
});

it.each([
  "src/runs/ride/main.ts",
  "src/cli/run/run.ts",
  "src/cli/run/daemon-run.ts",
  "src/cli/guards/guard-connection.ts",
  "src/cli/guards/lent-terminal.ts",
  "askpass/main.ts",
  "askpass/ask-guard.ts",
  "askpass/own-terminal.ts",
])("%s loads no schema", (file) => {
  expect(packagesOf(join(ROOT, file)).filter((name) => /^(?:zod|valibot)/.test(name))).toEqual([]);
});

it("a ride's ssh loads no package at all", () => {
  expect(packagesOf(join(ROOT, "src/runs/ride/main.ts"))).toEqual([]);
});
