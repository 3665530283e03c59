/** A ride asks its agent for SSHSIG signatures, and for nothing else, whatever the rules say. */
import { describe, expect, test } from "vitest";
import type { AgentRequest } from "../../../src/wire/agent/agent.ts";
import { SESSION_BIND } from "../../../src/wire/agent/session-bind.ts";
import { encodeUserauth } from "../../../src/wire/signed-data.ts";
import {
  failure,
  identities,
  key,
  list,
  lock,
  open,
  sign,
  signature,
  success,
} from "../../support/agent-connection.ts";
import { caller, policy } from "../../support/policy.ts";

const ride = { scope: { signsOnly: () => true } };
const signing = (data: Buffer): AgentRequest => ({ type: "SSH_AGENTC_SIGN_REQUEST", key, data, flags: 0 });
const login = encodeUserauth({
  kind: "userauth",
  sessionIdentifier: Buffer.alloc(32),
  user: "root",
  method: "publickey",
  algorithm: "ssh-ed25519",
  key,
});
const bind: AgentRequest = { type: "SSH_AGENTC_EXTENSION", name: SESSION_BIND, details: Buffer.alloc(8) };
const query: AgentRequest = { type: "SSH_AGENTC_EXTENSION", name: "query", details: Buffer.alloc(0) };

describe("a ride under a policy that allows everything", () => {
  test("has a signature made, and sees the key for it", async () => {
    const { ask } = await open(ride);
    expect(await ask(list, sign(key))).toEqual([identities, signature]);
  });

  test.each<[string, AgentRequest, string]>([
    ["a login", signing(login), "logs in by no key of its own"],
    ["data of unknown shape", signing(Buffer.from("anything")), "SSHSIG signatures alone"],
    ["data that is almost an SSHSIG", signing(Buffer.from("SSHSIG")), "SSHSIG signatures alone"],
    ["a lock", lock, "changes no agent"],
    ["the removal of all keys", { type: "SSH_AGENTC_REMOVE_ALL_IDENTITIES" }, "changes no agent"],
  ])("is refused %s, which the log says", async (_, request, reason) => {
    const { ask, log, agent } = await open(ride);
    expect(await ask(list, request)).toEqual([identities, failure]);
    expect(agent.requests).toHaveLength(1);
    expect(log).toMatchObject([
      { decision: "deny", by: "fault:ride", reason: expect.stringContaining(reason), caller },
    ]);
  });

  test.each([bind, query])(
    "is refused extensions, of which the agent does not hear: $name",
    async (request) => {
      const { ask, agent } = await open(ride);
      expect(await ask(request)).toEqual([{ type: "SSH_AGENT_EXTENSION_FAILURE" }]);
      expect(agent.requests).toEqual([]);
    },
  );
});

test("a ride is shown no key that a rule allows for logins alone, nor for a list", async () => {
  const rules = policy([{ on: ["sign"], host: "*" }, { on: ["list"] }], { default: "deny" });
  const { ask } = await open({ ...ride, policy: rules });
  expect(await ask(list)).toEqual([{ type: "SSH_AGENT_IDENTITIES_ANSWER", identities: [] }]);
});

test("the guard's own ssh logs in for a ride", async () => {
  const { ask } = await open({ scope: { signsOnly: () => false } });
  expect(await ask(list, signing(login), lock)).toEqual([identities, signature, success]);
});
