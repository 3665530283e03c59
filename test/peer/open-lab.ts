export * from "../../lab/open-lab.ts";
