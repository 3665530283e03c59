/** Ways to the guard itself, and to the connections that it guards. */
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { MUXGUARD, type Result } from "../../lab/lab.ts";
import { describeWith } from "../peer/tools.ts";
import { tryAll } from "./attack-table.ts";
import { ConfineLab, DENY } from "./confine-lab.ts";

/** One for each of the two runs. */
const NEW = ["new-true.example", "new-false.example"];
const ASKS = '[[rule]]\nnamespace = "asked*"\naction = "ask"\n';

describeWith(["ssh", "sshd", "python", "bwrap"], "a confined run does not reach the guard:", () => {
  const lab = new ConfineLab();
  const asked = new Map<string, Promise<Result>>();
  let other: string;
  let victim: number | undefined;

  beforeAll(async () => {
    lab.settings('approvers = ["queue"]\n');
    lab.policy(`${DENY}${ASKS}`);
    await lab.open();
    for (const name of NEW) await lab.startServer(name, join(lab.home, ".ssh/id_ed25519"));
    other = (await lab.holdRun("--scope", "other")).socket;
    victim = lab.start("sleep", ["1000"], { cwd: "/", stdio: "ignore" }).pid;
  });
  afterAll(() => lab.close());

  /** A question that waits, outside of the run. */
  const ask = async (name: string): Promise<string | undefined> => {
    const sign = ["-q", "-Y", "sign", "-n", `asked-${name}`, "-f", join(lab.home, ".ssh/id_ed25519.pub")];
    const running = lab.run("ssh-keygen", sign, {
      environment: { SSH_AUTH_SOCK: lab.agentSocket },
      input: "x",
    });
    const [question] = await lab.pending();
    if (question) asked.set(question.id, running);
    return question?.id;
  };
  const answered = async (id: string): Promise<string> => {
    await lab.muxguard("deny", id);
    return (await asked.get(id))?.code === 0 ? "allowed" : "denied";
  };

  tryAll("guard", {
    lab,
    facts: (confined) => ({
      ...{ confined, victim, otherRun: other, node: process.execPath, muxguard: MUXGUARD },
      control: lab.controlPath(),
      controlFolder: lab.sockets,
    }),
    answers: {
      ask,
      answered,
      "start a master": (confined) => lab.ssh("-M", "-N", "-f", `new-${confined.toLowerCase()}.example`),
    },
  });
});
