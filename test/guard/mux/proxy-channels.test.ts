import { describe, expect, test } from "vitest";
import type { MuxFacts } from "../../../src/guard/mux/facts.ts";
import { ProxyChannels } from "../../../src/guard/mux/proxy-channels.ts";
import { type ConnectionMessage, parseConnectionMessage } from "../../../src/wire/connection/connection.ts";
import { SshMessage } from "../../../src/wire/connection/message-numbers.ts";
import { encodeFrame } from "../../../src/wire/frame.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import { ProtocolError } from "../../../src/wire/protocol-error.ts";

type Name = keyof typeof SshMessage;

/** A message: numbers are uint32, texts strings, booleans a byte. */
function message(name: Name, ...fields: (number | string | boolean)[]): Buffer {
  const writer = new ByteWriter().u8(0).u8(SshMessage[name]);
  for (const field of fields) {
    if (typeof field === "number") writer.u32(field);
    else if (typeof field === "string") writer.string(field);
    else writer.bool(field);
  }
  return writer.toBuffer();
}

const open = (sender: number, type = "session", ...more: (number | string)[]): Buffer =>
  message("SSH_MSG_CHANNEL_OPEN", type, sender, 1 << 20, 32768, ...more);
const confirm = (recipient: number, sender: number): Buffer =>
  message("SSH_MSG_CHANNEL_OPEN_CONFIRMATION", recipient, sender, 1 << 20, 32768);
const fail = (recipient: number): Buffer =>
  message("SSH_MSG_CHANNEL_OPEN_FAILURE", recipient, 2, "connect failed", "");
const data = (recipient: number): Buffer => message("SSH_MSG_CHANNEL_DATA", recipient, "data");
const close = (recipient: number): Buffer => message("SSH_MSG_CHANNEL_CLOSE", recipient);
const ask = (recipient: number, name: string, ...more: (number | string)[]): Buffer =>
  message("SSH_MSG_CHANNEL_REQUEST", recipient, name, true, ...more);
const globally = (name: string, wantReply: boolean, ...more: (number | string)[]): Buffer =>
  message("SSH_MSG_GLOBAL_REQUEST", name, wantReply, ...more);

class Setting {
  readonly toMaster: Buffer[] = [];
  readonly toClient: ConnectionMessage[] = [];
  readonly texts: string[] = [];
  readonly asked: MuxFacts[] = [];
  readonly channels: ProxyChannels;

  constructor(decide: (facts: MuxFacts) => string | undefined = () => undefined) {
    this.channels = new ProxyChannels({
      toClient: (payload) => {
        this.toClient.push(parseConnectionMessage(payload));
        this.texts.push(payload.toString("latin1"));
      },
      toMaster: (packet) => void this.toMaster.push(packet.subarray(4)),
      decide: async (facts) => {
        this.asked.push(facts);
        return decide(facts);
      },
    });
  }

  async client(...payloads: Buffer[]): Promise<void> {
    for (const payload of payloads) await this.channels.fromClient(encodeFrame(payload));
  }

  master(...payloads: Buffer[]): void {
    for (const payload of payloads) {
      const { packet } = encodeFrame(payload);
      expect(this.channels.fromMaster(packet)).toBe(packet);
    }
  }

  /** A session of the client's: its own number, and the server's. */
  async session(own = 1, server = 100): Promise<void> {
    await this.client(open(own));
    this.master(confirm(own, server));
    this.toMaster.length = 0;
  }
}

describe("a channel", () => {
  test("is used under the server's number, from its confirmation to its end", async () => {
    const setting = new Setting();
    await setting.session();
    const uses = [
      data(100),
      message("SSH_MSG_CHANNEL_WINDOW_ADJUST", 100, 5),
      message("SSH_MSG_CHANNEL_SUCCESS", 100),
      message("SSH_MSG_CHANNEL_FAILURE", 100),
      message("SSH_MSG_CHANNEL_EOF", 100),
      close(100),
    ];
    await setting.client(...uses);
    expect(setting.toMaster).toEqual(uses);
  });

  test("may have a number that was used before", async () => {
    const setting = new Setting();
    for (let time = 0; time < 3; time++) {
      await setting.session(1, 100 + time);
      await setting.client(data(100 + time), close(100 + time));
      setting.master(close(1));
    }
    await setting.client(open(2));
    setting.master(fail(2));
    await setting.session(2, 100);
    await setting.client(data(100));
  });

  test("that the server offers may be taken or left", async () => {
    const setting = new Setting();
    setting.master(open(7, "forwarded-tcpip"), open(8, "forwarded-tcpip"));
    const answers = [confirm(7, 1), fail(8), data(7), close(7)];
    await setting.client(...answers);
    expect(setting.toMaster).toEqual(answers);
  });
});

