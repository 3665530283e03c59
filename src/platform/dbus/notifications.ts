/**
 * Desktop notifications over the session's message bus.
 * https://specifications.freedesktop.org/notification-spec/
 *
 * Buttons are optional there, and so is markup, which has to be escaped only where it is known. Any client of
 * the bus may close a notification or put another text in its place: keys of buttons should be such that
 * nobody guesses them.
 */
import { messageOf } from "../../errors.ts";
import type { Desktop, Notification, NotificationEvents, ShownNotification } from "../../policy/desktop.ts";
import { MessageBus, type Signal } from "./message-bus.ts";

const SERVICE = "org.freedesktop.Notifications";
const OBJECT = { path: "/org/freedesktop/Notifications", interface: SERVICE };

const ENDS = "muxguard ends";

const CRITICAL = 2;
const LOW = 0;
/** expire_timeout: never, and as the server likes. */
const NEVER = 0;
const USUAL = -1;

export class Notifications implements Desktop {
  readonly #socket: string | undefined;
  readonly #mayAnswer: (pid: number) => boolean;
  /** What is on the screen and heard of, by its id, and the service that shows it. */
  readonly #open = new Map<number, { events: NotificationEvents; owner: string }>();
  /** Whoever shows it may have it on the screen already, but has not told its id. */
  readonly #comingUp = new Set<Promise<unknown>>();
  #bus: Promise<MessageBus> | undefined;
  #isClosed = false;

  /**
   * @param socket of the session's bus
   * @param mayAnswer whether buttons may be put into the hands of this process
   */
  constructor(socket: string | undefined, mayAnswer: (pid: number) => boolean) {
    this.#socket = socket;
    this.#mayAnswer = mayAnswer;
  }

  unavailable(): string | undefined {
    return this.#socket === undefined ? "no session bus for notifications" : undefined;
  }

  async warmUp(): Promise<void> {
    // whoever shows something is told
    if (this.#socket !== undefined) await this.#connected().catch(() => {});
  }

  async show(notification: Notification, events?: NotificationEvents): Promise<ShownNotification> {
    const bus = await this.#connected();
    const owner = await bus.ownerOf(SERVICE);
    const [capabilities] = await bus.call({ service: owner, ...OBJECT, member: "GetCapabilities" });
    const can = (what: string): boolean => Array.isArray(capabilities) && capabilities.includes(what);
    if (notification.buttons.length > 0) {
      if (!can("actions")) throw new Error("the notification server has no buttons");
      if (!this.#mayAnswer(await bus.processOf(owner)))
        throw new Error(
          "the notification server can't be trusted: it is inside of a muxguard run, or hidden",
        );
    }
    const notify = (content: Notification, replaced: number): Promise<number> =>
      this.#notify(bus, owner, escaped(content, can("body-markup")), replaced, events);
    let id = await notify(notification, 0);
    return {
      replace: async (content) => {
        id = await notify(content, id);
      },
      close: () => {
        this.#open.delete(id);
        remove(bus, owner, id);
      },
    };
  }

  /**
   * Takes from the screen what could be answered, also what is just coming up: nobody else could once the bus
   * is closed. In 6 seconds at most.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    const bus = await this.#bus?.catch(() => undefined);
    if (!bus) return;
    while (this.#comingUp.size > 0) await Promise.allSettled(this.#comingUp);
    for (const [id, { owner }] of this.#open) remove(bus, owner, id);
    this.#loseAll(ENDS);
    await bus.close();
  }

  async #notify(
    bus: MessageBus,
    service: string,
    { title, text, buttons, stays = buttons.length > 0 }: Notification,
    replaced: number,
    events: NotificationEvents | undefined,
  ): Promise<number> {
    const actions = buttons.flatMap(({ key, label }) => [key, label]);
    // resident: a press does not close it; that is for whoever is asked to say
    const hints = [
      ["urgency", ["y", stays ? CRITICAL : LOW]],
      [stays ? "resident" : "transient", ["b", true]],
    ];
    const icon = buttons.length > 0 ? "dialog-question" : "dialog-information";
    const body = ["muxguard", replaced, icon, title, text, actions, hints, stays ? NEVER : USUAL];
    const call = { service, ...OBJECT, member: "Notify", signature: "susssasa{sv}i", body };
    const called = bus.call(call, ([shown]) => {
      if (shown !== replaced) this.#open.delete(replaced);
      if (events) this.#open.set(Number(shown), { events, owner: service });
    });
    this.#comingUp.add(called);
    const [id] = await called.finally(() => this.#comingUp.delete(called));
    if (!bus.isOwner(SERVICE, service)) throw new Error("the notification server is gone");
    return Number(id);
  }

  #connected(): Promise<MessageBus> {
    if (this.#isClosed) return Promise.reject(new Error(ENDS));
    if (this.#bus) return this.#bus;
    const forget = (): boolean => {
      if (this.#bus !== bus) return false;
      this.#bus = undefined;
      return true;
    };
    const bus = this.#connect(() => forget() && this.#loseAll("the session bus is gone"));
    this.#bus = bus;
    bus.catch(forget);
    return bus;
  }

  async #connect(lost: () => void): Promise<MessageBus> {
    let bus: MessageBus | undefined;
    try {
      if (this.#socket === undefined) throw new Error("there is none");
      bus = await MessageBus.open(this.#socket, lost);
      await bus.follow({
        service: SERVICE,
        interface: SERVICE,
        signal: (signal) => this.#hear(signal),
        ownerChanged: () => this.#loseAll("the notification server is gone"),
      });
      return bus;
    } catch (error) {
      bus?.close().catch(() => {}); // what is told is why it is not used
      throw new Error(`the session bus can't be reached: ${messageOf(error)}`);
    }
  }

  #loseAll(reason: string): void {
    const lost = [...this.#open.values()];
    this.#open.clear();
    for (const { events } of lost) events.lost(reason);
  }

  #hear({ member, body: [id, key] }: Signal): void {
    const events = this.#open.get(Number(id))?.events;
    if (member === "ActionInvoked") events?.pressed(String(key));
    if (member !== "NotificationClosed") return;
    this.#open.delete(Number(id));
    events?.closed();
  }
}

function remove(bus: MessageBus, service: string, id: number): void {
  const call = { service, ...OBJECT, member: "CloseNotification", signature: "u", body: [id] };
  bus.call(call).catch(() => {}); // it is gone already
}

/** By name: GNOME's server takes other entities for text. */
const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

function escaped(notification: Notification, knowsMarkup: boolean): Notification {
  if (!knowsMarkup) return notification;
  const text = notification.text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);
  return { ...notification, text };
}
