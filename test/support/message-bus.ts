export * from "../../lab/bus.ts";
export * from "../../lab/notification-server.ts";
export { endOf } from "../../lab/processes.ts";
export * from "../../lab/screen.ts";
