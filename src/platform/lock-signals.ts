/**
 * Hears when the screen locks or the machine goes to sleep: what was approved by whoever sat there should not outlast it.
 *
 * From systemd-logind, org.freedesktop.login1(5): Lock (`loginctl lock-session`) and LockedHint (set by desktops that lock by themselves) of a session of
 * this user, and PrepareForSleep. From the desktop: ActiveChanged of its screen saver. Not every screen locker tells any of them.
 */
import { MessageBus, type Signal } from "./message-bus.ts";

const LOGIN = "org.freedesktop.login1";
const PROPERTIES = "org.freedesktop.DBus.Properties";

/** The specification's, and GNOME's and Cinnamon's own. */
const SCREEN_SAVERS = ["org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver", "org.cinnamon.ScreenSaver"];

/** After how long a bus that was lost is tried again, in milliseconds. */
const RETRY = 5000;

export interface LockSources {
  /** Sockets, as of bus-address.ts; undefined for a bus that is not there. */
  system: string | undefined;
  session: string | undefined;
  uid: number;
}

export interface LockSignals {
  /** Resolves when nothing is missed any more that can be heard. */
  ready: Promise<void>;
  close(): Promise<void>;
}

/** @param callback also called when a bus is lost: a signal may be, too */
export function onLockOrSleep({ system, session, uid }: LockSources, callback: () => void): LockSignals {
  const watches: Watch[] = [];
  if (system !== undefined)
    watches.push(new Watch(system, (bus) => followLogin(bus, uid, callback), callback));
  if (session !== undefined)
    watches.push(new Watch(session, (bus) => followScreenSavers(bus, callback), callback));
  return {
    ready: Promise.all(watches.map(({ ready }) => ready)).then(() => {}),
    close: () => Promise.all(watches.map((watch) => watch.close())).then(() => {}),
  };
}

/** One bus, again when it was lost. One that was never there is left alone. */
class Watch {
  readonly ready: Promise<void>;
  readonly #socket: string;
  readonly #follow: (bus: MessageBus) => Promise<void>;
  readonly #lost: () => void;
  #bus: MessageBus | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(socket: string, follow: (bus: MessageBus) => Promise<void>, lost: () => void) {
    this.#socket = socket;
    this.#follow = follow;
    this.#lost = lost;
    this.ready = this.#open().catch(() => {});
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.ready;
    await this.#bus?.close();
  }

  async #open(): Promise<void> {
    const bus = await MessageBus.open(this.#socket, () => this.#retry());
    this.#bus = bus;
    await this.#follow(bus);
  }

  #retry(): void {
    if (!this.#bus || this.#closed || this.#timer) return;
    this.#lost();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#open().catch(() => this.#retry());
    }, RETRY);
    this.#timer.unref();
  }
}

async function followLogin(bus: MessageBus, uid: number, callback: () => void): Promise<void> {
  const ofSession = (path: string): void => {
    isOf(bus, path, uid).then((own) => own && callback());
  };
  await bus.follow({
    service: LOGIN,
    interface: `${LOGIN}.Manager`,
    signal: ({ member, body }) => member === "PrepareForSleep" && body[0] === true && callback(),
  });
  await bus.follow({
    service: LOGIN,
    interface: `${LOGIN}.Session`,
    signal: ({ member, path }) => member === "Lock" && ofSession(path),
  });
  await bus.follow({
    service: LOGIN,
    interface: PROPERTIES,
    signal: (signal) => isLockedHint(signal) && ofSession(signal.path),
  });
}

function isLockedHint({ member, body: [name, changed] }: Signal): boolean {
  if (member !== "PropertiesChanged" || name !== `${LOGIN}.Session`) return false;
  return (
    typeof changed === "object" && changed !== null && "LockedHint" in changed && changed.LockedHint === true
  );
}

/** Whether the session is this user's, or may be. */
async function isOf(bus: MessageBus, path: string, uid: number): Promise<boolean> {
  const body = [`${LOGIN}.Session`, "User"];
  const call = { service: LOGIN, path, interface: PROPERTIES, member: "Get", signature: "ss", body };
  const [user] = await bus.call(call).catch(() => []);
  return !Array.isArray(user) || user[0] === uid;
}

async function followScreenSavers(bus: MessageBus, callback: () => void): Promise<void> {
  for (const service of SCREEN_SAVERS)
    await bus.follow({
      service,
      interface: service,
      signal: ({ member, body }) => member === "ActiveChanged" && body[0] === true && callback(),
    });
}
