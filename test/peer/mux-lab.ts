export * from "../../lab/mux-lab.ts";
