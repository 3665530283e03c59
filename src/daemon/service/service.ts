/** What the daemon does about itself: it ends, starts anew, and reads its settings anew, as the user says. */
import { messageOf } from "../../errors.ts";
import type { Connections } from "../../masters/connections.ts";
import type { HowItEnds } from "../../masters/connections-parts.ts";
import type { InheritedSockets } from "../../platform/sockets/inherited.ts";
import type { Ending } from "../../rpc/requests.ts";
import { type ClientConnection, serve } from "../../rpc/serving.ts";
import { refuseBesideRuns } from "../../runs/waiting.ts";
import type { FromOutside } from "../from-outside.ts";
import type { Guard } from "../guard.ts";
import type { SettingsWatch } from "../watch/settings-watch.ts";

export interface Service {
  settings: Pick<SettingsWatch, "reload">;
  inherited: Pick<InheritedSockets, "descriptor" | "paths">;
  end(how: HowItEnds): void;
}

interface Served {
  guard: Guard;
  service: Service;
  connections: Connections | undefined;
}

export function serveService(
  connection: ClientConnection,
  { guard, service, connections }: Served,
  fromOutside: FromOutside,
): void {
  serve(connection, "reload", async () => {
    const caller = fromOutside("reload");
    const reloaded = await service.settings.reload();
    guard.recordControl(caller, "reload");
    return reloaded;
  });
  serve(connection, "end", async ({ restart }) => {
    const operation = restart ? "restart-guard" : "stop-guard";
    const caller = fromOutside(operation);
    if (restart) await checkRestart(guard, service);
    if (restart) guard.recordControl(caller, operation);
    // what makes things stricter must not hang on the log
    else recordIfPossible(() => guard.recordControl(caller, operation));
    setImmediate(() => service.end(restart ? "restart" : "stop")); // the answer goes first
    return endingOf(guard, service, connections);
  });
}

/** What can be known before: a daemon that can't begin anew goes on. @throws Error */
async function checkRestart(guard: Guard, { settings }: Service): Promise<void> {
  const { faults } = await settings.reload();
  if (faults.length > 0) throw new Error(`it goes on, as its settings can't be used: ${faults.join("; ")}`);
  if (!guard.agents.hasPrivate) return;
  try {
    refuseBesideRuns();
  } catch (error) {
    throw new Error(`it goes on: ${messageOf(error)}`);
  }
}

function recordIfPossible(record: () => void): void {
  try {
    record();
  } catch {
    // it ends all the same
  }
}

function endingOf(guard: Guard, { inherited }: Service, connections: Connections | undefined): Ending {
  const masters = connections?.masters() ?? [];
  const { SSH_AUTH_SOCK: agent } = guard.agents.handOn();
  const count = (origin: "opened" | "adopted"): number =>
    new Set(masters.filter((one) => one.origin === origin).map(({ master }) => master.pid)).size;
  return {
    pid: process.pid,
    opened: count("opened"),
    adopted: count("adopted"),
    grants: guard.grants.length,
    pending: guard.questions.pending().length,
    runs: guard.runs,
    privateAgent: guard.agents.hasPrivate,
    activated: inherited.paths.length > 0,
    ...(agent !== undefined && { agent }),
  };
}