describe("a client can't reach what is not its own", () => {
  const ended = async (setting: Setting): Promise<void> => {
    await setting.session();
    await setting.client(close(100));
  };
  const offered = async (setting: Setting): Promise<void> => setting.master(open(7, "forwarded-tcpip"));
  const rows: [string, (setting: Setting) => Promise<void>, Buffer][] = [
    ["data for another's channel", (setting) => setting.session(), data(101)],
    ["data under its own number", (setting) => setting.session(1, 100), data(1)],
    [
      "stderr data for another's channel",
      (setting) => setting.session(),
      message("SSH_MSG_CHANNEL_EXTENDED_DATA", 101, 1, "data"),
    ],
    [
      "a window for another's channel",
      (setting) => setting.session(),
      message("SSH_MSG_CHANNEL_WINDOW_ADJUST", 101, 5),
    ],
    ["the end of another's data", (setting) => setting.session(), message("SSH_MSG_CHANNEL_EOF", 101)],
    ["the end of another's channel", (setting) => setting.session(), close(101)],
    ["a command on another's channel", (setting) => setting.session(), ask(101, "exec", "id")],
    ["a signal for another's session", (setting) => setting.session(), ask(101, "signal", "KILL")],
    [
      "an answer on another's channel",
      (setting) => setting.session(),
      message("SSH_MSG_CHANNEL_SUCCESS", 101),
    ],
    ["data before the confirmation", (setting) => setting.client(open(1)), data(100)],
    ["data after the end", ended, data(100)],
    ["a second end", ended, close(100)],
    ["a command after the end", ended, ask(100, "exec", "id")],
    ["data for an offered channel that it did not take", offered, data(7)],
    ["the end of an offered channel that it did not take", offered, close(7)],
    ["the confirmation of what was not offered", offered, confirm(8, 1)],
    ["the refusal of what was not offered", offered, fail(8)],
    [
      "a second confirmation",
      async (setting) => {
        await offered(setting);
        await setting.client(confirm(7, 1));
      },
      confirm(7, 2),
    ],
    [
      "a confirmation after a refusal",
      async (setting) => {
        await offered(setting);
        await setting.client(fail(7));
      },
      confirm(7, 1),
    ],
    [
      "data for a channel whose opening failed",
      async (setting) => {
        await setting.client(open(1));
        setting.master(fail(1), confirm(1, 100));
      },
      data(100),
    ],
    [
      "a second channel of one number, while the first is opened",
      (setting) => setting.client(open(1)),
      open(1),
    ],
    ["a second channel of one number", (setting) => setting.session(1, 100), open(1)],
    [
      "a second channel of the number that it gave an offered one",
      async (setting) => {
        await offered(setting);
        await setting.client(confirm(7, 1));
      },
      open(1),
    ],
  ];

  test.each(rows)("by %s", async (_, prepare, payload) => {
    const setting = new Setting();
    await prepare(setting);
    setting.toMaster.length = 0;
    await expect(setting.client(payload)).rejects.toThrow();
    expect(setting.toMaster).toEqual([]);
  });

  const padded = Buffer.concat([Buffer.of(1), data(100).subarray(1), Buffer.of(0)]);
  test.each<[string, Buffer]>([
    ["of the transport: disconnect", Buffer.of(0, 1, 0, 0, 0, 11)],
    ["of the transport: a new key exchange", Buffer.of(0, 20)],
    ["of authentication", Buffer.of(0, 50)],
    ["that nobody knows", Buffer.of(0, 192)],
    ["of a server: success", message("SSH_MSG_REQUEST_SUCCESS")],
    ["of a server: failure", message("SSH_MSG_REQUEST_FAILURE")],
    ["with padding", padded],
    ["without a number", Buffer.of(0)],
    ["that is cut", close(100).subarray(0, -1)],
    ["with more behind it", Buffer.concat([close(100), Buffer.of(0)])],
  ])("by a message %s", async (_, payload) => {
    const setting = new Setting();
    await setting.session();
    await expect(setting.client(payload)).rejects.toThrow();
    expect(setting.toMaster).toEqual([]);
  });
});

