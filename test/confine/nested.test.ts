/** Ways by user namespaces inside, where the scope says `nested`. */
import { afterAll, beforeAll } from "vitest";
import { describeWith } from "../peer/tools.ts";
import { tryAll } from "./attack-table.ts";
import { ConfineLab } from "./confine-lab.ts";

describeWith(["python", "ssh", "bwrap"], "a nested run gains nothing by namespaces of its own:", () => {
  const lab = new ConfineLab();
  const secret = `sleep ${5_000_000 + process.pid}`;
  let victim: number | undefined;
  beforeAll(async () => {
    lab.config("[scope.sandboxed]\nnested = true\n");
    await lab.withAgent();
    victim = lab.start("/bin/sh", ["-c", `exec ${secret}`], { stdio: "ignore" }).pid;
  });
  afterAll(() => lab.close());

  tryAll("nested", {
    lab,
    options: ["--scope", "sandboxed"],
    facts: () => ({ victim, secret: secret.replace(" ", "\0") }),
  });
});
