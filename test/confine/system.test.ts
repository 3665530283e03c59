/** Ways by the system below, and by what whoever starts the run has left open. */
import { accessSync, constants, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, beforeAll } from "vitest";
import { PYTHON } from "../../lab/programs.ts";
import { attempt } from "../../src/attempt.ts";
import { describeWith } from "../peer/tools.ts";
import { inProject, tryAll } from "./attack-table.ts";
import { ConfineLab } from "./confine-lab.ts";

/** Starts the rest with a folder and a connection to an agent, both open. */
const LEAVES_OPEN = `
import os, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[2])
os.dup2(link.fileno(), 108)
os.dup2(os.open(sys.argv[1], os.O_RDONLY), 7)
os.dup2(108, 8)
os.execv(sys.argv[3], sys.argv[3:])
`;

const isRoot = userInfo().uid === 0;
const may = (path: string): boolean =>
  isRoot && attempt(() => accessSync(path, constants.W_OK) ?? true) === true;

describeWith(["python", "ssh", "bwrap"], "a confined run is no way into the system:", () => {
  const lab = new ConfineLab();
  beforeAll(async () => {
    await lab.withAgent();
    writeFileSync(lab.path("note"), "of the folder");
  });
  afterAll(() => lab.close());

  tryAll("system", {
    lab,
    facts: () => ({ mayTune: may("/proc/sys/kernel/core_pattern"), mayLeaveCgroup: may("/sys/fs/cgroup") }),
    start: async (words, environment) => {
      const leaving = [PYTHON, "-c", LEAVES_OPEN, lab.folder, lab.agent, ...words];
      return (await lab.run(...inProject(lab, leaving), { environment })).stdout;
    },
  });
});
