/** The desktop of this system, and what else shows a notice there. */
import type { Desktop } from "../../policy/desktop.ts";
import { sessionBusSocket } from "../dbus/bus-address.ts";
import { Notifications } from "../dbus/notifications.ts";
import { MacNotifications } from "./mac-notifications.ts";
import { findNotifier, type Notifier } from "./notifiers.ts";

/** Shows what has no buttons. */
export type NoticeBoard = Pick<Desktop, "unavailable" | "show">;

export interface OpenDesktop extends Desktop {
  /** For what needs no answer: shown by another program where the desktop itself can't. */
  readonly notices: NoticeBoard;
  close(): Promise<void>;
}

/** @param mayAnswer whether buttons may be put into the hands of this process */
export function createDesktop(
  environment: NodeJS.ProcessEnv,
  mayAnswer: (pid: number) => boolean,
): OpenDesktop {
  if (process.platform === "darwin") {
    const desktop = new MacNotifications();
    return Object.assign(desktop, { notices: desktop });
  }
  const desktop = new Notifications(sessionBusSocket(environment), mayAnswer);
  return Object.assign(desktop, { notices: createNoticeBoard(desktop, () => findNotifier(environment)) });
}

/**
 * @param find what else shows a notice: looked for each time, as it may be installed while a guard runs, and
 * only where it is needed
 */
export function createNoticeBoard(desktop: Desktop, find: () => Notifier | undefined): NoticeBoard {
  return {
    unavailable() {
      const reason = desktop.unavailable();
      return reason === undefined || find() ? undefined : `${reason}, and no notify-send`;
    },
    async show(notification) {
      try {
        return await desktop.show(notification);
      } catch (error) {
        const notifier = find();
        if (!notifier) throw error;
        await notifier(notification);
        return { replace: () => Promise.resolve(), close: () => {} };
      }
    },
  };
}
