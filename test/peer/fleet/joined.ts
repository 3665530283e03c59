/** A machine of a fleet that may log in somewhere, and what its guard says of the fleet. */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, type Result, until } from "../../../lab/lab.ts";
import { AuditLog } from "../../../src/audit/log.ts";
import { openRegular } from "../../../src/platform/files/regular-file.ts";

/** How long a lost bus may go unnoticed, and be away after it is there again, in milliseconds. */
export const NOTICED = 50_000;

export interface Stated {
  fleet?: { fault?: string; policy?: string };
  wrong: string[];
}

export class Joined {
  readonly name: string;
  readonly lab: Lab;

  private constructor(name: string, lab: Lab) {
    this.name = name;
    this.lab = lab;
  }

  static async join(fleet: FleetLab, name: string, settings = "", person?: string): Promise<Joined> {
    const lab = await fleet.machine(name, person, settings);
    const key = lab.key("work");
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    return new Joined(name, lab);
  }

  start(): Promise<ChildProcess> {
    return this.lab.startDaemon();
  }

  login(): Promise<Result> {
    const { lab } = this;
    return lab.run("sh", ["-c", `ssh -F ${lab.sshConfig} alpha.example echo in; :`], {
      environment: { SSH_AUTH_SOCK: lab.agentSocket },
    });
  }

  /** Logs in, and says yes at a local screen. @returns in milliseconds, from the start to the question, and all */
  async loginHere(): Promise<{ result: Result; asked: number; all: number }> {
    const began = performance.now();
    const done = this.login();
    const [question] = await this.lab.pending();
    const asked = performance.now() - began;
    await this.lab.muxguard("approve", "--once", question?.id ?? "");
    return { result: await done, asked, all: performance.now() - began };
  }

  async stated(): Promise<Stated> {
    return JSON.parse((await this.lab.muxguard("status", "--json")).stdout);
  }

  async wrong(): Promise<string> {
    return (await this.stated()).wrong.join("\n");
  }

  untilConnected(): Promise<void> {
    return until(async () => (await this.stated()).fleet?.fault === undefined, "the bus", NOTICED, 250);
  }

  untilLost(): Promise<void> {
    return until(async () => (await this.stated()).fleet?.fault !== undefined, "the loss", NOTICED, 250);
  }

  /** Until `status` says so under `wrong`. */
  untilWrong(what: RegExp): Promise<void> {
    let said = "";
    const isSaid = async (): Promise<boolean> => {
      said = await this.wrong();
      return what.test(said);
    };
    return until(isSaid, () => `${what} in status, which says: ${said}`, NOTICED, 250);
  }

  /** Entries as of a guard without a daemon, which writes beside it. */
  write(count: number): void {
    const log = new AuditLog(this.lab.logFile, openRegular);
    for (let n = 0; n < count; n++) {
      const id = randomBytes(6).toString("hex");
      const time = new Date().toISOString();
      log.append({ time, id, kind: "session", decision: "allow", by: "default", command: "make" });
    }
    log.close();
  }

  get lines(): string[] {
    return readFileSync(this.lab.logFile, "utf8").trimEnd().split("\n");
  }

  /** Until the stream, as `reader` sees it, has this machine's log: each line once, in order. */
  async untilInStream(reader: Lab): Promise<void> {
    let seen: string[] = [];
    const isThere = async (): Promise<boolean> => {
      const { stdout } = await reader.muxguard("log", "--fleet", "--json", "--machine", this.name);
      const own = `,"machine":"${this.name}"}`;
      seen = stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.replace(own, "}"));
      return seen.join("\n") === this.lines.join("\n");
    };
    await until(isThere, () => `the log: ${seen.length} of ${this.lines.length}`, NOTICED, 250);
  }
}
