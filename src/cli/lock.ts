/** `muxguard lock` and `muxguard unlock`: nothing at all, until a person says otherwise. */
import { Lock } from "../daemon/lock.ts";
import { openPaths } from "../daemon/paths.ts";
import { lockRequest } from "../daemon/rpc.ts";
import { eachGuard } from "./guards.ts";

/** The guards first: one that refuses leaves everything as it is. The file is for those that begin later. */
export async function lock(on: boolean): Promise<void> {
  await eachGuard((guard) => guard.sendRequest(lockRequest, on));
  const later = new Lock(openPaths().runtime, () => {});
  if (on) later.turnOn();
  else later.turnOff();
  process.stdout.write(on ? "locked: everything is denied until muxguard unlock\n" : "unlocked\n");
}
