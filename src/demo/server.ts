/** A server of the demo: it lets one key in and has one answer for every command. */
import ssh2, { type AuthContext, type ParsedKey } from "ssh2";
import { type EmbeddedServer, startEmbeddedServer } from "../../lab/servers/embedded-server.ts";

export interface ServerOptions {
  /** A private key, as ssh-keygen writes it. */
  hostKey: string;
  /** The line of an authorized_keys file. */
  authorizedKey: string;
  /** What every command prints. */
  answer: string;
}

export function startServer({ hostKey, authorizedKey, answer }: ServerOptions): Promise<EmbeddedServer> {
  const authorized = ssh2.utils.parseKey(authorizedKey);
  if (authorized instanceof Error) throw authorized;
  return startEmbeddedServer({
    hostKey,
    authenticate: (context) =>
      mayLogIn(context, authorized) ? context.accept() : context.reject(["publickey"]),
    answer: () => answer,
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
