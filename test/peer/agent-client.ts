export * from "../support/agent-client.ts";
