export * from "../../lab/message-bus.ts";
