/**
 * Decides where no guard runs: by the policy's files, then a person, and into the log, with the parts that a
 * guard is made of. It ends with its one answer, so nothing is remembered. Approvers are loaded if a person
 * has to be asked.
 */
import type { Approver } from "../src/approver/approver.ts";
import { composeDeciding } from "../src/daemon/compose/deciding.ts";
import { confirm } from "../src/daemon/confirm.ts";
import type { Scope } from "../src/guard/decide/scope.ts";
import type { Question } from "../src/policy/question.ts";
import type { AskpassAnswer, AskpassQuestion } from "../src/rpc/requests.ts";
import { askerOf } from "../src/runs/asking-parent.ts";
import { isInRun } from "../src/runs/in-run.ts";
import { type Config, readConfig } from "../src/settings/config.ts";
import type { Paths } from "../src/settings/paths.ts";
import { userPolicy } from "../src/settings/policy-files.ts";
import { toStderr } from "../src/to-stderr.ts";
import type { OpenApprovers } from "./approvers.ts";
import { stopped } from "./stopped.ts";

export async function decide(paths: Paths, question: AskpassQuestion): Promise<AskpassAnswer> {
  const config = await readConfig(paths);
  const policy = userPolicy(paths, config);
  await policy.load();
  const { processes, broker } = composeDeciding({ paths, config, now: () => performance.now() });
  const caller = processes.read(process.ppid);
  if (isInRun(caller)) throw new Error("this is inside of a muxguard run, and MUXGUARD_PROMPTS is not set");
  const approvers = new Approvers(paths, config);
  const scope: Scope = {
    policy: () => policy.current(),
    approvers: config.approvers
      .filter((kind) => kind !== "queue")
      .map((kind) => approvers.of(kind, question.terminal)),
    queue: "closed",
    report: toStderr,
  };
  const asker = askerOf(() => processes.read(caller.pid, caller.startTime), stopped, scope);
  const { text, hint } = question;
  try {
    return await confirm(broker, { text, hint }, asker, scope);
  } finally {
    await approvers.close();
  }
}

/** The approvers of config.toml. What they are made of is loaded when one has to ask. */
class Approvers {
  readonly #open: () => Promise<OpenApprovers>;
  #opened: Promise<OpenApprovers> | undefined;

  constructor(paths: Paths, config: Config) {
    this.#open = async () => (await import("./approvers.ts")).openApprovers(paths, config);
  }

  /** @param terminal whether there is one to ask on */
  of(kind: string, terminal: boolean): Approver {
    return {
      kind,
      unavailable: () => (kind === "terminal" && !terminal ? "no terminal" : undefined),
      ask: async (question, signal) => {
        this.#opened ??= this.#open();
        const approver = (await this.#opened).approvers.find((one) => one.kind === kind);
        if (!approver) throw new Error("only a daemon has it");
        const reason = approver.unavailable();
        if (reason !== undefined) throw new Error(reason);
        return approver.ask(forOnce(question), signal);
      },
    };
  }

  async close(): Promise<void> {
    await (await this.#opened)?.close();
  }
}

/** A longer answer would promise too much. */
function forOnce({ denyFor: _, ...question }: Question): Question {
  return { ...question, choices: ["once"], yes: "once" };
}
