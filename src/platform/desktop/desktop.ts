/** The desktop of this system. */
import type { Desktop } from "../../policy/desktop.ts";
import { sessionBusSocket } from "../dbus/bus-address.ts";
import { Notifications } from "../dbus/notifications.ts";
import { MacNotifications } from "./mac-notifications.ts";

export interface OpenDesktop extends Desktop {
  close(): Promise<void>;
}

/** @param mayAnswer whether buttons may be put into the hands of this process */
export function createDesktop(
  environment: NodeJS.ProcessEnv,
  mayAnswer: (pid: number) => boolean,
): OpenDesktop {
  if (process.platform === "darwin") return new MacNotifications();
  return new Notifications(sessionBusSocket(environment), mayAnswer);
}
