/** A laboratory for `muxguard run --confine`, with a home of its own: start-up files are made there. */
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { mkdirSync } from "node:fs";
import { OpenLab } from "./open-lab.ts";
import type { Result } from "./processes.ts";
import { MUXGUARD } from "./programs.ts";

export class ConfinedLab extends OpenLab {
  readonly home = this.path("home");

  constructor(options?: { hasDaemon?: boolean }) {
    super(options);
    mkdirSync(this.home, { mode: 0o700 });
    this.environment.HOME = this.home;
  }

  /** `muxguard run --confine` of a line of sh. */
  confined(line: string, ...options: string[]): Promise<Result> {
    return this.run(process.execPath, confinedOf(line, ...options));
  }

  /** The same, which goes on. */
  startConfined(line: string, options?: SpawnOptions): ChildProcess {
    return this.start(process.execPath, confinedOf(line), options);
  }
}

function confinedOf(line: string, ...options: string[]): string[] {
  return [MUXGUARD, "run", "--confine", ...options, "--", "/bin/sh", "-c", line];
}
