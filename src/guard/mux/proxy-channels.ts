/**
 * The connection protocol that a proxy client speaks with the master (`ssh -O proxy`): RFC 4254, and
 * channels.c channel_proxy_downstream().
 *
 * What a channel is opened for is decided as if it had been asked of the master in the usual way; what a
 * session needs beside (a terminal, variables, signals) is part of that; anything else is refused here. And a
 * client may name its own channels alone: the master passes on any number, those of other clients' sessions
 * too.
 */

import {
  type ChannelOpen,
  type ChannelRequest,
  type ConnectionMessage,
  channelFailure,
  channelOpenFailure,
  channelStderr,
  type GlobalRequest,
  parseConnectionMessage,
  type Room,
  withoutReply,
} from "../../wire/connection/connection.ts";
import { OpenFailure } from "../../wire/connection/message-numbers.ts";
import { checkForServer } from "../../wire/connection/strict.ts";
import type { Frame } from "../../wire/frame.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import { ChannelRoom } from "./channel-room.ts";
import { address, type MuxFacts } from "./facts.ts";

export interface ProxyParts {
  /** Takes the payload of a frame. */
  toClient(payload: Buffer): void;
  /** Takes a packet. */
  toMaster(packet: Buffer): void;
  /**
   * Why it is denied, as the user is to read it; undefined if it is allowed. Never rejects.
   * @param tells whether the user is told of a denial over the channel
   */
  decide(facts: MuxFacts, tells: boolean): Promise<string | undefined>;
}

interface Channel {
  /** The number that the client gave it. */
  client: number;
  isSession: boolean;
  tty: boolean;
  environment: Set<string>;
  room: ChannelRoom;
}

/** A channel that one side has opened, and what that side takes on it. */
interface Opening {
  channel: Omit<Channel, "room">;
  room: Room;
}

/** Parts of a session that change nothing beyond it. */
const harmlessRequests = ["window-change", "signal", "break", "xon-xoff", "eow@openssh.com"];
/** A client may have so many channels, and set so many variables for each. */
const MAX_CHANNELS = 1024;
/**
 * For each that the server refuses, the master keeps a place as long as the client stays; and it ends itself,
 * with all sessions, if it has too many.
 */
const MAX_REFUSED = 4096;
const MAX_VARIABLES = 1024;

export class ProxyChannels {
  readonly #parts: ProxyParts;
  /** Opened by the client, not confirmed yet; by the client's number. */
  readonly #opening = new Map<number, Opening>();
  /** By the server's number. */
  readonly #open = new Map<number, Channel>();
  /** The same by the client's. */
  readonly #byClient = new Map<number, Channel>();
  /** Opened by the server, not answered yet. */
  readonly #offered = new Map<number, Room>();
  #refused = 0;

  constructor(parts: ProxyParts) {
    this.#parts = parts;
  }

  /**
   * Passes on a message of the client's, or refuses it. @throws ProtocolError for one that ends the
   * connection
   */
  async fromClient({ packet, payload }: Frame): Promise<void> {
    const message = parseConnectionMessage(payload);
    checkForServer(payload, message);
    if (!(await this.#mayPass(message))) return;
    const isGlobal = message.type === "SSH_MSG_GLOBAL_REQUEST";
    this.#parts.toMaster(isGlobal ? withoutReply(packet, message) : packet);
  }

  /** Takes note of a message of the master's, and returns it. */
  fromMaster(packet: Buffer): Buffer {
    const message = parseConnectionMessage(packet.subarray(4));
    switch (message.type) {
      case "SSH_MSG_CHANNEL_OPEN_CONFIRMATION":
        this.#confirm(message);
        break;
      case "SSH_MSG_CHANNEL_OPEN_FAILURE":
        if (this.#opening.delete(message.recipient)) this.#refused++;
        break;
      case "SSH_MSG_CHANNEL_OPEN":
        this.#makeRoom();
        this.#offered.set(message.sender, message);
        break;
      case "SSH_MSG_CHANNEL_WINDOW_ADJUST":
        this.#ofClient(message.recipient)?.room.serverTakesMore(message.window);
        break;
      case "SSH_MSG_CHANNEL_DATA":
      case "SSH_MSG_CHANNEL_EXTENDED_DATA":
        this.#ofClient(message.recipient)?.room.fromServer(message.length);
        break;
      default:
    }
    return packet;
  }

  #confirm({ recipient, sender, ...room }: { recipient: number; sender: number } & Room): void {
    const opening = this.#opening.get(recipient);
    this.#opening.delete(recipient);
    if (opening) this.#add(sender, opening.channel, new ChannelRoom(opening.room, room));
  }

  #add(server: number, channel: Omit<Channel, "room">, room: ChannelRoom): void {
    const open = { ...channel, room };
    this.#open.set(server, open);
    this.#byClient.set(channel.client, open);
  }

  #ofClient(client: number): Channel | undefined {
    return this.#byClient.get(client);
  }

