/**
 * Settings are looked at when they change, and not only when something is to be decided by them: whoever
 * edits them hears of a mistake at once. A change of config.toml counts from the daemon's next start on.
 */
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { attempt } from "../attempt.ts";
import { messageOf } from "../errors.ts";
import { WatchedFolder } from "../platform/files/watched-folder.ts";
import { type Config, readConfig } from "../settings/config.ts";
import type { Paths } from "../settings/paths.ts";
import type { PolicySource } from "../settings/policy-files.ts";
import type { Alarms } from "./alarms.ts";

/** What is written comes to rest first, in milliseconds. */
const SETTLED = 200;

export interface SettingsWatchParts {
  paths: Pick<Paths, "config">;
  /** As it was read. */
  config: Config;
  policy: PolicySource;
  alarms: Alarms;
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
    const { alarms, policy } = this.#parts;
    const unread = await Promise.resolve()
      .then(() => policy.current())
      .then(() => undefined, messageOf);
    alarms.findings.set("policy's files", unread && `the policy can't be looked at: ${unread}`);
    alarms.findings.set("config", await this.#configFinding());
    await this.start(); // a link may lead elsewhere by now
  }

  /** Undefined where it says what the daemon goes by. */
  async #configFinding(): Promise<string | undefined> {
    const { paths, config } = this.#parts;
    try {
      const next = await readConfig(paths);
      if (isDeepStrictEqual(next, config)) return undefined;
      return "config.toml has changed, which counts when the daemon is started anew; it goes by the old one";
    } catch (error) {
      return `config.toml is broken, and the daemon goes by what it was: ${messageOf(error)}`;
    }
  }
}
