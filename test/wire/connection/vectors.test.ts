/** What the real `ssh -O proxy` and its master said: test/vectors, made by record-mux.mjs. */
import { describe, expect, test } from "vitest";
import {
  type ConnectionMessage,
  channelFailure,
  channelOpenFailure,
  channelStderr,
  parseConnectionMessage,
} from "../../../src/wire/connection/connection.ts";
import { OpenFailure } from "../../../src/wire/connection/message-numbers.ts";
import { readVector } from "../../support/vectors.ts";
import { muxVectors } from "../mux/samples.ts";

const recorded = muxVectors("connection");
const payloadOf = (name: string): Buffer => readVector(`connection.${name}.hex`).payload;

const open = { type: "SSH_MSG_CHANNEL_OPEN", sender: 2, window: 0x200000, maxPacket: 0x8000 } as const;
/** The server's number for the channel, and the client's. */
const server = { recipient: 5 } as const;
const client = { recipient: 0 } as const;
const request = { type: "SSH_MSG_CHANNEL_REQUEST", ...server } as const;

const said: Record<string, ConnectionMessage> = {
  "client-open-session": { ...open, sender: 0, channelType: "session" },
  "client-direct-tcpip": {
    ...{ ...open, channelType: "direct-tcpip" },
    // the origin of what came in through a Unix socket
    target: { host: "localhost", port: 1, originHost: "", originPort: 0 },
  },
  "client-direct-streamlocal": {
    ...{ ...open, channelType: "direct-streamlocal@openssh.com" },
    path: "/tmp/x/target.sock",
  },
  "client-tcpip-forward": {
    type: "SSH_MSG_GLOBAL_REQUEST",
    ...{ name: "tcpip-forward", wantReply: true },
    forward: { address: "localhost", port: 47317 },
  },
  "client-exec": { ...request, name: "exec", wantReply: true, command: "cat; echo oops >&2; exit 3" },
  "client-subsystem": { ...request, name: "subsystem", wantReply: true, subsystem: "sftp" },
  "client-shell": { ...request, name: "shell", wantReply: true },
  "client-env": { ...request, name: "env", wantReply: false, variable: "DEPLOY_NOTE" },
  "client-pty-req": { ...request, name: "pty-req", wantReply: true },
  "client-window-adjust": { type: "SSH_MSG_CHANNEL_WINDOW_ADJUST", ...server, window: expect.any(Number) },
  "client-data": { type: "SSH_MSG_CHANNEL_DATA", ...server, length: expect.any(Number) },
  "client-eof": { type: "SSH_MSG_CHANNEL_EOF", ...server },
  "client-close": { type: "SSH_MSG_CHANNEL_CLOSE", ...server },
  "server-open-confirmation": {
    type: "SSH_MSG_CHANNEL_OPEN_CONFIRMATION",
    ...client,
    sender: 5,
    window: expect.any(Number),
    maxPacket: expect.any(Number),
  },
  "server-open-failure": { type: "SSH_MSG_CHANNEL_OPEN_FAILURE", recipient: 2 },
  "server-success": { type: "SSH_MSG_CHANNEL_SUCCESS", ...client },
  "server-failure": { type: "SSH_MSG_CHANNEL_FAILURE", ...client },
  "server-data": { type: "SSH_MSG_CHANNEL_DATA", ...client, length: expect.any(Number) },
  "server-extended-data": { type: "SSH_MSG_CHANNEL_EXTENDED_DATA", ...client, length: expect.any(Number) },
  "server-exit-status": { type: "SSH_MSG_CHANNEL_REQUEST", ...client, name: "exit-status", wantReply: false },
  "server-eof": { type: "SSH_MSG_CHANNEL_EOF", ...client },
  "server-close": { type: "SSH_MSG_CHANNEL_CLOSE", ...client },
};

describe("a recorded message of a proxy client or its master", () => {
  test.each(recorded)("means what was said: $title ($name)", ({ name, payload }) => {
    expect(parseConnectionMessage(payload)).toEqual(said[name]);
  });

  test("is there for every row of the table", () => {
    expect(recorded.map(({ name }) => name).sort()).toEqual(Object.keys(said).sort());
  });
});

describe("what the guard says itself", () => {
  const { SSH_OPEN_CONNECT_FAILED } = OpenFailure;
  const same: [string, string, Buffer][] = [
    ["text on stderr", "server-extended-data", channelStderr(0, "oops\n")],
    ["a refused request", "server-failure", channelFailure(0)],
    [
      "a refused channel",
      "server-open-failure",
      channelOpenFailure(2, SSH_OPEN_CONNECT_FAILED, "Connection refused"),
    ],
  ];

  test.each(same)("is byte for byte what OpenSSH says: %s", (_, name, payload) => {
    expect(payload).toEqual(payloadOf(name));
  });
});
