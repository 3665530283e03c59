/**
 * An SSH server on the loopback that lets one key in and has one answer for every command: all that a login
 * needs to be real.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import ssh2, { type AuthContext, type Connection, type ParsedKey } from "ssh2";

export interface ServerOptions {
  /** A private key, as ssh-keygen writes it. */
  hostKey: string;
  /** The line of an authorized_keys file. */
  authorizedKey: string;
  /** What every command prints. */
  answer: string;
}

export interface DemoServer {
  port: number;
  close(): void;
}

export async function startServer({ hostKey, authorizedKey, answer }: ServerOptions): Promise<DemoServer> {
  const authorized = ssh2.utils.parseKey(authorizedKey);
  if (authorized instanceof Error) throw authorized;
  const clients = new Set<Connection>();
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    clients.add(client);
    client.on("close", () => clients.delete(client));
    serve(client, authorized, answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const client of clients) client.end();
    },
  };
}

function serve(client: Connection, authorized: ParsedKey, answer: string): void {
  client.on("error", () => client.end()); // a client that went away: nobody else is concerned
  client.on("authentication", (context) =>
    mayLogIn(context, authorized) ? context.accept() : context.reject(["publickey"]),
  );
  client.on("session", (acceptSession) => {
    acceptSession().on("exec", (acceptCommand) => {
      const stream = acceptCommand();
      stream.write(`${answer}\n`);
      stream.exit(0);
      stream.end();
    });
  });
}

/**
 * A client first asks whether the key would do, without a signature (RFC 4252 section 7); ssh2 leaves
 * checking the signature to us.
 */
function mayLogIn(context: AuthContext, authorized: ParsedKey): boolean {
  if (context.method !== "publickey" || !context.key.data.equals(authorized.getPublicSSH())) return false;
  const { blob, signature, hashAlgo } = context;
  if (signature === undefined) return true;
  return blob !== undefined && authorized.verify(blob, signature, hashAlgo) === true;
}
