/**
 * The daemon as `muxguard daemon` puts it together, on a clock that the bench moves over its IPC channel. The
 * product itself has no such clock: nothing that it reads moves it.
 */
import { Guard } from "../../src/daemon/guard.ts";
import { serveRpc } from "../../src/daemon/rpc-server.ts";
import { messageOf } from "../../src/errors.ts";
import type { Connections } from "../../src/masters/connections.ts";
import { bootTime } from "../../src/platform/libc/clock.ts";
import { readConfig } from "../../src/settings/config.ts";
import { openPaths } from "../../src/settings/paths.ts";
import { userPolicy } from "../../src/settings/policy-files.ts";
import { toStderr } from "../../src/to-stderr.ts";
import type { FromGuard, ToGuard } from "./messages.ts";

/** How far the clock is ahead, in milliseconds. It only goes forward. */
let ahead = 0;
const began = bootTime();
const now = (): number => bootTime() + ahead;

const tell = (message: FromGuard): void => void process.send?.(message);

async function serve(): Promise<{ guard: Guard; connections: Connections }> {
  const paths = openPaths();
  const config = await readConfig(paths);
  const { runtime: folder, agentSocket, daemonSocket: path } = paths;
  const { env: environment } = process;
  const options = { paths, config, environment, holdsQuestions: true, folder, report: toStderr, now };
  const guard = await Guard.start(options);
  const policy = userPolicy(paths, config);
  const outside = await guard.openScope({ policy, report: toStderr });
  const connections = await guard.guardConnections(outside, toStderr);
  guard.closeWith(await serveRpc({ guard, path, agentSocket, policy, connections }));
  await connections.start();
  await guard.watchFolder();
  guard.warmUp();
  return { guard, connections };
}

const { guard, connections } = await serve();
process.on("message", (message: ToGuard) => void obey(message));

async function obey(message: ToGuard): Promise<void> {
  if ("clock" in message) ahead = Math.max(ahead, message.clock - (bootTime() - began));
  try {
    if ("adopt" in message) await connections.adopt(message.adopt);
    tell({ grants: guard.grants });
  } catch (error) {
    tell({ grants: guard.grants, fault: messageOf(error) });
  }
}
process.once("disconnect", () => void guard.close().finally(() => process.exit()));
process.once("SIGTERM", () => void guard.close().finally(() => process.exit()));
process.send?.("ready");
