/**
 * Where the message buses of D-Bus listen. https://dbus.freedesktop.org/doc/dbus-specification.html#addresses
 *
 * Limits: sockets of this machine alone. A bus over TCP or through a program is not used.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The socket of the login session's bus, as net.connect() takes it; undefined if there is none. */
export function sessionBusSocket(environment: NodeJS.ProcessEnv): string | undefined {
  const { DBUS_SESSION_BUS_ADDRESS: address, XDG_RUNTIME_DIR: runtime } = environment;
  if (address) return socketOf(address);
  // that of systemd, which sd_bus_open_user(3) falls back to as well
  const usual = runtime ? join(runtime, "bus") : undefined;
  return usual !== undefined && existsSync(usual) ? usual : undefined;
}

/** The socket of the system's bus. */
export function systemBusSocket(environment: NodeJS.ProcessEnv): string | undefined {
  const { DBUS_SYSTEM_BUS_ADDRESS: address } = environment;
  if (address) return socketOf(address);
  return ["/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket"].find((path) => existsSync(path));
}

/** The first Unix socket of a list of addresses; an abstract one begins with a NUL. */
export function socketOf(addresses: string): string | undefined {
  for (const address of addresses.split(";")) {
    const [transport, ...rest] = address.split(":");
    if (transport !== "unix") continue;
    const fields = new Map(rest.join(":").split(",").map(fieldOf));
    const [path, abstract] = [fields.get("path"), fields.get("abstract")];
    if (path) return path;
    if (abstract) return `\0${abstract}`;
  }
  return undefined;
}

function fieldOf(field: string): [string, string | undefined] {
  const [key = "", value = ""] = field.split(/=(.*)/s);
  try {
    return [key, decodeURIComponent(value)];
  } catch {
    return [key, undefined]; // not well escaped
  }
}
