/** A mount over the folder of the settings: inotify does not tell of it. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";
import { bundled } from "../../support/bundled.ts";
import { describeWith } from "../tools.ts";

const module = bundled("src/platform/files/untouched-files.ts");

const SCRIPT = `
  const { execFileSync } = await import("node:child_process");
  const [url, folder] = process.argv.slice(1);
  const { UntouchedFiles } = await import(url);
  const files = new UntouchedFiles(() => [folder + "/config/policy.toml"]);
  files.watch(() => true);
  const told = [files.areUntouched()];
  const [what, ...words] = process.argv.slice(3);
  execFileSync(what, words);
  told.push(files.areUntouched());
  console.log(JSON.stringify(told));
  process.exit();
`;

describeWith(["userns"], "files that are watched", () => {
  it.each([
    ["another folder is mounted over theirs", "config"],
    ["another file is mounted over one", "config/policy.toml"],
    ["something is mounted over a folder on the way", "."],
  ])("are looked at when %s", async (_, over) => {
    const lab = new Lab();
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "mg-")));
    for (const name of ["config", "other", "other/config"]) mkdirSync(join(folder, name));
    for (const name of ["config/policy.toml", "other/policy.toml"]) writeFileSync(join(folder, name), "");
    const from = over.endsWith("toml") ? "other/policy.toml" : "other";
    const mount = ["mount", "--bind", join(folder, from), join(folder, over)];
    const node = [process.execPath, "--input-type=module", "-e", SCRIPT, module, folder, ...mount];
    const ran = await lab.run("unshare", ["-Urm", ...node]);
    expect(ran).toMatchObject({ code: 0, stdout: "[true,false]\n" });
    rmSync(folder, { recursive: true });
    await lab.close();
  });
});
