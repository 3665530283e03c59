export * from "../../lab/password-server.ts";
