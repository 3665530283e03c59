/** What of a confined run is done while its guard is being opened: nothing of it needs an answer of the guard. */
import { readdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { attempt } from "../../attempt.ts";
import { makeFolders } from "../../platform/files/private-folder.ts";
import type { RunSettings } from "../../policy/run-settings.ts";
import { type Files, remembered, systemFiles } from "../../runs/confined/files.ts";
import { makeAbsent, removeMade } from "../../runs/confined/start-up.ts";
import { makeAbsentFolders, removeMadeFolders } from "../../runs/confined/start-up-folders.ts";
import { isRunFolder } from "../../runs/folders.ts";
import type { Paths } from "../../settings/paths.ts";
import { planRun } from "./confined-facts.ts";

/** In the folder of a confined run. */
const CONFINED = "confined";

export class Ahead {
  readonly #paths: Paths;
  readonly #settings: RunSettings;
  #folder: string | undefined;
  #seen: Files | undefined;

  constructor(paths: Paths, settings: RunSettings) {
    this.#paths = paths;
    this.#settings = settings;
  }

  /** @param folder the run's. A second one takes the place of the first, where the daemon refused the run */
  begin(folder: string): void {
    this.#folder = folder;
    writeFileSync(join(folder, CONFINED), "");
    const { config } = this.#paths;
    makeFolders(config); // or the run could make it, with a policy in it
    makeAbsent(homedir());
    makeAbsentFolders(homedir(), dirname(config));
    this.#seen = remembered(systemFiles);
    this.#look(folder, this.#seen);
  }

  /** Most of what a plan looks at, which is then known. */
  #look(folder: string, files: Files): void {
    const socket = join(folder, "agent.sock");
    const opened = { folder, agentSocket: socket, askpassSocket: socket, agents: [] };
    attempt(() => planRun({ opened, paths: this.#paths, settings: this.#settings }, files));
  }

  /** For one plan: the next has to look again. */
  takeSeen(): Files {
    const seen = this.#seen ?? remembered(systemFiles);
    this.#seen = undefined;
    return seen;
  }

  /** Removes what was made, when the last confined run has ended. Nothing the second time. */
  close(): void {
    const { runtime, config } = this.#paths;
    const own = this.#folder;
    this.#folder = undefined;
    if (own === undefined) return;
    const names = readdirSync(runtime).filter(isRunFolder);
    const others = names.map((name) => join(runtime, name)).filter((one) => one !== own);
    const isHeld = others.some((folder) => attempt(() => readdirSync(folder))?.includes(CONFINED));
    if (isHeld) return;
    removeMade(homedir());
    removeMadeFolders(homedir(), dirname(config));
  }
}
