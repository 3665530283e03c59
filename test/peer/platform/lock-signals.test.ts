/** Message buses of one's own, with a made-up login1 and screen saver. */
import type { MessageBus as Client } from "dbus-native";
import { afterAll, afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { PrivateBus, sendTo } from "../../../lab/desktop/bus.ts";
import { Lab, until } from "../../../lab/lab.ts";
import { type LockSignals, onLockOrSleep } from "../../../src/platform/dbus/lock-signals.ts";
import { describeWith } from "../tools.ts";

const UID = 4711;
const LOGIN = "org.freedesktop.login1";
const MANAGER = "/org/freedesktop/login1";
const SAVER = "org.freedesktop.ScreenSaver";
const own = `${MANAGER}/session/_31`;
const others = `${MANAGER}/session/_32`;
const hint = (LockedHint: boolean) => [`${LOGIN}.Session`, { LockedHint }, []];

/** Sends a signal as itself. */
type Send = (path: string, name: string, member: string, signature?: string, body?: unknown[]) => void;

describeWith(["bus"], "the guard", () => {
  const lab = new Lab();
  /** That the screen is locked, or that nobody knows any more. */
  const heard = vi.fn();
  const unlocked = vi.fn();
  const listener = { locked: heard, lost: heard, unlocked };
  let system: PrivateBus;
  let session: PrivateBus;
  let login: Client;
  let saver: Client;
  let signals: LockSignals;

  beforeEach(async () => {
    [system, session] = [await PrivateBus.start(lab.folder), await PrivateBus.start(lab.folder)];
    [login, saver] = [await system.client(), await session.client()];
    const user = "/org/freedesktop/login1/user/x";
    const face = {
      name: `${LOGIN}.Session`,
      properties: { User: { type: "(uo)", access: "read" as const } },
    };
    login.exportInterface({ User: [UID, user] }, own, face);
    login.exportInterface({ User: [UID + 1, user] }, others, face);
    await login.requestName(LOGIN, 0);
    await saver.requestName(SAVER, 0);
    heard.mockReset();
    unlocked.mockReset();
    signals = onLockOrSleep(
      { system: () => system.socket, session: () => session.socket, uid: UID },
      listener,
    );
    await signals.listen();
  });
  afterEach(async () => {
    await signals.close();
    await Promise.all([system.close(), session.close()]);
  });
  afterAll(() => lab.close());

  const from =
    (client: Client): Send =>
    (...signal) =>
      client.sendSignal(...signal);

  const locks: [string, (send: Send) => void][] = [
    ["a session of the user is locked", (send) => send(own, `${LOGIN}.Session`, "Lock")],
    [
      "a desktop says that it locked a session of the user",
      (send) => send(own, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", hint(true)),
    ],
    [
      "the machine goes to sleep",
      (send) => send(MANAGER, `${LOGIN}.Manager`, "PrepareForSleep", "b", [true]),
    ],
    ["a session that nobody knows is locked", (send) => send(`${own}9`, `${LOGIN}.Session`, "Lock")],
  ];
  const unlocks: [string, (send: Send) => void][] = [
    ["a session of another user is locked", (send) => send(others, `${LOGIN}.Session`, "Lock")],
    ["a session is unlocked", (send) => send(own, `${LOGIN}.Session`, "Unlock")],
    [
      "a desktop says that it unlocked a session",
      (send) => send(own, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", hint(false)),
    ],
    ["the machine wakes up", (send) => send(MANAGER, `${LOGIN}.Manager`, "PrepareForSleep", "b", [false])],
  ];

  /** Waits until everything was heard that was sent so far: this comes last. */
  async function wakeSaver(): Promise<void> {
    const count = heard.mock.calls.length;
    saver.sendSignal("/ScreenSaver", SAVER, "ActiveChanged", "b", [true]);
    await until(() => heard.mock.calls.length > count, "the screen saver");
  }

  it.each(locks)("hears it when %s", async (_, act) => {
    act(from(login));
    await until(() => heard.mock.calls.length === 1, "the signal");
  });

  it("hears it when the screen saver begins, and when it ends", async () => {
    saver.sendSignal("/ScreenSaver", SAVER, "ActiveChanged", "b", [false]);
    await wakeSaver();
    expect([heard.mock.calls.length, unlocked.mock.calls.length]).toEqual([1, 0]);
    saver.sendSignal("/ScreenSaver", SAVER, "ActiveChanged", "b", [false]);
    await until(() => unlocked.mock.calls.length === 1, "the end of the screen saver");
  });

  it("hears it when a desktop locks and unlocks a session of the user", async () => {
    const say = (isLocked: boolean): void =>
      from(login)(own, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", hint(isLocked));
    say(true);
    await until(() => heard.mock.calls.length === 1, "the lock");
    say(false);
    await until(() => unlocked.mock.calls.length === 1, "its end");
    expect(heard).toHaveBeenCalledTimes(1);
  });

  it("does not believe another client that the screen was unlocked", async () => {
    await wakeSaver();
    const forger = await session.client();
    forger.sendSignal("/ScreenSaver", SAVER, "ActiveChanged", "b", [false]);
    await forger.getId();
    await wakeSaver();
    expect(unlocked).not.toHaveBeenCalled();
  });

  it.each(unlocks)("hears nothing when %s", async (_, act) => {
    act(from(login));
    from(login)(own, `${LOGIN}.Session`, "Lock");
    await until(() => heard.mock.calls.length > 0, "the last signal");
    expect(heard).toHaveBeenCalledTimes(1);
  });

  it.each(locks)("does not believe another client that %s", async (_, act) => {
    const forger = await system.client();
    act(from(forger));
    for (const name of (await forger.listNames()).filter((name) => name.startsWith(":")))
      act((path, face, member, signature, body) =>
        sendTo(forger, name, {
          path,
          interface: face,
          member,
          ...(signature && { signature, body }),
        } as object),
      );
    await forger.getId();
    from(login)(own, `${LOGIN}.Session`, "Lock");
    await until(() => heard.mock.calls.length > 0, "the true signal");
    expect(heard).toHaveBeenCalledTimes(1);
  });

  it("hears the service that owns the name by then", async () => {
    await login.releaseName(LOGIN);
    const next = await system.client();
    await next.requestName(LOGIN, 0);
    from(login)(MANAGER, `${LOGIN}.Manager`, "PrepareForSleep", "b", [true]);
    await login.getId();
    from(next)(MANAGER, `${LOGIN}.Manager`, "PrepareForSleep", "b", [true]);
    await until(() => heard.mock.calls.length > 0, "the signal");
    expect(heard).toHaveBeenCalledTimes(1);
  });

  it("takes the end of a bus for the worst", async () => {
    system.daemon.kill("SIGKILL");
    await until(() => heard.mock.calls.length > 0, "the end of the bus");
  });

  it("hears a bus that has come, or come back, once it listens again", async () => {
    let path = lab.path("missing");
    const late = onLockOrSleep({ system: () => path, session: () => undefined, uid: UID }, listener);
    onTestFinished(() => late.close());
    await late.listen();
    const next = await PrivateBus.start(lab.folder);
    path = system.socket;
    await late.listen();
    await signals.close(); // one that hears is enough
    system.daemon.kill("SIGKILL");
    await until(() => heard.mock.calls.length === 1, "the end of the bus");
    path = next.socket;
    await late.listen();
    const manager = await next.client();
    await manager.requestName(LOGIN, 0);
    from(manager)(MANAGER, `${LOGIN}.Manager`, "PrepareForSleep", "b", [true]);
    await until(() => heard.mock.calls.length === 2, "the signal");
    await next.close();
  });

  it("does without buses that are not there", async () => {
    const sources = { system: () => lab.path("missing"), session: () => undefined, uid: UID };
    const none = onLockOrSleep(sources, listener);
    await none.listen();
    await none.close();
    expect(heard).not.toHaveBeenCalled();
  });
});
