/** A laboratory for connections that the guard opens itself: no control folder is watched, and the guard has the agent behind it. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { MUXGUARD, type Result } from "./lab.ts";
import { MuxLab } from "./mux-lab.ts";

export class OpenLab extends MuxLab {
  override settings(text: string): void {
    this.config(text);
  }

  /** The pids of the masters that a guard of the laboratory has opened. */
  masters(): number[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && this.#isMaster(name))
      .map(Number);
  }

  #isMaster(pid: string): boolean {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      const isOurs = words.some((word) => word.startsWith(`${this.folder}/`));
      return basename(readlinkSync(`/proc/${pid}/exe`)) === "ssh" && words.includes("-M") && isOurs;
    } catch {
      return false; // ended, or another user's
    }
  }

  /** `muxguard run --ride` of a line of sh. */
  ride(line: string, ...options: string[]): Promise<Result> {
    return this.run(process.execPath, [MUXGUARD, "run", "--ride", ...options, "--", "/bin/sh", "-c", line]);
  }
}
