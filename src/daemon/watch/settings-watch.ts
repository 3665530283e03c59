/**
 * Settings are looked at when they change, and not only when something is to be decided by them: whoever
 * edits them hears of a mistake at once. What of config.toml can count at once does; of the rest `muxguard
 * status` says that it waits. A broken file changes nothing.
 */
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { attempt } from "../../attempt.ts";
import { messageOf } from "../../errors.ts";
import { WatchedFolder } from "../../platform/files/watched-folder.ts";
import type { Reloaded } from "../../rpc/requests.ts";
import { applyChange, type Change } from "../../settings/change.ts";
import { type Config, readConfig } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";
import type { PolicySource } from "../../settings/policy-files.ts";
import { SettingsError } from "../../settings/settings-error.ts";
import type { Alarms } from "./alarms.ts";

/** What is written comes to rest first, in milliseconds. */
const SETTLED = 200;

export interface SettingsWatchParts {
  paths: Pick<Paths, "config">;
  /** What the guard goes by. */
  config: Config;
  policy: PolicySource;
  alarms: Alarms;
  /** Tells of what counts from now on. */
  report: (line: string) => void;
}

export class SettingsWatch {
  readonly #parts: SettingsWatchParts;
  readonly #watched = new Map<string, WatchedFolder>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: SettingsWatchParts) {
    this.#parts = parts;
  }

  /** Settles when all is watched. Never rejects. */
  async start(): Promise<void> {
    const { config } = this.#parts.paths;
    const files = ["config.toml", "policy.toml", "approved.toml"].map((name) => join(config, name));
    // many keep their settings elsewhere, and links here
    const real = files.flatMap((file) => attempt(() => dirname(realpathSync(file))) ?? []);
    const wanted = new Set([config, join(config, "policy.d"), ...real]);
    for (const [folder, watched] of this.#watched)
      if (!wanted.has(folder)) {
        watched.close();
        this.#watched.delete(folder);
      }
    await Promise.all([...wanted].map((folder) => this.#watch(folder)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watched of this.#watched.values()) watched.close();
  }

  async #watch(folder: string): Promise<void> {
    if (this.#closed || this.#watched.has(folder)) return;
    const changed = (): void => this.#changed();
    const failed = (reason: string): void => void this.#parts.alarms.findings.set(`watch ${folder}`, reason);
    const watched = new WatchedFolder(folder, { found: changed, changed, failed });
    this.#watched.set(folder, watched);
    await watched.start();
  }

  #changed(): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#look().catch((error: unknown) => this.#parts.alarms.tell(messageOf(error)));
    }, SETTLED).unref();
  }

  async #look(): Promise<void> {
    await this.#readPolicy();
    await this.#readConfig();
    await this.start(); // a link may lead elsewhere by now
  }

  /** Reads all settings anew. Never rejects for a mistake in them. */
  async reload(): Promise<Reloaded> {
    const faults = await faultsOf(this.#parts.policy.load());
    await this.#readPolicy(); // a mistake is told of as ever
    const config = await this.#readConfig();
    return { ...config, faults: [...config.faults, ...faults] };
  }

  async #readPolicy(): Promise<void> {
    const { alarms, policy } = this.#parts;
    const unread = await Promise.resolve()
      .then(() => policy.current())
      .then(() => undefined, messageOf);
    alarms.findings.set("policy's files", unread && `the policy can't be looked at: ${unread}`);
  }

  async #readConfig(): Promise<Reloaded> {
    const { paths, config, alarms, report } = this.#parts;
    try {
      const change = applyChange(config, await readConfig(paths));
      if (change.applied.length > 0)
        report(`muxguard: config.toml is read anew: ${change.applied.join(", ")}`);
      alarms.findings.set("config", waitingLine(change));
      return { ...change, faults: [] };
    } catch (error) {
      alarms.findings.set(
        "config",
        `config.toml is broken, and the daemon goes by what it was: ${messageOf(error)}`,
      );
      return { applied: [], waiting: [], faults: linesOf(error) };
    }
  }
}

function waitingLine({ waiting }: Change): string | undefined {
  if (waiting.length === 0) return undefined;
  const have = waiting.length === 1 ? "has" : "have";
  return `config.toml: ${waiting.join(", ")} ${have} changed, which counts after: muxguard daemon restart`;
}

async function faultsOf(read: Promise<void>): Promise<string[]> {
  return read.then(() => [], linesOf);
}

function linesOf(error: unknown): string[] {
  return error instanceof SettingsError ? [...error.faults] : [messageOf(error)];
}
