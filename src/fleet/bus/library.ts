/**
 * What is used of NATS's client (github.com/nats-io/nats.js). It is a bundle of its own, dist/nats.mjs, which
 * nobody reads without [fleet].
 */

import type { NatsConnection } from "@nats-io/transport-node";
import { type ConnectionOptions, NatsConnectionImpl, setTransportFactory } from "@nats-io/transport-node";
import { NodeTransport, nodeResolveHost } from "@nats-io/transport-node/lib/node_transport.js";

export { jetstream, jetstreamManager } from "@nats-io/jetstream";
export { Kvm } from "@nats-io/kv";
export { credsAuthenticator, headers, nkeyAuthenticator, nkeys } from "@nats-io/transport-node";

interface HeldOptions extends ConnectionOptions {
  /** When the socket is to be gone, whatever it is in the middle of. */
  over: AbortSignal;
}

/**
 * As connect(), but for its sockets. That one forgets a socket on which a server is silent in the middle: nobody can
 * close it, and it keeps a descriptor and the process.
 */
export function connectHeld(options: HeldOptions): Promise<NatsConnection> {
  setTransportFactory({ factory: () => new HeldTransport(), dnsResolveFn: nodeResolveHost });
  return NatsConnectionImpl.connect(options);
}

class HeldTransport extends NodeTransport {
  override connect(...args: Parameters<NodeTransport["connect"]>): Promise<void> {
    const { over } = args[1] as HeldOptions;
    const end = (): void => {
      this.done = true;
      this.socket?.destroy();
    };
    over.addEventListener("abort", end, { once: true });
    return super.connect(...args);
  }
}
