/**
 * Looks at the files of ssh_config(5) again as soon as one of them has changed, so that no request waits for
 * it. What is watched is a hint: each request compares the files' stamps.
 */
import { type FSWatcher, watch } from "node:fs";
import { attempt } from "../../attempt.ts";
import type { ConfigFiles } from "./config-files.ts";

/** In milliseconds. An editor writes a file in several steps. */
const SETTLES_IN = 100;

/**
 * @param prepare what is to be done now, and after each change; what it throws is passed over
 * @returns what ends it
 */
export function keepReady(files: ConfigFiles, prepare: () => Promise<unknown>): () => void {
  let watchers: FSWatcher[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const stop = (): void => {
    for (const watcher of watchers) watcher.close();
    watchers = [];
  };
  const look = async (): Promise<void> => {
    const { folders } = await files.current();
    stop();
    if (isOver) return;
    watchers = [...folders].flatMap((folder) => attempt(() => watchFolder(folder, soon)) ?? []);
    await prepare();
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void look().catch(() => {}), SETTLES_IN);
    timer.unref();
  };
  void look().catch(() => {}); // the next request finds out by itself
  return () => {
    isOver = true;
    clearTimeout(timer);
    stop();
  };
}

/** @throws Error for a folder that is not there */
function watchFolder(folder: string, changed: () => void): FSWatcher {
  const watcher = watch(folder, { persistent: false }, changed);
  return watcher.on("error", () => watcher.close());
}
