export * from "../../lab/git-server.ts";
