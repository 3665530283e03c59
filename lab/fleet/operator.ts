/** A server of an operator: its users are JWTs in creds files, and may run out. docs.nats.io, Decentralized JWT. */
import { randomBytes } from "node:crypto";
import { nkeys } from "../../src/fleet/bus/library.ts";

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** As much as the server has. */
const UNLIMITED = { subs: -1, data: -1, payload: -1 };
const ALL = { imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
const JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

export class Operator {
  readonly #operator = nkeys.createOperator();
  readonly #account = nkeys.createAccount();
  /** JetStream wants one. */
  readonly #system = nkeys.createAccount();

  /** The configuration of a fleet's server, with this operator in place of its users. */
  configured(text: string): string {
    const limits = { ...UNLIMITED, ...ALL };
    const account = (pair: KeyPair, more: object): string =>
      `  ${pair.getPublicKey()}: ${signed(pair, this.#operator, "account", { limits: { ...limits, ...more } })}`;
    return [
      text.slice(0, text.indexOf("accounts {")),
      `operator: ${signed(this.#operator, this.#operator, "operator", {})}`,
      `system_account: ${this.#system.getPublicKey()}`,
      "resolver: MEMORY",
      "resolver_preload: {",
      account(this.#account, JETSTREAM),
      account(this.#system, {}),
      "}",
      "",
    ].join("\n");
  }

  /** A creds file. @param seconds until it runs out, by the server's clock; less than none for one that has */
  creds(seconds: number): string {
    const user = nkeys.createUser();
    const exp = Math.floor(Date.now() / 1000) + seconds;
    const jwt = signed(user, this.#account, "user", { ...UNLIMITED, pub: {}, sub: {} }, exp);
    const seed = new TextDecoder().decode(user.getSeed());
    const block = (name: string, inner: string): string =>
      `-----BEGIN ${name}-----\n${inner}\n------END ${name}------\n`;
    return block("NATS USER JWT", jwt) + block("USER NKEY SEED", seed);
  }
}

/** @param exp in seconds since 1970 */
function signed(about: KeyPair, by: KeyPair, type: string, nats: object, exp?: number): string {
  const claims = {
    jti: randomBytes(16).toString("hex"),
    iat: Math.floor(Date.now() / 1000),
    iss: by.getPublicKey(),
    sub: about.getPublicKey(),
    name: type,
    ...(exp !== undefined && { exp }),
    nats: { ...nats, type, version: 2 },
  };
  const part = (what: object): string => Buffer.from(JSON.stringify(what)).toString("base64url");
  const text = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part(claims)}`;
  return `${text}.${Buffer.from(by.sign(Buffer.from(text))).toString("base64url")}`;
}
