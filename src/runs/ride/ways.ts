/**
 * Where a ride's ssh finds the control socket of a host by itself (bin/muxguard-ride-ssh.sh): a file for each
 * destination that the guard was asked for, named by what was typed. It holds a line with the socket, and one
 * for `ssh -F`, which may be empty.
 *
 * They are for the run to read; the guard never does. The folder is in the run's reach: a program in there can
 * lead its own ssh astray, to a socket that it could open by itself as well.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, mkdirSync, openSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PlainDestination } from "../../identity/ssh/plain-destination.ts";
import type { Way } from "../../rpc/requests.ts";

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
/** In a file system of Linux, in bytes. */
const LONGEST_NAME = 255;

export class Ways {
  /** The run could put a link in the folder's place, and a confined one would write outside through the guard. */
  #folder: number | undefined;

  /** @param ride the folder of the run's ride */
  constructor(ride: string) {
    const path = join(ride, "ways");
    mkdirSync(path, { mode: 0o700 });
    this.#folder = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }

  /**
   * A way that can't be written is none: ssh asks the guard each time then.
   * @param destination is known to be plain
   */
  write(destination: PlainDestination, way: Way): void {
    const name = wayName(destination);
    const text = wayText(way);
    if (this.#folder === undefined || name === undefined || text === undefined) return;
    const folder = `/proc/self/fd/${this.#folder}`;
    const written = `${folder}/.${randomBytes(8).toString("hex")}`;
    try {
      writeFileSync(written, text, { mode: 0o600, flag: "wx" }); // wx follows no link
      renameSync(written, `${folder}/${name}`);
    } catch {
      // the run has taken the folder away, or the file system is full
    }
  }

  close(): void {
    if (this.#folder !== undefined) closeSync(this.#folder);
    this.#folder = undefined;
  }
}

/** @returns undefined where a file can't be named so */
function wayName({ host, user, port, jump }: PlainDestination): string | undefined {
  const name = [host, user, port, jump].join(); // only the jump hosts may have commas; what is undefined is empty
  return name.length > LONGEST_NAME || name.includes("/") ? undefined : name;
}

/** @returns undefined for what the two lines can't hold, or where ssh would expand a `%` */
function wayText({ path, sshConfig = "" }: Way): string | undefined {
  return /[%\n]/.test(path) || sshConfig.includes("\n") ? undefined : `${path}\n${sshConfig}\n`;
}
