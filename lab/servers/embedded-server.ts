/**
 * An SSH server inside of this process, on the loopback interface: where there is no sshd, or for logins that
 * sshd does not have.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import ssh2, { type AuthContext, type Connection } from "ssh2";

export interface EmbeddedServerOptions {
  /** A private key, as ssh-keygen writes it. */
  hostKey: string;
  authenticate(context: AuthContext): void;
  /** What a command prints. */
  answer(command: string): string;
}

export interface EmbeddedServer {
  port: number;
  /** How many logins it has seen that succeeded. */
  logins(): number;
  close(): void;
}

/** Serves any number of connections, and of sessions on each. */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const clients = new Set<Connection>();
  let logins = 0;
  const server = new ssh2.Server({ hostKeys: [options.hostKey] }, (client) => {
    clients.add(client);
    client.on("close", () => clients.delete(client));
    client.on("ready", () => logins++);
    serve(client, options);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    logins: () => logins,
    close: () => {
      server.close();
      for (const client of clients) client.end();
    },
  };
}

function serve(client: Connection, { authenticate, answer }: EmbeddedServerOptions): void {
  client.on("error", () => client.end()); // a client that went away: nobody else is concerned
  client.on("authentication", authenticate);
  client.on("session", (acceptSession) => {
    acceptSession().on("exec", (acceptCommand, _, { command }) => {
      const stream = acceptCommand();
      stream.write(`${answer(command)}\n`);
      stream.exit(0);
      stream.end();
    });
  });
}
