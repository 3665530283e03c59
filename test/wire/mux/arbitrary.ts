/** Arbitrary messages of the control socket, for properties. */
import fc from "fast-check";
import type { MuxReply } from "../../../src/wire/mux/reply.ts";
import type { MuxRequest } from "../../../src/wire/mux/request.ts";
import { bytes, text, u32 } from "../../support/wire.ts";

const type = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);
const requestId = u32;
const sessionId = u32;

/** What anyText() may give: no two escapes side by side, which could be the bytes of a character. */
export const anyText = fc
  .array(fc.oneof(text(5), fc.constantFrom("caf\udce9 ", "\udc80;", "\udcff-")), { maxLength: 3 })
  .map((parts) => parts.join(""));

export const port = fc.oneof(fc.nat(65535), fc.constant("path" as const));

const hello = fc.record({
  type: type("MUX_MSG_HELLO"),
  version: u32,
  extensions: fc.array(fc.record({ name: text(), value: bytes() }), { maxLength: 3 }),
});

const forward = fc
  .record({
    type: fc.constantFrom("MUX_C_OPEN_FWD", "MUX_C_CLOSE_FWD"),
    requestId,
    forward: fc.constantFrom("local", "remote", "dynamic"),
    listenHost: anyText,
    listenPort: port,
    connectHost: anyText,
    connectPort: port,
  })
  .filter(({ listenHost, listenPort }) => listenPort !== "path" || listenHost !== "");

export const newSession = fc.record({
  type: type("MUX_C_NEW_SESSION"),
  requestId,
  wantTty: fc.boolean(),
  wantX11: fc.boolean(),
  wantAgent: fc.boolean(),
  subsystem: fc.boolean(),
  escapeCharacter: u32,
  terminal: anyText,
  command: anyText,
  environment: fc.array(anyText, { maxLength: 4 }),
});

export const stdioForward = fc.record({
  type: type("MUX_C_NEW_STDIO_FWD"),
  requestId,
  host: anyText,
  port,
});

/** Without descriptors. */
export const plainRequest: fc.Arbitrary<MuxRequest> = fc.oneof(
  hello,
  forward,
  fc.record({
    type: fc.constantFrom("MUX_C_ALIVE_CHECK", "MUX_C_TERMINATE", "MUX_C_STOP_LISTENING", "MUX_C_PROXY"),
    requestId,
  }),
  fc.record({ type: type("MUX_C_EXT_INFO"), requestId, name: text() }),
  fc.record(
    { type: type("unknown"), number: fc.integer({ min: 0x30000000, max: 0x7fffffff }), requestId },
    { requiredKeys: ["type", "number"] },
  ),
);

export const muxRequest: fc.Arbitrary<MuxRequest> = fc.oneof(
  { weight: 3, arbitrary: plainRequest },
  newSession,
  stdioForward,
);

export const muxReply: fc.Arbitrary<MuxReply> = fc.oneof(
  hello,
  fc.record({ type: fc.constantFrom("MUX_S_OK", "MUX_S_PROXY"), requestId }),
  fc.record({
    type: fc.constantFrom("MUX_S_PERMISSION_DENIED", "MUX_S_FAILURE"),
    requestId,
    reason: text(),
  }),
  fc.record({ type: type("MUX_S_EXIT_MESSAGE"), sessionId, exitValue: u32 }),
  fc.record({ type: type("MUX_S_ALIVE"), requestId, pid: u32 }),
  fc.record({ type: type("MUX_S_SESSION_OPENED"), requestId, sessionId }),
  fc.record({ type: type("MUX_S_REMOTE_PORT"), requestId, port: u32 }),
  fc.record({ type: type("MUX_S_TTY_ALLOC_FAIL"), sessionId }),
  fc.record({ type: type("MUX_S_EXT_INFO"), requestId, status: u32, message: text() }),
  fc.record({ type: type("unknown"), number: fc.integer({ min: 0xa0000000, max: 0xffffffff }) }),
);
