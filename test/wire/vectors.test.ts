/** Messages of the real OpenSSH: test/vectors, made by record.mjs. */
import { describe, expect, test } from "vitest";
import {
  type AgentRequest,
  encodeAgentReply,
  encodeAgentRequest,
  parseAgentReply,
  parseAgentRequest,
} from "../../src/wire/agent/agent.ts";
import { encodeSessionBind, parseSessionBind } from "../../src/wire/agent/session-bind.ts";
import { fingerprint, parsePublicKey, parseSignature } from "../../src/wire/public-key.ts";
import { encodeSshsig, encodeUserauth, parseSignedData } from "../../src/wire/signed-data.ts";
import { readVector, readVectors } from "../support/vectors.ts";

const requests = readVectors("request");
const replies = readVectors("reply");

function request<T extends AgentRequest["type"]>(name: string, type: T): AgentRequest & { type: T } {
  const parsed = parseAgentRequest(readVector(`request.${name}.hex`).payload);
  if (parsed.type !== type) throw new Error(`${name} is a ${parsed.type}`);
  return parsed as AgentRequest & { type: T };
}

function sent(type: AgentRequest["type"]): (AgentRequest & { name: string })[] {
  const all = requests.map(({ name, payload }) => ({ name, ...parseAgentRequest(payload) }));
  return all.filter((parsed) => parsed.type === type);
}

describe("a recorded message", () => {
  test.each(requests)("round-trips byte for byte: $title ($name)", ({ payload }) => {
    expect(encodeAgentRequest(parseAgentRequest(payload))).toEqual(payload);
  });

  test.each(replies)("round-trips byte for byte: $title (reply, $name)", ({ payload }) => {
    expect(encodeAgentReply(parseAgentReply(payload))).toEqual(payload);
  });

  test("is there for every kind of request, and one that SSH 1 had", () => {
    const kinds = new Set(requests.map(({ payload }) => parseAgentRequest(payload).type));
    expect([...kinds].sort()).toEqual([
      "SSH_AGENTC_ADD_IDENTITY",
      "SSH_AGENTC_ADD_ID_CONSTRAINED",
      "SSH_AGENTC_ADD_SMARTCARD_KEY",
      "SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED",
      "SSH_AGENTC_EXTENSION",
      "SSH_AGENTC_LOCK",
      "SSH_AGENTC_REMOVE_ALL_IDENTITIES",
      "SSH_AGENTC_REMOVE_IDENTITY",
      "SSH_AGENTC_REMOVE_SMARTCARD_KEY",
      "SSH_AGENTC_REQUEST_IDENTITIES",
      "SSH_AGENTC_SIGN_REQUEST",
      "SSH_AGENTC_UNLOCK",
      "unknown",
    ]);
  });
});

describe("what ssh-add adds", () => {
  test.each(sent("SSH_AGENTC_ADD_IDENTITY"))("$name is a key that can be read", (added) => {
    if (added.type !== "SSH_AGENTC_ADD_IDENTITY") throw new Error(added.type);
    const key = parsePublicKey(added.publicKey);
    expect(key.type).toBe(added.keyType);
    expect(key.kind === "unknown").toBe(added.keyType.startsWith("ssh-dss"));
    expect(added.comment).toMatch(/^a throwaway .* key$/);
    expect(added.constraints).toEqual([]);
  });

  test("is listed afterwards under the same fingerprint", () => {
    const list = parseAgentReply(readVector("reply.list.hex").payload);
    if (list.type !== "SSH_AGENT_IDENTITIES_ANSWER") throw new Error(list.type);
    const added = sent("SSH_AGENTC_ADD_IDENTITY").map(
      (one) => "publicKey" in one && fingerprint(one.publicKey),
    );
    expect(new Set(list.identities.map(({ key }) => fingerprint(key)))).toEqual(new Set(added));
  });

  const constraints: [string, unknown[]][] = [
    ["add-lifetime", [{ kind: "lifetime", seconds: 300 }]],
    ["add-confirm", [{ kind: "confirm" }]],
    ["add-lifetime-confirm", [{ kind: "lifetime", seconds: 300 }, { kind: "confirm" }]],
    ["add-destination", [{ kind: "restrict-destination", constraints: expect.any(Buffer) }]],
    ["add-destination-hops", [{ kind: "restrict-destination", constraints: expect.any(Buffer) }]],
  ];

  test.each(constraints)("%s has its constraints", (name, expected) => {
    expect(request(name, "SSH_AGENTC_ADD_ID_CONSTRAINED").constraints).toEqual(expected);
  });

  test("a smartcard has a library, an empty PIN and constraints", () => {
    const token = { provider: "/nonexistent/pkcs11.so", pin: Buffer.alloc(0) };
    expect(request("add-smartcard", "SSH_AGENTC_ADD_SMARTCARD_KEY")).toMatchObject(token);
    expect(request("remove-smartcard", "SSH_AGENTC_REMOVE_SMARTCARD_KEY")).toMatchObject(token);
    const constrained = request("add-smartcard-constrained", "SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED");
    expect(constrained.constraints).toEqual([{ kind: "lifetime", seconds: 300 }, { kind: "confirm" }]);
  });
});