  async #mayPass(message: ConnectionMessage): Promise<boolean> {
    switch (message.type) {
      case "SSH_MSG_GLOBAL_REQUEST":
        return this.#mayRequestGlobally(message);
      case "SSH_MSG_CHANNEL_OPEN":
        return this.#mayOpen(message);
      case "SSH_MSG_CHANNEL_REQUEST":
        return this.#mayRequest(message, this.#own(message.recipient));
      case "SSH_MSG_CHANNEL_OPEN_CONFIRMATION":
        this.#accept(message);
        return true;
      case "SSH_MSG_CHANNEL_OPEN_FAILURE":
        if (!this.#offered.delete(message.recipient))
          throw new ProtocolError("a channel that was not offered");
        return true;
      case "SSH_MSG_CHANNEL_CLOSE":
        this.#byClient.delete(this.#own(message.recipient).client);
        this.#open.delete(message.recipient);
        return true;
      case "SSH_MSG_CHANNEL_WINDOW_ADJUST":
        this.#own(message.recipient).room.clientTakesMore(message.window);
        return true;
      case "SSH_MSG_CHANNEL_DATA":
        this.#own(message.recipient).room.fromClient(message.length);
        return true;
      case "SSH_MSG_CHANNEL_EXTENDED_DATA":
        // no client has any, and behind an EOF it ends the connection: channel_input_extended_data()
        throw new ProtocolError("a proxy client's extended data");
      case "SSH_MSG_REQUEST_SUCCESS":
      case "SSH_MSG_REQUEST_FAILURE":
      case "unknown":
        throw new ProtocolError(`a proxy client's ${message.type}`);
      default:
        this.#own(message.recipient);
        return true;
    }
  }

  /** @throws ProtocolError for a channel that is not this client's */
  #own(server: number): Channel {
    const channel = this.#open.get(server);
    if (!channel) throw new ProtocolError("a channel of somebody else's");
    return channel;
  }

  #accept({ recipient, sender, window }: { recipient: number; sender: number } & Room): void {
    const offered = this.#offered.get(recipient);
    if (!offered) throw new ProtocolError("a channel that was not offered");
    if (this.#isInUse(sender)) throw new ProtocolError("two channels of one number");
    this.#offered.delete(recipient);
    this.#add(recipient, newChannel(sender, false), new ChannelRoom({ window }, offered));
  }

  async #mayOpen(open: ChannelOpen): Promise<boolean> {
    const { sender, channelType } = open;
    this.#makeRoom();
    if (this.#isInUse(sender)) throw new ProtocolError("two channels of one number");
    const connect = targetOf(open);
    // what a session is for comes with its requests
    const denied =
      connect !== undefined
        ? await this.#parts.decide({ kind: "forward", forward: { kind: "stdio", connect } }, true)
        : channelType === "session"
          ? undefined
          : "muxguard: denied: this kind of channel is not passed on";
    const channel = newChannel(sender, connect === undefined);
    if (denied === undefined) this.#opening.set(sender, { channel, room: open });
    else
      this.#parts.toClient(
        channelOpenFailure(sender, OpenFailure.SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, denied),
      );
    return denied === undefined;
  }

  #makeRoom(): void {
    const channels = this.#open.size + this.#opening.size + this.#offered.size;
    if (channels >= MAX_CHANNELS || this.#refused >= MAX_REFUSED)
      throw new ProtocolError("too many channels");
  }

  /** Two of one number could not be told apart when they are confirmed. */
  #isInUse(client: number): boolean {
    return this.#opening.has(client) || this.#byClient.has(client);
  }

  /**
   * OpenSSH's client can't read an answer to a global request (packet.c wants 5 bytes), and its master gives
   * none: what is refused ends the connection. The server is not asked for one either. The master would take
   * it for the answer to its own request, or to another client's, and end itself where that has another form:
   * client_global_request_reply() of clientloop.c, mux_confirm_remote_forward() of mux.c.
   */
  async #mayRequestGlobally({ name, forward }: GlobalRequest): Promise<boolean> {
    // RFC 4254 §7.1: no address means all of them
    const listen = name === "tcpip-forward" && forward && address(forward.address || "*", forward.port);
    const facts: MuxFacts | undefined = listen
      ? { kind: "forward", forward: { kind: "remote", listen } }
      : undefined;
    if (facts && (await this.#parts.decide(facts, false)) === undefined) return true;
    throw new ProtocolError(`global request ${name} refused`);
  }

  async #mayRequest(request: ChannelRequest, channel: Channel): Promise<boolean> {
    const facts = sessionFacts(request, channel);
    if (facts === "harmless") return true;
    const denied = facts === "refused" ? undefined : await this.#parts.decide(facts, true);
    if (facts !== "refused" && denied === undefined) return true;
    if (denied !== undefined) this.#parts.toClient(channelStderr(channel.client, `${denied}\r\n`));
    if (request.wantReply) this.#parts.toClient(channelFailure(channel.client));
    return false;
  }
}

function targetOf({ target, path }: ChannelOpen): string | undefined {
  if (target) return address(target.host, target.port);
  return path === undefined ? undefined : address(path, "path");
}

function newChannel(client: number, isSession: boolean): Omit<Channel, "room"> {
  return { client, isSession, tty: false, environment: new Set() };
}

/** What a request on a channel asks for; its terminal and variables are kept until then. */
function sessionFacts(request: ChannelRequest, channel: Channel): MuxFacts | "harmless" | "refused" {
  const { name, command, subsystem, variable } = request;
  if (!channel.isSession) return "refused";
  switch (name) {
    case "exec":
      return { kind: "session", command: command ?? "", ...wishes(channel) };
    case "shell":
      return { kind: "session", command: "", ...wishes(channel) };
    case "subsystem":
      return { kind: "session", ...(subsystem !== undefined && { subsystem }), ...wishes(channel) };
    case "pty-req":
      // a second one ends the connection: session_pty_req() of OpenSSH's session.c
      if (channel.tty) return "refused";
      channel.tty = true;
      return "harmless";
    case "env":
      if (variable === undefined || channel.environment.size >= MAX_VARIABLES) return "refused";
      channel.environment.add(variable);
      return "harmless";
    default:
      return harmlessRequests.includes(name) ? "harmless" : "refused";
  }
}

function wishes({ tty, environment }: Channel): Pick<MuxFacts, "tty" | "environment"> {
  return { ...(tty && { tty }), ...(environment.size > 0 && { environment: [...environment].sort() }) };
}