describe("what a channel is for is decided", () => {
  const wanted: [string, Buffer, MuxFacts][] = [
    ["a command", ask(100, "exec", "uptime"), { kind: "session", command: "uptime" }],
    ["a shell", ask(100, "shell"), { kind: "session", command: "" }],
    ["a subsystem", ask(100, "subsystem", "sftp"), { kind: "session", subsystem: "sftp" }],
  ];

  test.each(wanted)("%s: passed on if it is allowed", async (_, payload, facts) => {
    const setting = new Setting();
    await setting.session();
    await setting.client(payload);
    expect(setting.asked).toEqual([facts]);
    expect(setting.toMaster).toEqual([payload]);
  });

  test.each(wanted)("%s: refused with the reason on the client's stderr if not", async (_, payload) => {
    const setting = new Setting(() => "muxguard: denied: for a reason");
    await setting.session();
    await setting.client(payload);
    expect(setting.toMaster).toEqual([]);
    expect(setting.toClient).toEqual([
      { type: "SSH_MSG_CHANNEL_EXTENDED_DATA", recipient: 1, length: expect.any(Number) },
      { type: "SSH_MSG_CHANNEL_FAILURE", recipient: 1 },
    ]);
    expect(setting.texts[0]).toContain("muxguard: denied: for a reason\r\n");
  });

  const direct = (host: string, port: number): Buffer => open(1, "direct-tcpip", host, port, "origin", 0);
  const streamlocal = (path: string): Buffer => open(1, "direct-streamlocal@openssh.com", path, "", 0);

  test.each<[string, Buffer, string]>([
    ["a host", direct("db", 5432), "db:5432"],
    ["an IPv6 address", direct("::1", 80), "[::1]:80"],
    ["a path", streamlocal("/run/docker.sock"), "/run/docker.sock"],
    ["a path that reads like a host", streamlocal("db:5432"), "./db:5432"],
    ["a host that reads like a path", direct("/run/docker.sock", 80), "[/run/docker.sock]:80"],
  ])("a connection to %s", async (_, payload, connect) => {
    const allowed = new Setting();
    await allowed.client(payload);
    expect(allowed.asked).toEqual([{ kind: "forward", forward: { kind: "stdio", connect } }]);
    expect(allowed.toMaster).toEqual([payload]);
    const denied = new Setting(() => "muxguard: denied");
    await denied.client(payload);
    expect(denied.toMaster).toEqual([]);
    expect(denied.toClient).toEqual([{ type: "SSH_MSG_CHANNEL_OPEN_FAILURE", recipient: 1 }]);
    await expect(denied.client(data(100))).rejects.toThrow();
  });

  test.each([
    ["8080", "", "*:8080"],
    ["8080 on localhost", "localhost", "localhost:8080"],
  ])("a port on the server: %s", async (_, host, listen) => {
    const payload = globally("tcpip-forward", true, host, 8080);
    const allowed = new Setting();
    await allowed.client(payload);
    expect(allowed.asked).toEqual([{ kind: "forward", forward: { kind: "remote", listen } }]);
    // the master would take the answer for another's
    expect(allowed.toMaster).toEqual([globally("tcpip-forward", false, host, 8080)]);
    expect(payload).toEqual(globally("tcpip-forward", true, host, 8080));
    const denied = new Setting(() => "muxguard: denied");
    await expect(denied.client(payload)).rejects.toThrow("global request tcpip-forward refused");
    expect(denied).toMatchObject({ toMaster: [], toClient: [] });
  });

  test("with the terminal and the variables that were asked for before", async () => {
    const setting = new Setting();
    await setting.session(1, 100);
    await setting.session(2, 200);
    const wishes = [
      ask(100, "pty-req", "xterm", 80, 24, 0, 0, ""),
      ask(100, "env", "LC_ALL", "C"),
      ask(100, "env", "A", "1"),
    ];
    await setting.client(...wishes, ask(100, "exec", "one"), ask(200, "exec", "two"));
    expect(setting.toMaster.slice(0, 3)).toEqual(wishes);
    expect(setting.asked).toEqual([
      { kind: "session", command: "one", tty: true, environment: ["A", "LC_ALL"] },
      { kind: "session", command: "two" },
    ]);
  });

  test("each time: a command that was allowed allows no second one", async () => {
    const setting = new Setting(({ command }) => (command === "first" ? undefined : "no"));
    await setting.session();
    await setting.client(ask(100, "exec", "first"), ask(100, "exec", "second"));
    expect(setting.toMaster).toEqual([ask(100, "exec", "first")]);
  });
});

