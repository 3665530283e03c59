export * from "../../lab/askpass-lab.ts";
