/**
 * Notifications on macOS, by node-notifier's terminal-notifier. Written from its documentation and never run
 * on a Mac; there it can't take a notification back, nor replace its text, and it reports the label of what
 * was pressed.
 */
import type { Desktop, Notification, NotificationEvents, ShownNotification } from "../../policy/desktop.ts";

/** In seconds: longer than a question stays open. Without one, it reports no press. */
const TIMEOUT = 3600;

export class MacNotifications implements Desktop {
  unavailable(): undefined {
    return undefined;
  }

  async show(
    { title, text, buttons }: Notification,
    events?: NotificationEvents,
  ): Promise<ShownNotification> {
    const { default: notifier } = await import("node-notifier");
    const center = new notifier.NotificationCenter();
    const actions = buttons.map(({ label }) => label);
    const asks = buttons.length > 0 && { actions, dropdownLabel: "Answer", timeout: TIMEOUT };
    center.notify({ title, message: text, ...asks }, (error, _, metadata) => {
      if (error) return events?.lost(error.message);
      const pressed = buttons.find(({ label }) => label === metadata?.activationValue);
      if (pressed) events?.pressed(pressed.key);
      events?.closed();
    });
    return { replace: () => Promise.resolve(), close: () => {} };
  }

  warmUp(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