describe("what ssh and ssh-keygen have signed", () => {
  const hostbound = {
    kind: "userauth",
    method: "publickey-hostbound-v00@openssh.com",
    hostKey: expect.any(Buffer),
  };
  const login = (algorithm: string): object => ({ ...hostbound, algorithm });
  const signed: [string, number, object][] = [
    ["sign-opaque", 0, { kind: "opaque", length: 1024 }],
    ["sign-sshsig-git", 0, { kind: "sshsig", namespace: "git", hashAlgorithm: "sha512" }],
    ["sign-sshsig-file-rsa", 4, { kind: "sshsig", namespace: "file" }],
    ["sign-login-ed25519", 0, login("ssh-ed25519")],
    ["sign-login-unbound", 0, { kind: "userauth", method: "publickey", algorithm: "ssh-ed25519" }],
    ["sign-login-ecdsa-256", 0, login("ecdsa-sha2-nistp256")],
    ["sign-login-ssh-rsa", 0, login("ssh-rsa")],
    ["sign-login-rsa-sha2-256", 2, login("rsa-sha2-256")],
    ["sign-login-rsa-sha2-512", 4, login("rsa-sha2-512")],
    ["sign-login-certificate", 0, login("ssh-ed25519-cert-v01@openssh.com")],
    // the plain key signs for a certificate that the agent does not hold
    ["sign-login-certificate-file", 0, login("ssh-ed25519-cert-v01@openssh.com")],
  ];

  test.each(signed)("%s has flags %i and its shape", (name, flags, expected) => {
    const { key, data, flags: found } = request(name, "SSH_AGENTC_SIGN_REQUEST");
    const shape = parseSignedData(data, key);
    expect(found).toBe(flags);
    expect(shape).toMatchObject(expected);
    if (shape.kind === "userauth") expect(encodeUserauth(shape)).toEqual(data);
    if (shape.kind === "sshsig") expect(encodeSshsig(shape)).toEqual(data);
  });

  test("every recorded sign request is in the table above", () => {
    const names = sent("SSH_AGENTC_SIGN_REQUEST").map(({ name }) => name);
    expect(names.sort()).toEqual(signed.map(([name]) => name).sort());
  });

  const signatures: [string, string][] = [
    ["sign-ed25519", "ssh-ed25519"],
    ["sign-ecdsa-256", "ecdsa-sha2-nistp256"],
    ["sign-rsa-sha2-512", "rsa-sha2-512"],
  ];

  test.each(signatures)("the answer %s is a signature by %s", (name, algorithm) => {
    const reply = parseAgentReply(readVector(`reply.${name}.hex`).payload);
    if (reply.type !== "SSH_AGENT_SIGN_RESPONSE") throw new Error(reply.type);
    expect(parseSignature(reply.signature)).toMatchObject({ algorithm, rest: Buffer.alloc(0) });
  });
});

describe("what ssh binds", () => {
  test.each([
    ["authentication", false],
    ["forwarding", true],
  ])("a session for %s", (name, isForwarding) => {
    const { details } = request(`session-bind-${name}`, "SSH_AGENTC_EXTENSION");
    const bind = parseSessionBind(details);
    expect(bind.isForwarding).toBe(isForwarding);
    expect(parsePublicKey(bind.hostKey).kind).toBe("ed25519");
    expect(parseSignature(bind.signature).algorithm).toBe("ssh-ed25519");
    expect(encodeSessionBind(bind)).toEqual(details);
  });

  test("a session for the login that follows", () => {
    const bind = parseSessionBind(request("session-bind-authentication", "SSH_AGENTC_EXTENSION").details);
    const { key, data } = request("sign-login-ed25519", "SSH_AGENTC_SIGN_REQUEST");
    const { hostKey, sessionIdentifier } = bind;
    expect(parseSignedData(data, key)).toMatchObject({ hostKey, sessionIdentifier });
  });
});
