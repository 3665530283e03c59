export * from "../../lab/pty.ts";
