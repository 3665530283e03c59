/** The seam to a desktop that shows notifications: what differs per system lies behind it. Types alone. */

export interface Notification {
  title: string;
  /** Plain: whoever shows it escapes what has a meaning there. */
  text: string;
  /** What can be pressed, in this order; without any it is only shown, and goes by itself unless it stays. */
  buttons: readonly { key: string; label: string }[];
  /** It stays until it is closed, as one with buttons does. */
  stays?: boolean;
}

export interface NotificationEvents {
  pressed(key: string): void;
  /** It is on the screen no longer. */
  closed(): void;
  /** Who showed it is gone, and nothing will be heard of it any more. */
  lost(reason: string): void;
}

export interface ShownNotification {
  /** Shows this in its place. */
  replace(notification: Notification): Promise<void>;
  close(): void;
}

export interface Desktop {
  /** Undefined if there may be one, otherwise why there is none. */
  unavailable(): string | undefined;

  /** Loads and connects what the first notification would wait for. Never rejects. */
  warmUp(): Promise<void>;

  /** Rejects if it could not show it, with its buttons. */
  show(notification: Notification, events?: NotificationEvents): Promise<ShownNotification>;
}
