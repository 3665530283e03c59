/**
 * Whether the displays of an askpass program are there. One whose X server dies ends with 1, as after a
 * click on "Cancel": nothing but the display tells them apart. A server that answers a hello is there,
 * whether or not it lets us in. The X Window System Protocol, section 8; wayland.xml, wl_display.sync.
 */
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { join } from "node:path";

/** How long a display may take to answer, in milliseconds. */
const LIMIT = 2000;

/** Little-endian, version 11.0, with no authorization: refused or not, it is answered. */
const X_HELLO = Buffer.from([0x6c, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
/** What an X server's answer begins with where it takes the client. */
const X_SUCCESS = 1;
/** wl_display (object 1), sync (opcode 0), 12 bytes, to object 2; in the byte order of the machine. */
const WAYLAND_HELLO = Buffer.from(new Uint32Array([1, 12 << 16, 2]).buffer);

interface Display {
  hello: Buffer;
  addresses: NetConnectOpts[];
}

export interface DisplayWatch {
  /** Whether the display was there and is gone, or the program needs one and there is none. */
  isGone(): Promise<boolean>;
  close(): void;
}

/**
 * From before the program is there. A connection is held as long as it asks: an X server that loses its last
 * client may start anew, and would drop the program's.
 * @param needed whether the program can't ask without a display
 */
export function watchDisplays(environment: NodeJS.ProcessEnv, needed: boolean): DisplayWatch {
  const displays = displaysOf(environment);
  const held = Promise.all(displays.map(reach));
  return {
    isGone: async () => {
      if (displays.length === 0) return false;
      const before = (await held).filter((one) => one !== undefined);
      if (before.length === 0 && !needed) return false;
      if (before.length > 0 && before.every(({ isDropped }) => isDropped())) return true;
      const now = await Promise.all(displays.map(reach));
      for (const one of now) one?.socket.destroy();
      return now.every((one) => one === undefined);
    },
    close: () => void held.then((all) => all.map((one) => one?.socket.destroy())),
  };
}

interface Reached {
  socket: Socket;
  /** Whether it has ended a connection that it had taken. */
  isDropped(): boolean;
}

/** Undefined if it does not answer. */
async function reach({ hello, addresses }: Display): Promise<Reached | undefined> {
  for (const address of addresses) {
    const reached = await sayHello(address, hello);
    if (reached) return reached;
  }
  return undefined;
}

function sayHello(address: NetConnectOpts, hello: Buffer): Promise<Reached | undefined> {
  return new Promise((resolve) => {
    const socket = connect(address, () => socket.write(hello));
    const failed = (): void => {
      socket.destroy();
      resolve(undefined);
    };
    socket.setTimeout(LIMIT, failed);
    socket.on("error", failed).once("close", failed);
    socket.once("data", (answer) => {
      socket.setTimeout(0);
      const isTaken = hello !== X_HELLO || answer[0] === X_SUCCESS;
      resolve({
        socket: socket.resume(),
        isDropped: () => isTaken && (socket.readableEnded || socket.destroyed),
      });
    });
  });
}

function displaysOf({ DISPLAY = "", WAYLAND_DISPLAY, XDG_RUNTIME_DIR = "" }: NodeJS.ProcessEnv): Display[] {
  const x = xAddresses(DISPLAY);
  const wayland = WAYLAND_DISPLAY && [
    { path: join(WAYLAND_DISPLAY[0] === "/" ? "" : XDG_RUNTIME_DIR, WAYLAND_DISPLAY) },
  ];
  return [
    ...(x.length > 0 ? [{ hello: X_HELLO, addresses: x }] : []),
    ...(wayland ? [{ hello: WAYLAND_HELLO, addresses: wayland }] : []),
  ];
}

/** ":0", ":0.1", "unix:0", "localhost:10.0" as of `ssh -X`, or a path. X(7), "Display names". */
function xAddresses(display: string): NetConnectOpts[] {
  if (display.startsWith("/")) return [{ path: display.replace(/\.\d+$/, "") }];
  const [, host = "", number] = /^(.*):(\d+)(?:\.\d+)?$/.exec(display) ?? [];
  if (number === undefined) return [];
  if (host !== "" && host !== "unix" && !host.endsWith("/unix"))
    return [{ host: host.replace(/^tcp\//, ""), port: 6000 + Number(number) }];
  const path = `/tmp/.X11-unix/X${number}`;
  return [{ path }, { path: `\0${path}` }];
}
