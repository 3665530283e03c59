/** Files that programs outside of the run obey. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { MUXGUARD } from "../../lab/lab.ts";
import { describeWith } from "../peer/tools.ts";
import { tryAll } from "./attack-table.ts";
import { ConfineLab } from "./confine-lab.ts";

describeWith(["ssh", "python", "bwrap"], "a confined run changes nothing that others obey:", () => {
  const lab = new ConfineLab();
  const onPath = join(lab.home, "tools");

  beforeAll(async () => {
    await lab.withAgent();
    mkdirSync(onPath);
    lab.environment.PATH = `${lab.environment.PATH}:${onPath}`;
    for (const name of ["git", "environment.d", "muxguard/policy.d"])
      mkdirSync(lab.path(`config/${name}`), { recursive: true, mode: 0o700 });
    mkdirSync(join(lab.home, ".local/share/dbus-1/services"), { recursive: true });
    writeFileSync(lab.logFile, "{}\n", { mode: 0o600 });
  });
  afterAll(() => lab.close());

  tryAll("files", { lab, facts: () => ({ onPath, log: lab.logFile, muxguard: MUXGUARD }) });
});
