/** How the ssh of a run comes to its guard, and what is said where it need not. */
import { leadSsh } from "../../runs/leading/shims.ts";
import { notToldToday } from "../../runs/unguarded/told.ts";
import { findWays } from "../../runs/unguarded/ways.ts";
import type { Paths } from "../../settings/paths.ts";
import { toStderr } from "../../to-stderr.ts";
import type { OpenRun } from "./request.ts";

/**
 * Says what the run can't close, once a day.
 * @param environment that the command would have
 * @returns the variables that lead ssh to the guard; a ride has its own
 */
export function leadRun(
  { folder, agentSocket, rideFolder, sshConfig, watched }: OpenRun,
  paths: Paths,
  environment: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const ride = rideFolder !== undefined;
  const facts = { environment, folder: process.cwd(), ride, sshConfig, watched };
  const ways = findWays({ ...facts, agentSocket: paths.agentSocket });
  for (const { text } of notToldToday(paths.told, ways)) toStderr(`muxguard: not guarded: ${text}`);
  const jumps = ways.some(({ id }) => id.startsWith("identityagent "));
  return ride ? {} : leadSsh({ folder, agentSocket, environment, jumps });
}
