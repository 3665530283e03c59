/**
 * Hears when the screen is locked and unlocked, and when the machine goes to sleep: screen-state.ts. What was
 * approved by whoever sat there does not count while nobody may be there.
 *
 * systemd-logind says so with three signals, org.freedesktop.login1(5). Lock is `loginctl lock-session`.
 * LockedHint is set by desktops that lock by themselves. PrepareForSleep is for the machine, the others for a
 * session of this user. A desktop's screen saver says ActiveChanged.
 *
 * Limits: not every screen locker tells any of them.
 */
import { MessageBus, type Signal } from "./message-bus.ts";
import { type ScreenListener, ScreenState } from "./screen-state.ts";

const LOGIN = "org.freedesktop.login1";
const PROPERTIES = "org.freedesktop.DBus.Properties";

/** The specification's, and GNOME's and Cinnamon's own. */
const SCREEN_SAVERS = ["org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver", "org.cinnamon.ScreenSaver"];

/** After how long a bus that was lost is tried again, in milliseconds. */
const RETRY = 5000;

export interface LockSources {
  /** The socket of each bus as of now, as of bus-address.ts; undefined for one that is not there. */
  system: () => string | undefined;
  session: () => string | undefined;
  uid: number;
}

export interface LockSignals {
  /**
   * Listens to the buses that are there, also to those that have come since. Resolves when nothing is missed
   * any more that can be heard.
   */
  listen(): Promise<void>;
  close(): Promise<void>;
}

/**
 * With a bus a signal may be lost, too.
 * @param lockTakes for how long a bare Lock waits for a state that says so, in milliseconds
 */
export function onLockOrSleep(
  { system, session, uid }: LockSources,
  listener: ScreenListener,
  lockTakes?: number,
): LockSignals {
  const state = new ScreenState(listener, lockTakes);
  const watches = [
    new Watch(
      system,
      (bus) => followLogin(bus, uid, state),
      () => state.lose(LOGIN),
    ),
    new Watch(
      session,
      (bus) => followScreenSavers(bus, state),
      () => state.lose(SAVER),
    ),
  ];
  return {
    listen: () => Promise.all(watches.map((watch) => watch.open())).then(() => {}),
    close: async () => {
      state.close();
      await Promise.all(watches.map((watch) => watch.close()));
    },
  };
}

/** What the names of its states begin with. */
const SAVER = "screen saver";

/** One bus. It is opened again by itself once it was lost; before, only when open() is called. */
class Watch {
  readonly #socket: () => string | undefined;
  readonly #follow: (bus: MessageBus) => Promise<void>;
  readonly #lost: () => void;
  /** Until it fails, or the bus is lost. */
  #opening: Promise<void> | undefined;
  /** One that is followed. */
  #bus: MessageBus | undefined;
  #wasThere = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    socket: () => string | undefined,
    follow: (bus: MessageBus) => Promise<void>,
    lost: () => void,
  ) {
    this.#socket = socket;
    this.#follow = follow;
    this.#lost = lost;
  }

  open(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#opening ??= this.#open().catch(() => {
      this.#opening = undefined;
      if (this.#wasThere) this.#retry();
    });
    return this.#opening;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#opening;
    await this.#bus?.close();
  }

  async #open(): Promise<void> {
    const socket = this.#socket();
    if (socket === undefined) throw new Error("there is none");
    const bus = await MessageBus.open(socket, () => this.#lose());
    try {
      await this.#follow(bus);
    } catch (error) {
      bus.close().catch(() => {}); // what is told is why it was not followed
      throw error;
    }
    this.#bus = bus;
    this.#wasThere = true;
  }

  #lose(): void {
    if (!this.#bus || this.#closed) return;
    this.#bus = undefined;
    this.#opening = undefined;
    this.#lost();
    this.#retry();
  }

  #retry(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.open(), RETRY).unref();
  }
}

async function followLogin(bus: MessageBus, uid: number, state: ScreenState): Promise<void> {
  const ofSession = (path: string, heard: () => void): void => {
    isOf(bus, path, uid).then((own) => own && heard(), heard); // nobody can say whose
  };
  await bus.follow({
    service: LOGIN,
    interface: `${LOGIN}.Manager`,
    signal: ({ member, body }) => member === "PrepareForSleep" && state.sleep(body[0] === true),
  });
  await bus.follow({
    service: LOGIN,
    interface: `${LOGIN}.Session`,
    signal: ({ member, path }) => member === "Lock" && ofSession(path, () => state.ask()),
  });
  await bus.follow({
    service: LOGIN,
    interface: PROPERTIES,
    signal: (signal) => {
      const isLocked = lockedHint(signal);
      if (isLocked === undefined) return;
      ofSession(signal.path, () => state.say(`${LOGIN} ${signal.path}`, isLocked));
    },
  });
}

/** What it was set to; undefined for any other signal. */
function lockedHint({ member, body: [name, changed] }: Signal): boolean | undefined {
  if (member !== "PropertiesChanged" || name !== `${LOGIN}.Session`) return undefined;
  if (typeof changed !== "object" || changed === null || !("LockedHint" in changed)) return undefined;
  return typeof changed.LockedHint === "boolean" ? changed.LockedHint : undefined;
}

/** Whether the session is this user's, or may be. */
async function isOf(bus: MessageBus, path: string, uid: number): Promise<boolean> {
  const body = [`${LOGIN}.Session`, "User"];
  const call = { service: LOGIN, path, interface: PROPERTIES, member: "Get", signature: "ss", body };
  const [user] = await bus.call(call).catch(() => []);
  return !Array.isArray(user) || user[0] === uid;
}

async function followScreenSavers(bus: MessageBus, state: ScreenState): Promise<void> {
  for (const service of SCREEN_SAVERS)
    await bus.follow({
      service,
      interface: service,
      signal: ({ member, body }) =>
        member === "ActiveChanged" && state.say(`${SAVER} ${service}`, body[0] === true),
    });
}
