/** Sockets and ports: whether somebody listens, what is free, and what is far away. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Whether somebody listens at the path of a socket. */
export function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("error", () => resolve(false));
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
  });
}

/** Whether a server at a port of the loopback interface says something by itself, as nats-server does. */
export async function speaks(port: number): Promise<boolean> {
  const probe = connect(port, "127.0.0.1");
  try {
    await once(probe, "data");
    return true;
  } catch {
    return false;
  } finally {
    probe.destroy();
  }
}

/** Of the loopback interface. Another program may take it before it is used. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * A server that is far away: a port of the loopback interface behind which bytes take their time to another.
 * It does not keep a process from ending.
 * @param roundTrip in milliseconds
 * @returns the port
 */
export function listenFarFrom(port: number, roundTrip: number): Promise<number> {
  const server = createServer({ noDelay: true }, (client) => {
    const far = connect({ port, host: "127.0.0.1", noDelay: true });
    passLater(client, far, roundTrip / 2);
    passLater(far, client, roundTrip / 2);
  });
  return listen(server.unref());
}

/** On a port of the loopback interface that is free. */
function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address !== null && typeof address === "object") resolve(address.port);
      else reject(new Error("no port"));
    });
  });
}

function passLater(from: Socket, to: Socket, milliseconds: number): void {
  const later = (action: () => void): void => void setTimeout(action, milliseconds);
  from.on("data", (chunk) => later(() => to.write(chunk)));
  from.on("close", () => later(() => to.destroy()));
  from.on("error", () => from.destroy());
}
