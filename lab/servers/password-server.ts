/**
 * A server that asks for a password, or for whatever words a test wants: sshd would need PAM, or the password
 * of a real user.
 */
import { readFileSync } from "node:fs";
import type { AuthContext } from "ssh2";
import { type EmbeddedServer, startEmbeddedServer } from "./embedded-server.ts";

export interface PasswordServer extends EmbeddedServer {
  /** What was typed. */
  readonly tried: string[];
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
  const server = await startEmbeddedServer({
    hostKey: readFileSync(options.hostKeyFile, "utf8"),
    authenticate: (context) => authenticate(context, options, tried),
    answer: (command) => `ran ${command}`,
  });
  return { ...server, tried };
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
