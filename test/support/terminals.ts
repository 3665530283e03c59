export * from "../../lab/terminals.ts";
