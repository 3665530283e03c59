import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AgentReply,
  type AgentRequest,
  encodeAgentReply,
  encodeAgentRequest,
  parseAgentReply,
  parseAgentRequest,
} from "../../../src/wire/agent/agent.ts";
import { AgentMessage, agentMessageName } from "../../../src/wire/agent/message-numbers.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import { parsePublicKey } from "../../../src/wire/public-key.ts";
import { addPayload, certificate, constraint, reply, request, text } from "../../support/wire.ts";

type Added = AgentRequest & { type: "SSH_AGENTC_ADD_ID_CONSTRAINED" };

const requestNumbers = [11, 13, 17, 18, 19, 20, 21, 22, 23, 25, 26, 27];
const replyNumbers = [5, 6, 12, 14, 28, 29];

describe("requests", () => {
  test("every kind is read as it was written", () => {
    fc.assert(
      fc.property(request, (value) => {
        expect(parseAgentRequest(encodeAgentRequest(value))).toEqual(value);
      }),
    );
  });

  test("a key of every type is added byte for byte", () => {
    fc.assert(
      fc.property(addPayload, (payload) => {
        expect(encodeAgentRequest(parseAgentRequest(payload))).toEqual(payload);
      }),
      { numRuns: 300 },
    );
  });

  test("every constraint of an added key is read as it was written, in order", () => {
    fc.assert(
      fc.property(addPayload, fc.array(constraint), (payload, constraints) => {
        const plain = parseAgentRequest(payload) as Added;
        const value: Added = { ...plain, type: "SSH_AGENTC_ADD_ID_CONSTRAINED", constraints };
        expect(parseAgentRequest(encodeAgentRequest(value))).toEqual(value);
      }),
    );
  });

  test("a key added with a certificate is known by the certificate", () => {
    fc.assert(
      fc.property(certificate, text(), ({ blob, said }, comment) => {
        fc.pre(said.type === "ssh-ed25519-cert-v01@openssh.com");
        const writer = new ByteWriter().u8(AgentMessage.SSH_AGENTC_ADD_IDENTITY).string(said.type);
        const payload = writer.string(blob).string("public").string("private").string(comment).toBuffer();
        expect(parseAgentRequest(payload)).toMatchObject({ keyType: said.type, publicKey: blob, comment });
      }),
    );
  });

  const publicFields: [string, string[], string[]][] = [
    ["ssh-rsa", ["n", "e", "d", "iqmp", "p", "q"], ["e", "n"]],
    ["ssh-dss", ["p", "q", "g", "y", "x"], ["p", "q", "g", "y"]],
    ["ecdsa-sha2-nistp256", ["nistp256", "point", "secret"], ["nistp256", "point"]],
    ["ssh-ed25519", ["x".repeat(32), "secret"], ["x".repeat(32)]],
  ];

  test.each(publicFields)(
    "the public blob of an added %s holds its public fields alone",
    (type, fields, expected) => {
      const strings = (list: readonly string[]): Buffer =>
        list.reduce((writer, field) => writer.string(field), new ByteWriter()).toBuffer();
      const payload = new ByteWriter()
        .u8(17)
        .string(type)
        .bytes(strings(fields))
        .string("a comment")
        .toBuffer();
      const added = parseAgentRequest(payload);
      if (added.type !== "SSH_AGENTC_ADD_IDENTITY") throw new Error(added.type);
      expect(added.publicKey).toEqual(strings([type, ...expected]));
      expect(added.comment).toBe("a comment");
      expect(parsePublicKey(added.publicKey).type).toBe(type);
    },
  );

  test("an unknown number is an unknown request, whatever it holds", () => {
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array(), (number, contents) => {
        fc.pre(!requestNumbers.includes(number));
        expect(parseAgentRequest(Buffer.of(number, ...contents))).toEqual({ type: "unknown", number });
      }),
    );
    expect(encodeAgentRequest({ type: "unknown", number: 1 })).toEqual(Buffer.of(1));
  });
});

describe("replies", () => {
  test("every kind is read as it was written", () => {
    fc.assert(
      fc.property(reply, (value) => {
        expect(parseAgentReply(encodeAgentReply(value))).toEqual(value);
      }),
    );
  });

  test("an unknown number is an unknown reply, whatever it holds", () => {
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array(), (number, contents) => {
        fc.pre(!replyNumbers.includes(number));
        expect(parseAgentReply(Buffer.of(number, ...contents))).toEqual({ type: "unknown", number });
      }),
    );
    expect(encodeAgentReply({ type: "unknown", number: 1 } satisfies AgentReply)).toEqual(Buffer.of(1));
  });
});

test("a message number has the spec's name", () => {
  expect(agentMessageName(13)).toBe("SSH_AGENTC_SIGN_REQUEST");
  expect(agentMessageName(28)).toBe("SSH_AGENT_EXTENSION_FAILURE");
  expect(agentMessageName(99)).toBe("message 99");
});
