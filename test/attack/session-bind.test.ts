/**
 * Session-binds that prove nothing, as a hostile server or program would make them: a rule that names the
 * host never matches what they are meant for. A raw client plays both ssh and the servers, whose host keys
 * are its own.
 */
import { createPrivateKey, randomBytes, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { Lab } from "../../lab/lab.ts";
import type { AgentReply } from "../../src/wire/agent/agent.ts";
import { ByteWriter } from "../../src/wire/primitives.ts";
import { encodeUserauth } from "../../src/wire/signed-data.ts";
import {
  bindDetails,
  certify,
  type HostKey,
  makeFolder,
  makeKey,
  readBlob,
  signature,
} from "../peer/identity/keys.ts";
import { describeWith } from "../peer/tools.ts";
import { AgentClient } from "../support/agent-client.ts";
import { startNamedSsh } from "./named-ssh.ts";

const folder = makeFolder();
/** known_hosts has it as trusted.example. */
const trusted = makeKey(folder);
/** Nobody knows it. */
const attacker = makeKey(folder);
/** Trusted as an RSA host is. */
const rsa = makeKey(folder, "rsa");
/** known_hosts trusts it, and has revoked it too. */
const revoked = makeKey(folder);
/** Of host certificates for trusted.example. */
const authority = makeKey(folder);
const certified = (principals: string, ...options: string[]): HostKey =>
  certify(makeKey(folder), authority, principals, ...options);

const through = { isForwarding: true };

const signBySha1 = ({ path }: HostKey, data: Buffer): Buffer =>
  signature("ssh-rsa", sign("sha1", data, createPrivateKey(readFileSync(path))));

interface Attempt {
  /** Binds, and returns the data that it wants signed. The session identifiers are new ones. */
  make(client: AgentClient, session: Buffer, otherSession: Buffer): Promise<Buffer>;
  /** Without the ssh in between: the guard sees the program that runs the tests. */
  directly?: true;
  /** What the log says of it. */
  logged: object;
}

const refused = { data: "userauth", verified: false, how: "session-bind refused", forwarded: true };

describeWith(["ssh"], "a session-bind", () => {
  const lab = new Lab();
  const keyFile = lab.key("me@laptop");
  const key = readBlob(`${keyFile}.pub`);
  const otherKey = readBlob(`${lab.key("other")}.pub`);
  const clients: AgentClient[] = [];
  let ssh: string;

  beforeAll(async () => {
    lab.host("trusted.example", []);
    const known = [
      `trusted.example ssh-ed25519 ${trusted.blob.toString("base64")}`,
      `trusted.example ssh-rsa ${rsa.blob.toString("base64")}`,
      `trusted.example ssh-ed25519 ${revoked.blob.toString("base64")}`,
      `@revoked * ssh-ed25519 ${revoked.blob.toString("base64")}`,
      `@cert-authority trusted.example ssh-ed25519 ${authority.blob.toString("base64")}`,
    ];
    writeFileSync(lab.knownHosts, `${known.join("\n")}\n`);
    lab.policy('default = "deny"\n[[rule]]\nname = "trusted"\nhost = "trusted.example"\naction = "allow"\n');
    await lab.startAgent("upstream.sock", keyFile);
    await lab.startDaemon();
    ssh = await startNamedSsh(lab, "trusted.example");
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  afterAll(() => lab.close());

  const connect = async (path = ssh): Promise<AgentClient> => {
    const client = await AgentClient.open(path);
    clients.push(client);
    return client;
  };

  /** The data of a login; with a host key, of the host-bound method. */
  const login = (sessionIdentifier: Buffer, hostKey?: HostKey, of = key): Buffer => {
    const base = {
      kind: "userauth",
      sessionIdentifier,
      user: "root",
      algorithm: "ssh-ed25519",
      key: of,
    } as const;
    return encodeUserauth(
      hostKey
        ? { ...base, method: "publickey-hostbound-v00@openssh.com", hostKey: hostKey.blob }
        : { ...base, method: "publickey" },
    );
  };

  const bind = async (
    client: AgentClient,
    ...details: Parameters<typeof bindDetails>
  ): Promise<AgentReply["type"]> => (await client.bind(bindDetails(...details))).type;
  const accept = async (...args: Parameters<typeof bind>): Promise<void> =>
    expect(await bind(...args)).toBe("SSH_AGENT_SUCCESS");
  const refuse = async (...args: Parameters<typeof bind>): Promise<void> =>
    expect(await bind(...args)).toBe("SSH_AGENT_EXTENSION_FAILURE");

  /** Another ssh that binds the session, which is its own. */
  const bindElsewhere = async (details: Buffer): Promise<void> => {
    const client = await connect(await startNamedSsh(lab, "trusted.example"));
    expect((await client.bind(details)).type).toBe("SSH_AGENT_SUCCESS");
  };

  const genuine: Record<string, Attempt> = {
    "of an RSA host": {
      make: async (client, session) => {
        await accept(client, rsa, session);
        return login(session, rsa);
      },
      logged: { verified: true },
    },
    "of a host with a certificate": {
      make: async (client, session) => {
        const host = certified("trusted.example");
        await accept(client, host, session);
        return login(session, host);
      },
      logged: { verified: true },
    },
    "of the host that is logged in to": {
      make: async (client, session) => {
        await accept(client, trusted, session);
        return login(session);
      },
      logged: { verified: true },
    },
    "for a host-bound login": {
      make: async (client, session) => {
        await accept(client, trusted, session);
        return login(session, trusted);
      },
      logged: { verified: true },
    },
    "that the same process brings again on another connection": {
      make: async (client, session) => {
        await accept(await connect(), trusted, session);
        await accept(client, trusted, session);
        return login(session, trusted);
      },
      logged: { verified: true },
    },
    "behind a hop": {
      make: async (client, session, otherSession) => {
        await accept(client, attacker, otherSession, through);
        await accept(client, trusted, session);
        return login(session, trusted);
      },
      logged: { verified: true, forwarded: true, path: [expect.stringMatching(/^SHA256:/)] },
    },
  };

  /** Accepted as a bind, and a login to who knows where. */
  const ofStranger = (key: HostKey): Attempt => ({
    make: async (client, session) => {
      await accept(client, key, session);
      return login(session, key);
    },
    logged: { verified: false },
  });

  const forged: Record<string, Attempt> = {
    "of a key that is revoked": ofStranger(revoked),
    "of a certificate that has expired": ofStranger(certified("trusted.example", "-V", "20200101:20210101")),
    "of a certificate that is not valid yet": ofStranger(
      certified("trusted.example", "-V", "20900101:20910101"),
    ),
    "of a certificate for another host": ofStranger(certified("other.example")),
    "of a certificate for a user": ofStranger(certified("trusted.example", "user")),
    "of a certificate of an authority that nobody trusts": ofStranger(
      certify(makeKey(folder), attacker, "trusted.example"),
    ),
    "with a signature by SHA-1, be it the host's own": {
      make: async (client, session) => {
        // the agent takes it, and the guard believes none of that kind
        await accept(client, rsa, session, { signature: signBySha1(rsa, session) });
        return login(session, rsa);
      },
      logged: { verified: false, forwarded: true },
    },
    "with a flag for forwarding that is neither 0 nor 1": {
      make: async (client, session) => {
        const details = bindDetails(trusted, session);
        details[details.length - 1] = 2;
        const { type } = await client.bind(details);
        expect(type).toBe("SSH_AGENT_SUCCESS"); // as in ssh-agent.c: every byte but 0 means forwarding
        return login(session, trusted);
      },
      logged: { verified: false, forwarded: true },
    },
    "replayed by a program that did not make it, in a process of the same name": {
      make: async (client, session) => {
        const details = bindDetails(trusted, session);
        await bindElsewhere(details);
        expect((await client.bind(details)).type).toBe("SSH_AGENT_EXTENSION_FAILURE");
        return login(session, trusted);
      },
      logged: refused,
    },
    "that was never made": {
      make: async (_, session) => login(session, trusted),
      logged: { verified: false, how: "no session-bind" },
    },
    "with another key's signature": {
      make: async (client, session) => {
        await refuse(client, trusted, session, { signature: attacker.sign(session) });
        return login(session, trusted);
      },
      logged: refused,
    },
    "with a signature over another session identifier": {
      make: async (client, session, otherSession) => {
        await refuse(client, trusted, session, { signature: trusted.sign(otherSession) });
        return login(session, trusted);
      },
      logged: refused,
    },
    "for another session than the login's": {
      make: async (client, session, otherSession) => {
        await accept(client, trusted, session);
        return login(otherSession, trusted);
      },
      logged: { verified: false, how: "session identifier differs" },
    },
    "of another process's session": {
      make: async (client, session) => {
        await bindElsewhere(bindDetails(trusted, session));
        await refuse(client, trusted, session);
        return login(session, trusted);
      },
      logged: refused,
    },
    "that comes late, after one for authentication": {
      make: async (client, session, otherSession) => {
        await accept(client, attacker, otherSession);
        await refuse(client, trusted, session);
        return login(session, trusted);
      },
      logged: refused,
    },
    "with the session identifier of an earlier one": {
      make: async (client, session) => {
        await accept(client, attacker, session, through);
        await refuse(client, trusted, session);
        return login(session, trusted);
      },
      logged: refused,
    },
    "that is the seventeenth": {
      make: async (client, session) => {
        for (let hop = 1; hop <= 16; hop++)
          await accept(client, attacker, Buffer.from(`hop ${hop}`), through);
        await refuse(client, trusted, session);
        return login(session, trusted);
      },
      logged: { ...refused, path: expect.arrayContaining([expect.stringMatching(/^SHA256:/)]) },
    },
    "that can't be read": {
      make: async (client, session) => {
        const details = bindDetails(trusted, session);
        for (const part of [details.subarray(0, -1), Buffer.concat([details, Buffer.of(0)]), Buffer.alloc(0)])
          expect((await client.bind(part)).type).toBe("SSH_AGENT_EXTENSION_FAILURE");
        return login(session, trusted);
      },
      logged: refused,
    },
    "with an oversized session identifier": {
      make: async (client) => {
        const oversized = randomBytes(129);
        await refuse(client, trusted, oversized);
        return login(oversized, trusted);
      },
      logged: refused,
    },
    "for forwarding alone": {
      make: async (client, session) => {
        await accept(client, trusted, session, through);
        return login(session, trusted);
      },
      logged: { verified: false, how: "no session-bind behind the last hop", forwarded: true },
    },
    "behind a hop, for a login that is not host-bound": {
      make: async (client, session, otherSession) => {
        await accept(client, attacker, otherSession, through);
        await accept(client, trusted, session);
        return login(session);
      },
      logged: { verified: false, how: "login not bound to a host key", forwarded: true },
    },
    "of a known host, for a login bound to another": {
      make: async (client, session) => {
        await accept(client, trusted, session);
        return login(session, attacker);
      },
      logged: { verified: false, how: "host key differs" },
    },
    "of another host, for a login bound to a known one": {
      make: async (client, session) => {
        await accept(client, attacker, session);
        return login(session, trusted);
      },
      logged: { verified: false, how: "host key differs" },
    },
    "of a host that nobody knows": {
      make: async (client, session) => {
        await accept(client, attacker, session);
        return login(session, attacker);
      },
      logged: { verified: false, how: "unknown host key", hostKey: expect.stringMatching(/^SHA256:/) },
    },
    "of a kind of key that only the agent may know": {
      make: async (client, session) => {
        const blob = new ByteWriter().string("ssh-mldsa99@example.com").string(randomBytes(64)).toBuffer();
        const unknown = {
          blob,
          sign: () => new ByteWriter().string("ssh-mldsa99@example.com").string("").toBuffer(),
        };
        // the answer is the agent's own: it was passed on
        expect(await bind(client, unknown, session)).toBe("SSH_AGENT_FAILURE");
        return login(session);
      },
      logged: { verified: false, how: "unsupported host key", forwarded: true },
    },
    "for a login with another key than the one that is to sign": {
      make: async (client, session) => {
        await accept(client, trusted, session);
        return login(session, trusted, otherKey);
      },
      logged: { data: "opaque" },
    },
    "that a program other than ssh passes on": {
      make: async (client, session) => {
        await accept(client, trusted, session);
        return login(session, trusted);
      },
      directly: true,
      logged: { ...refused, how: "session-bind relayed by another program than ssh" },
    },
    "that is genuine, after one that was refused": {
      make: async (client, session, otherSession) => {
        await refuse(client, trusted, otherSession, { signature: attacker.sign(otherSession) });
        await accept(client, trusted, session);
        return login(session, trusted);
      },
      logged: refused,
    },
    "that is genuine, after one that could not be read": {
      make: async (client, session) => {
        expect((await client.bind(Buffer.from("garbage"))).type).toBe("SSH_AGENT_EXTENSION_FAILURE");
        await accept(client, trusted, session);
        return login(session, trusted);
      },
      logged: refused,
    },
  };

  it.each(Object.entries(genuine))(
    "%s lets a rule on its name allow the login",
    async (_, { make, logged }) => {
      const client = await connect();
      const data = await make(client, randomBytes(32), randomBytes(32));
      const { result, events } = await lab.logged(() => client.sign(key, data));
      expect(result).toBeDefined();
      expect(events).toMatchObject([
        { decision: "allow", by: "rule:trusted", host: "trusted.example", ...logged },
      ]);
    },
  );

  it.each(Object.entries(forged))("%s matches no rule on a name", async (_, { make, directly, logged }) => {
    const client = await connect(directly ? lab.agentSocket : ssh);
    const data = await make(client, randomBytes(32), randomBytes(32));
    const { result, events } = await lab.logged(() => client.sign(key, data));
    expect(result).toBeUndefined();
    expect(events).toMatchObject([{ kind: "sign", decision: "deny", by: "default", ...logged }]);
    expect(events[0]).not.toHaveProperty("host");
    if (!("forwarded" in logged)) expect(events[0]).not.toHaveProperty("forwarded");
  });
});
