/**
 * A server that is far away: a port of the loopback interface behind which bytes take their time to another.
 */
import { connect, createServer, type Socket } from "node:net";

/** @param roundTrip in milliseconds. Returns the port. It does not keep the bench from ending. */
export function listenFarFrom(port: number, roundTrip: number): Promise<number> {
  const server = createServer({ noDelay: true }, (client) => {
    const far = connect({ port, host: "127.0.0.1", noDelay: true });
    passLater(client, far, roundTrip / 2);
    passLater(far, client, roundTrip / 2);
  });
  return listen(server.unref());
}

export function freePort(): Promise<number> {
  const server = createServer();
  return listen(server).finally(() => server.close());
}

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address !== null && typeof address === "object") resolve(address.port);
    });
  });
}

function passLater(from: Socket, to: Socket, milliseconds: number): void {
  const later = (action: () => void): void => void setTimeout(action, milliseconds);
  from.on("data", (chunk) => later(() => to.write(chunk)));
  from.on("close", () => later(() => to.destroy()));
  from.on("error", () => from.destroy());
}
