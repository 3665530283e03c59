/** Messages of the real OpenSSH, and what they mean: test/vectors, made by record-mux.mjs. */
import { describe, expect, test } from "vitest";
import { descriptorsAfter } from "../../../src/wire/mux/message-numbers.ts";
import { encodeMuxReply, type MuxReply, parseMuxReply } from "../../../src/wire/mux/reply.ts";
import {
  encodeMuxRequest,
  type MuxNewSession,
  type MuxRequest,
  parseMuxRequest,
} from "../../../src/wire/mux/request.ts";
import { muxVectors } from "./samples.ts";

const requests = muxVectors("mux-request");
const replies = muxVectors("mux-reply");

const session: MuxNewSession = {
  type: "MUX_C_NEW_SESSION",
  requestId: 1,
  wantTty: false,
  wantX11: false,
  wantAgent: false,
  subsystem: false,
  escapeCharacter: 0x7e,
  terminal: "xterm-256color",
  command: "true",
  environment: [],
};

const forward = { type: "MUX_C_OPEN_FWD", requestId: 0 } as const;
const cancel = { type: "MUX_C_CLOSE_FWD", requestId: 0 } as const;
const local = {
  forward: "local",
  listenHost: "127.0.0.1",
  listenPort: 47311,
  connectHost: "db.internal",
  connectPort: 5432,
} as const;
const remote = {
  forward: "remote",
  listenHost: "localhost",
  listenPort: 47314,
  connectHost: "intranet",
  connectPort: 80,
} as const;
const anywhere = { connectHost: "socks", connectPort: 0 } as const;
const dynamic = { forward: "dynamic", listenHost: "127.0.0.1", listenPort: 47316, ...anywhere } as const;
const target = { connectHost: "/tmp/x/target.sock", connectPort: "path" } as const;

const asked: Record<string, MuxRequest> = {
  hello: { type: "MUX_MSG_HELLO", version: 4, extensions: [] },
  "alive-check": { type: "MUX_C_ALIVE_CHECK", requestId: 0 },
  "session-command": { ...session, command: "exit 3" },
  "session-shell": { ...session, command: "" },
  "session-tty": { ...session, wantTty: true, command: "" },
  "session-no-escape": { ...session, wantTty: true, escapeCharacter: 0xffffffff },
  "session-subsystem": { ...session, subsystem: true, command: "sftp" },
  "session-agent": { ...session, wantAgent: true },
  "session-x11": { ...session, wantX11: true },
  "session-environment": {
    ...session,
    environment: ["DEPLOY_NOTE=two words = one value", "DEPLOY_STAGE=testing", "DEPLOY_BY=a person"],
  },
  "session-utf8": { ...session, command: "echo žluťoučký 🐎" },
  "session-latin1": { ...session, command: "echo caf\udce9" },
  "forward-local": { ...forward, ...local },
  "forward-local-any": { ...forward, ...local, listenHost: "*", listenPort: 47313 },
  "forward-local-default": {
    ...{ ...forward, ...local, listenHost: "", listenPort: 47312 },
    ...{ connectHost: "::1", connectPort: 80 },
  },
  "forward-local-paths": {
    ...{ ...forward, forward: "local", ...target },
    ...{ listenHost: "/tmp/x/listen.sock", listenPort: "path" },
  },
  "forward-remote": { ...forward, ...remote },
  "forward-remote-any-port": { ...forward, ...remote, listenHost: "", listenPort: 0 },
  "forward-remote-paths": {
    ...{ ...forward, forward: "remote", ...target },
    ...{ listenHost: "/tmp/x/remote.sock", listenPort: "path" },
  },
  "forward-remote-dynamic": { ...forward, ...remote, ...anywhere, listenHost: "", listenPort: 47315 },
  "forward-dynamic": { ...forward, ...dynamic },
  "cancel-local": { ...cancel, ...local },
  "cancel-remote": { ...cancel, ...remote },
  "cancel-dynamic": { ...cancel, ...dynamic },
  "stdio-forward": { type: "MUX_C_NEW_STDIO_FWD", requestId: 1, host: "localhost", port: 1 },
  proxy: { type: "MUX_C_PROXY", requestId: 0 },
  "stop-listening": { type: "MUX_C_STOP_LISTENING", requestId: 0 },
  terminate: { type: "MUX_C_TERMINATE", requestId: 0 },
};

const answered: Record<string, MuxReply> = {
  hello: { type: "MUX_MSG_HELLO", version: 4, extensions: [] },
  alive: { type: "MUX_S_ALIVE", requestId: 0, pid: expect.any(Number) },
  "session-opened": { type: "MUX_S_SESSION_OPENED", requestId: 1, sessionId: 2 },
  "exit-message": { type: "MUX_S_EXIT_MESSAGE", sessionId: 2, exitValue: 3 },
  "tty-alloc-fail": { type: "MUX_S_TTY_ALLOC_FAIL", sessionId: 2 },
  ok: { type: "MUX_S_OK", requestId: 0 },
  "remote-port": { type: "MUX_S_REMOTE_PORT", requestId: 0, port: expect.any(Number) },
  failure: { type: "MUX_S_FAILURE", requestId: 1, reason: "Session open refused by peer" },
  "permission-denied": { type: "MUX_S_PERMISSION_DENIED", requestId: 1, reason: "Permission denied" },
  proxy: { type: "MUX_S_PROXY", requestId: 0 },
};

describe("a recorded request", () => {
  test.each(requests)("round-trips byte for byte: $title ($name)", ({ payload }) => {
    expect(encodeMuxRequest(parseMuxRequest(payload))).toEqual(payload);
  });

  test.each(requests)("means what was asked: $title ($name)", ({ name, payload }) => {
    expect(parseMuxRequest(payload)).toEqual(asked[name]);
  });

  test("is there for every row of the table", () => {
    expect(requests.map(({ name }) => name).sort()).toEqual(Object.keys(asked).sort());
  });

  test("passes descriptors if it is a session or a stdio forward", () => {
    for (const { name, payload } of requests) {
      const expected = name.startsWith("session-") ? 3 : name === "stdio-forward" ? 2 : 0;
      expect(descriptorsAfter(payload), name).toBe(expected);
    }
  });
});

describe("a recorded reply", () => {
  test.each(replies)("round-trips byte for byte: $title ($name)", ({ payload }) => {
    expect(encodeMuxReply(parseMuxReply(payload))).toEqual(payload);
  });

  test.each(replies)("means what was answered: $title ($name)", ({ name, payload }) => {
    expect(parseMuxReply(payload)).toEqual(answered[name]);
  });

  test("is there for every row of the table", () => {
    expect(replies.map(({ name }) => name).sort()).toEqual(Object.keys(answered).sort());
  });
});
