/**
 * As much of an ntfy server as a client meets (docs.ntfy.sh/publish, docs.ntfy.sh/subscribe/api): JSON or
 * plain text in, a stream of JSON lines out.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Action {
  action: string;
  label: string;
  url: string;
  method: string;
  body: string;
  headers?: Record<string, string>;
}

export interface Message {
  topic: string;
  title?: string;
  message: string;
  actions?: Action[];
}

export class NtfyServer {
  readonly messages: Message[] = [];
  /** What a request must bring, if set. */
  token: string | undefined;
  readonly #subscribers = new Map<ServerResponse, string>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** As the phone does when a button is pressed. */
  async press(label: string): Promise<void> {
    const action = this.messages.at(-1)?.actions?.find((one) => one.label === label);
    if (!action) throw new Error(`no button ${label}`);
    const { url, method, body, headers = {} } = action;
    const response = await fetch(url, { method, body, headers });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
  }

  /** Ends the streams, as a server does that is restarted. */
  drop(): void {
    for (const response of this.#subscribers.keys()) response.end();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) {
      response.writeHead(403).end();
      return;
    }
    const [, topic = "", json] = (request.url ?? "").split("/");
    if (request.method === "GET" && json === "json") return this.#subscribe(topic, response);
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const message: Message = topic === "" ? JSON.parse(body) : { topic, message: body };
    this.messages.push(message);
    for (const [subscriber, wanted] of this.#subscribers)
      if (wanted === message.topic) send(subscriber, { event: "message", ...message });
    response.end("{}");
  }

  #subscribe(topic: string, response: ServerResponse): void {
    this.#subscribers.set(response, topic);
    response.once("close", () => this.#subscribers.delete(response));
    response.writeHead(200, { "Content-Type": "application/x-ndjson; charset=utf-8" });
    send(response, { event: "open", topic });
    send(response, { event: "keepalive", topic });
  }
}

function send(response: ServerResponse, event: object): void {
  response.write(`${JSON.stringify(event)}\n`);
}
