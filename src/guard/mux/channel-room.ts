/**
 * What may be sent on one channel of a proxy client, in both directions: RFC 4254 §5.2.
 *
 * A server that is sent more than it takes, or told of more than a number holds, ends the connection, with the
 * sessions of all: channel_input_data() and channel_input_window_adjust() of channels.c. So whoever goes too
 * far is refused here.
 */
import type { Room } from "../../wire/connection/connection.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";

const MOST = 2 ** 32 - 1;

export class ChannelRoom {
  /** What the client takes yet. */
  #client: number;
  /** What the server takes yet, and at once; not known before it has confirmed the channel. */
  #server: number;
  #maxPacket: number;

  constructor(client: Pick<Room, "window">, server: Room) {
    this.#client = client.window;
    this.#server = server.window;
    this.#maxPacket = server.maxPacket;
  }

  /** @throws ProtocolError where the sum is more than a window can be */
  clientTakesMore(bytes: number): void {
    this.#client += bytes;
    if (this.#client > MOST) throw new ProtocolError("a window of more than 2^32 - 1");
  }

  /** What a server does wrong is for the client to judge. */
  serverTakesMore(bytes: number): void {
    this.#server = Math.min(this.#server + bytes, MOST);
  }

  /** @throws ProtocolError for more than the server takes */
  fromClient(bytes: number): void {
    if (bytes > this.#maxPacket) throw new ProtocolError("a packet longer than the server takes");
    this.#server -= bytes;
    if (this.#server < 0) throw new ProtocolError("more than the server's window");
  }

  fromServer(bytes: number): void {
    this.#client = Math.max(this.#client - bytes, 0);
  }
}
