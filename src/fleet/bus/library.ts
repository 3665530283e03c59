/**
 * What is used of NATS's client (github.com/nats-io/nats.js). It is a bundle of its own, dist/nats.mjs, which
 * nobody reads without [fleet].
 */
export { Kvm } from "@nats-io/kv";
export { connect, credsAuthenticator, nkeyAuthenticator, nkeys } from "@nats-io/transport-node";
