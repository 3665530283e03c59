/** `muxguard log`: the decisions, as lines to read or as JSON. */

import { closeSync, constants, fstatSync, readSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { attempt } from "../../attempt.ts";
import type { AuditEvent } from "../../audit/event.ts";
import { hasCode } from "../../errors.ts";
import { openRegular } from "../../platform/files/regular-file.ts";
import { parseDuration } from "../../policy/duration.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStdout, toStdoutAsJson } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { describeEvent } from "./describe-event.ts";

/** How often the file is looked at, in milliseconds. */
const INTERVAL = 200;

export async function log({
  follow,
  json,
  since,
}: {
  follow?: boolean;
  json?: boolean;
  since?: string;
}): Promise<void> {
  const from = since === undefined ? "" : startTime(since).toISOString();
  const print = (line: string): void => {
    const event = parseEvent(line);
    if (!event || !(event.time >= from)) return; // null, [] and 17 are JSON, too
    if (json) toStdoutAsJson(line);
    else toStdout(describeEvent(event));
  };
  const tail = new Tail(openPaths().log);
  for (const line of tail.lines()) print(line);
  while (follow) {
    await sleep(INTERVAL);
    for (const line of tail.lines()) print(line);
  }
}

export function startTime(since: string): Date {
  const ago = parseDuration(since);
  const time = ago === undefined ? new Date(since) : new Date(Date.now() - ago);
  if (Number.isNaN(time.getTime()))
    throw new CliError(`neither a time nor a duration: ${since}`, exitCodes.usage);
  return time;
}

/** Undefined for a line that was cut off by a crash. */
export function parseEvent(line: string): AuditEvent | undefined {
  return attempt(() => JSON.parse(line));
}

/** What was added to a file since it was last read, also if the file was rotated or emptied in between. */
export class Tail {
  readonly #path: string;
  #fd: number | undefined;
  #offset = 0;
  #rest = Buffer.alloc(0);

  /**
   * @param most how much of what is there already is read, in bytes; the first line may then be a part of one
   */
  constructor(path: string, most = Number.POSITIVE_INFINITY) {
    this.#path = path;
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found || found.size <= most) return;
    this.#fd = openLog(path);
    this.#offset = found.size - most;
  }

  *lines(): Generator<string> {
    yield* this.#added();
    if (!this.#isRotated()) return;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = openLog(this.#path);
    this.#restart();
    yield* this.#added();
  }

  #restart(): void {
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
  }

  #isRotated(): boolean {
    const named = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    if (this.#fd === undefined) return named !== undefined;
    return named !== undefined && named.ino !== fstatSync(this.#fd, { bigint: true }).ino;
  }

  *#added(): Generator<string> {
    if (this.#fd === undefined) return;
    if (fstatSync(this.#fd).size < this.#offset) this.#restart();
    const buffer = Buffer.alloc(64 * 1024);
    const read = (fd: number): number => readSync(fd, buffer, 0, buffer.length, this.#offset);
    for (let length = read(this.#fd); length > 0; length = read(this.#fd)) {
      this.#offset += length;
      const bytes = Buffer.concat([this.#rest, buffer.subarray(0, length)]);
      const end = bytes.lastIndexOf("\n") + 1;
      this.#rest = bytes.subarray(end);
      const text = bytes.toString("utf8", 0, end);
      yield* text.split("\n").filter((line) => line !== "");
    }
  }
}

/** Undefined where there is none yet. @throws FileFault for what the guard would not write to: a link, a FIFO */
function openLog(path: string): number | undefined {
  try {
    return openRegular(path, constants.O_RDONLY).fd;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
