/**
 * A server that asks for a password, or for whatever words a test wants: sshd would need PAM, or the password
 * of a real user.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import ssh2, { type AuthContext, type Connection } from "ssh2";

export interface PasswordServer {
  port: number;
  /** What was typed. */
  readonly tried: string[];
  close(): void;
}

export interface PasswordServerOptions {
  /** A private key's path. */
  hostKeyFile: string;
  password: string;
  /** The words of a keyboard-interactive question; without them the method is "password". */
  words?: string;
}

export async function startPasswordServer(options: PasswordServerOptions): Promise<PasswordServer> {
  const tried: string[] = [];
  const clients = new Set<Connection>();
  const server = new ssh2.Server({ hostKeys: [readFileSync(options.hostKeyFile)] }, (client) => {
    clients.add(client);
    client.on("error", () => client.end());
    client.on("close", () => clients.delete(client));
    client.on("authentication", (context) => authenticate(context, options, tried));
    client.on("session", (accept) => {
      accept().on("exec", (acceptCommand, _, { command }) => {
        const stream = acceptCommand();
        stream.write(`ran ${command}\n`);
        stream.exit(0);
        stream.end();
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    tried,
    close: () => {
      server.close();
      for (const client of clients) client.end();
    },
  };
}

function authenticate(
  context: AuthContext,
  { password, words }: PasswordServerOptions,
  tried: string[],
): void {
  const check = (answer: string | undefined): void => {
    tried.push(answer ?? "");
    if (answer === password) context.accept();
    else context.reject([words === undefined ? "password" : "keyboard-interactive"]);
  };
  if (words === undefined && context.method === "password") check(context.password);
  else if (words !== undefined && context.method === "keyboard-interactive")
    context.prompt([{ prompt: words, echo: false }], ([answer]) => check(answer));
  else context.reject([words === undefined ? "password" : "keyboard-interactive"]);
}