describe("what is neither decided nor harmless is refused", () => {
  test.each([
    ["X11 forwarding", "x11-req"],
    ["agent forwarding", "auth-agent-req@openssh.com"],
    ["what nobody knows", "new@example.com"],
  ])("on a session: %s", async (_, name) => {
    const setting = new Setting();
    await setting.session();
    await setting.client(ask(100, name));
    expect(setting).toMatchObject({ toMaster: [], asked: [] });
    expect(setting.toClient).toEqual([{ type: "SSH_MSG_CHANNEL_FAILURE", recipient: 1 }]);
  });

  test.each(["exec", "subsystem", "shell", "signal", "pty-req"])(
    "on a channel that is no session: %s",
    async (name) => {
      const setting = new Setting();
      await setting.client(open(1, "direct-tcpip", "db", 5432, "origin", 0));
      setting.master(confirm(1, 100), open(7, "forwarded-tcpip"));
      await setting.client(confirm(7, 2));
      setting.toMaster.length = 0;
      setting.asked.length = 0;
      const terminal = name === "pty-req" ? [80, 24, 0, 0, ""] : [];
      const more = name === "shell" ? [] : ["id", ...terminal];
      await setting.client(ask(100, name, ...more), ask(7, name, ...more));
      expect(setting).toMatchObject({ toMaster: [], asked: [] });
    },
  );

  test.each(["x11", "auth-agent@openssh.com", "tun@openssh.com", "forwarded-tcpip", "new@example.com"])(
    "a channel: %s",
    async (type) => {
      const setting = new Setting();
      await setting.client(open(1, type));
      expect(setting).toMatchObject({ toMaster: [], asked: [] });
      expect(setting.toClient).toEqual([{ type: "SSH_MSG_CHANNEL_OPEN_FAILURE", recipient: 1 }]);
      setting.master(confirm(1, 100));
      await expect(setting.client(data(100))).rejects.toThrow();
    },
  );

  test.each<[string, (string | number)[]]>([
    ["cancel-tcpip-forward", ["", 8080]],
    ["streamlocal-forward@openssh.com", ["/tmp/s"]],
    ["no-more-sessions@openssh.com", []],
    ["keepalive@openssh.com", []],
  ])("a global request: %s", async (name, more) => {
    for (const wantReply of [false, true]) {
      const setting = new Setting();
      await expect(setting.client(globally(name, wantReply, ...more))).rejects.toThrow(`${name} refused`);
      expect(setting).toMatchObject({ toMaster: [], toClient: [], asked: [] });
    }
  });
});

describe("a client has its limits", () => {
  test("in channels, however far they have come", async () => {
    const setting = new Setting();
    for (let own = 0; own < 1024; own++) {
      await setting.client(open(own));
      if (own % 2 === 0) setting.master(confirm(own, own));
    }
    await expect(setting.client(open(1024))).rejects.toThrow("too many channels");
    await setting.client(close(0));
    await setting.client(open(1024));
  });

  test("in channels that the server refuses: the master keeps each until the client ends", async () => {
    const setting = new Setting();
    for (let time = 0; time < 4096; time++) {
      await setting.client(open(1));
      setting.master(fail(1));
    }
    await expect(setting.client(open(1))).rejects.toThrow("too many channels");
  });

  test("in channels that are offered to it", () => {
    const setting = new Setting();
    for (let number = 0; number < 1024; number++) setting.master(open(number, "forwarded-tcpip"));
    expect(() => setting.channels.fromMaster(encodeFrame(open(1024, "forwarded-tcpip")).packet)).toThrow();
  });

  test("in variables", async () => {
    const setting = new Setting();
    await setting.session();
    for (let count = 0; count < 1025; count++) await setting.client(ask(100, "env", `A${count}`, ""));
    expect(setting.toMaster).toHaveLength(1024);
    expect(setting.toClient).toEqual([{ type: "SSH_MSG_CHANNEL_FAILURE", recipient: 1 }]);
  });
});

describe("what ends the connection of all, and is refused for the one client", () => {
  const MOST = 2 ** 32 - 1;
  const adjust = (bytes: number): Buffer => message("SSH_MSG_CHANNEL_WINDOW_ADJUST", 100, bytes);
  const dataOf = (length: number): Buffer => message("SSH_MSG_CHANNEL_DATA", 100, "x".repeat(length));
  const filled = Array.from({ length: 32 }, () => dataOf(32768));

  test.each<[string, Buffer[]]>([
    ["a window that overflows at once", [adjust(MOST)]],
    ["one that does so in two steps", [adjust(MOST - 2 ** 21), adjust(2 ** 21)]],
    ["a packet longer than the server takes", [dataOf(32769)]],
    ["more than the server's window", [...filled, dataOf(1)]],
    ["extended data", [message("SSH_MSG_CHANNEL_EXTENDED_DATA", 100, 1, "data")]],
  ])("%s", async (_, payloads) => {
    const setting = new Setting();
    await setting.session();
    await expect(setting.client(...payloads)).rejects.toThrow(ProtocolError);
    expect(setting.toMaster).toEqual(payloads.slice(0, -1));
  });

  test("but not a window that the server has used, or has made larger", async () => {
    const setting = new Setting();
    await setting.session();
    await setting.client(adjust(MOST - 2 ** 20));
    setting.master(message("SSH_MSG_CHANNEL_DATA", 1, "data"));
    await setting.client(adjust(4), ...filled);
    setting.master(message("SSH_MSG_CHANNEL_WINDOW_ADJUST", 1, 32768));
    await setting.client(dataOf(32768));
  });

  test("a second terminal on a channel", async () => {
    const setting = new Setting();
    await setting.session();
    const terminal = ask(100, "pty-req", "xterm", 80, 24, 0, 0, "");
    await setting.client(terminal, terminal);
    expect(setting.toMaster).toEqual([terminal]);
  });
});
