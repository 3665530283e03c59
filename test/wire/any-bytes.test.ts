/** Whatever arrives, a parser returns a value or throws ProtocolError. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeAgentReply,
  encodeAgentRequest,
  parseAgentReply,
  parseAgentRequest,
} from "../../src/wire/agent/agent.ts";
import { encodeSessionBind, parseSessionBind } from "../../src/wire/agent/session-bind.ts";
import { parseConnectionMessage } from "../../src/wire/connection/connection.ts";
import { encodeMuxReply, parseMuxReply } from "../../src/wire/mux/reply.ts";
import { encodeMuxRequest, parseMuxRequest } from "../../src/wire/mux/request.ts";
import { ByteWriter } from "../../src/wire/primitives.ts";
import { ProtocolError } from "../../src/wire/protocol-error.ts";
import {
  fingerprint,
  keyType,
  parsePublicKey,
  parseSignature,
  plainKeyBlob,
} from "../../src/wire/public-key.ts";
import {
  encodeSshsig,
  encodeUserauth,
  parseSignedData,
  parseSshsig,
  parseUserauth,
} from "../../src/wire/signed-data.ts";
import { readVectors } from "../support/vectors.ts";
import * as wire from "../support/wire.ts";
import { muxReply, muxRequest } from "./mux/arbitrary.ts";
import { muxVectors } from "./mux/samples.ts";

const recorded = (kind: "request" | "reply"): fc.Arbitrary<Buffer> =>
  fc.constantFrom(...readVectors(kind).map(({ payload }) => payload));
const recordedMux = (kind: "mux-request" | "mux-reply" | "connection"): fc.Arbitrary<Buffer> =>
  fc.constantFrom(...muxVectors(kind).map(({ payload }) => payload));
const signature = fc
  .tuple(wire.text(), wire.bytes())
  .map(([algorithm, blob]) => new ByteWriter().string(algorithm).string(blob).toBuffer());
const key = fc.oneof(
  wire.keyBlob,
  wire.certificate.map(({ blob }) => blob),
);
const requests = fc.oneof(recorded("request"), wire.request.map(encodeAgentRequest), wire.addPayload);
const replies = fc.oneof(recorded("reply"), wire.reply.map(encodeAgentReply));
const muxRequests = fc.oneof(recordedMux("mux-request"), muxRequest.map(encodeMuxRequest));
const muxReplies = fc.oneof(recordedMux("mux-reply"), muxReply.map(encodeMuxReply));
const logins = wire.userauth.map(encodeUserauth);
const sshsigs = wire.sshsig.map(encodeSshsig);

const parsers: [string, (input: Buffer) => unknown, fc.Arbitrary<Buffer>][] = [
  ["a request", parseAgentRequest, requests],
  ["a reply", parseAgentReply, replies],
  ["a session-bind", parseSessionBind, wire.sessionBind.map(encodeSessionBind)],
  ["a login", parseUserauth, logins],
  ["an SSHSIG", parseSshsig, sshsigs],
  ["a public key", parsePublicKey, key],
  ["a fingerprint", fingerprint, key],
  ["the key inside of a certificate", plainKeyBlob, key],
  ["a key type", keyType, key],
  ["a signature", parseSignature, signature],
  ["a mux request", parseMuxRequest, muxRequests],
  ["a mux reply", parseMuxReply, muxReplies],
  ["a connection message", parseConnectionMessage, recordedMux("connection")],
];

/** Long enough to get past the lengths, short enough to be all there. */
const lengths = fc
  .array(fc.oneof(fc.constant(Buffer.of(0, 0, 0)), wire.bytes(9)), { maxLength: 20 })
  .map((parts) => Buffer.concat(parts));

describe.each(parsers)("%s", (_, parse, valid) => {
  const throwsNothingElse = (input: Buffer): void => {
    try {
      parse(input);
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError);
    }
  };

  test("is read from any bytes, or refused", () => {
    fc.assert(fc.property(fc.oneof(wire.bytes(300), lengths), throwsNothingElse), { numRuns: 500 });
  });

  test("is read from damaged bytes, or refused", () => {
    fc.assert(fc.property(wire.damaged(valid), throwsNothingElse), { numRuns: 500 });
  });

  test("leaves the bytes as they were", () => {
    fc.assert(
      fc.property(fc.oneof(valid, wire.damaged(valid)), (input) => {
        const before = Buffer.from(input);
        throwsNothingElse(input);
        expect(input).toEqual(before);
      }),
    );
  });
});

test("what is to be signed is always something", () => {
  const any = fc.oneof(wire.bytes(300), logins, sshsigs, wire.damaged(logins), wire.damaged(sshsigs));
  fc.assert(
    fc.property(any, fc.oneof(key, wire.bytes()), (data, signer) => {
      expect(["userauth", "sshsig", "opaque"]).toContain(parseSignedData(data, signer).kind);
    }),
    { numRuns: 1000 },
  );
});
