/**
 * A unit test starts no program but Node: what needs another one belongs into test/peer. So the unit tests run
 * anywhere, and in less than a minute.
 */
import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";

type Start = (this: unknown, file: string, ...rest: unknown[]) => unknown;

/** Throws where something else than Node is to be started. */
function onlyNode(start: Start): Start {
  return function (file, ...rest) {
    if (file !== process.execPath)
      throw new Error(`a unit test starts ${file}: tests of other programs belong into test/peer`);
    return start.call(this, file, ...rest);
  };
}

function guardStarts(): void {
  const asynchronous = childProcess.ChildProcess.prototype as unknown as {
    spawn(options: { file: string }): unknown;
  };
  const { spawn } = asynchronous;
  asynchronous.spawn = function (options) {
    return onlyNode(() => spawn.call(this, options)).call(this, options.file);
  };
  const synchronous = childProcess as unknown as Record<string, Start>;
  for (const name of ["spawnSync", "execFileSync", "execSync"])
    synchronous[name] = onlyNode(synchronous[name] as Start);
  syncBuiltinESMExports();
}

// files share a process
const once = globalThis as { startsAreGuarded?: true };
if (!once.startsAreGuarded) guardStarts();
once.startsAreGuarded = true;
