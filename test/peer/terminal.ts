export * from "../../lab/terminal.ts";
