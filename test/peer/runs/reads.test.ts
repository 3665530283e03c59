/** What is read for a plain run: the rest of the program may be anything. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packPath } from "../../../src/start.ts";

const dist = join(process.cwd(), "dist");

describe("what a start reads", () => {
  let home: string;
  let program: string;
  let environment: NodeJS.ProcessEnv;

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "mg-reads-"));
    for (const name of ["run", "state", "config"]) mkdirSync(join(home, name), { mode: 0o700 });
    for (const name of ["bin", "dist", "package.json"])
      cpSync(join(dist, "..", name), join(home, name), { recursive: true });
    symlinkSync(join(dist, "../node_modules"), join(home, "node_modules"));
    environment = {
      PATH: process.env.PATH,
      HOME: home,
      XDG_RUNTIME_DIR: join(home, "run"),
      XDG_STATE_HOME: join(home, "state"),
      XDG_CONFIG_HOME: join(home, "config"),
    };
    program = join(home, "bin/muxguard");
  });
  afterAll(() => rmSync(home, { recursive: true }));

  const muxguard = (...words: string[]) =>
    spawnSync(process.execPath, [program, ...words], { env: environment, encoding: "utf8" });

  it("is two packs for a plain run with a guard of its own", () => {
    for (const number of [2, 3]) writeFileSync(packPath(join(home, "dist"), "muxguard", number), "not this");
    expect(muxguard("run", "--", "echo", "done")).toMatchObject({ status: 0, stdout: "done\n", stderr: "" });
    expect(muxguard("run", "--scope", "x", "--", "true").stderr).toContain("Unexpected token 'this'");
  });
});
