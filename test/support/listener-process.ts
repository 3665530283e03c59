/** Another process that listens at a Unix socket, and is no ssh. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { onTestFinished } from "vitest";

const SCRIPT = 'require("net").createServer().listen(process.argv[1], () => console.log("ready"))';

export interface ListenerProcess {
  /** It comes to its place once somebody listens: before, nobody could say whose it is. */
  moveTo(path: string): void;
  end(): Promise<void>;
}

export async function startListener(path: string): Promise<ListenerProcess> {
  const child = spawn(process.execPath, ["-e", SCRIPT, path], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  let at = path;
  return {
    moveTo: (next) => {
      renameSync(at, next);
      at = next;
    },
    end: async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
