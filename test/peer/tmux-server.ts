export * from "../../lab/tmux-server.ts";
