/**
 * What is used of NATS's client (github.com/nats-io/nats.js). It is a bundle of its own, dist/nats.mjs, which
 * nobody reads without [fleet].
 */
export { jetstream, jetstreamManager } from "@nats-io/jetstream";
export { Kvm } from "@nats-io/kv";
export { connect, credsAuthenticator, headers, nkeyAuthenticator, nkeys } from "@nats-io/transport-node";
