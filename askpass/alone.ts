/**
 * Decides where no guard runs: by the policy's files, then a person, and into the log, with the parts that a guard is made of. It ends with its one
 * answer, so nothing is remembered. Approvers are loaded if a person has to be asked.
 */
import type { Approver } from "../src/approver/approver.ts";
import { createAskpassApprover } from "../src/approver/askpass.ts";
import { nextAskpass } from "../src/approver/next-askpass.ts";
import { auditEvent } from "../src/audit/event.ts";
import { AuditLog } from "../src/audit/log.ts";
import { type Config, readConfig } from "../src/daemon/config.ts";
import { confirm } from "../src/daemon/confirm.ts";
import { askerOf } from "../src/daemon/parent-asker.ts";
import type { Paths } from "../src/daemon/paths.ts";
import { userPolicy } from "../src/daemon/policy-files.ts";
import type { AskpassAnswer, AskpassQuestion } from "../src/daemon/rpc.ts";
import { Broker } from "../src/guard/broker.ts";
import { Questions } from "../src/guard/questions.ts";
import type { Scope } from "../src/guard/scope.ts";
import { isInRun } from "../src/platform/in-run.ts";
import { ProcessTable } from "../src/platform/process.ts";
import { Grants } from "../src/policy/grants.ts";

export async function decide(paths: Paths, question: AskpassQuestion): Promise<AskpassAnswer> {
  const config = await readConfig(paths);
  const report = (line: string): void => void process.stderr.write(`${line}\n`);
  const policy = userPolicy(paths, report);
  await policy.load();
  const processes = new ProcessTable();
  const caller = processes.read(process.ppid);
  if (isInRun(caller)) throw new Error("this is inside of a muxguard run, and MUXGUARD_PROMPTS is not set");
  const scope: Scope = {
    policy: () => policy.current(),
    approvers: approversOf(config, question.terminal),
    queue: "closed",
    report,
  };
  const gone = new AbortController().signal;
  const asker = askerOf(() => processes.read(caller.pid, caller.startTime), gone, scope);
  const { text, hint } = question;
  return confirm(brokerOf(paths, config), { text, hint }, asker, scope);
}

function brokerOf(paths: Paths, config: Config): Broker {
  const log = new AuditLog(paths.log, config.syncLog);
  const now = (): number => performance.now();
  return new Broker({
    record: (decided) => log.append(auditEvent(decided)),
    grants: new Grants(now),
    questions: new Questions(),
    settings: config,
    now,
  });
}

function approversOf({ approvers, askpass }: Config, terminal: boolean): Approver[] {
  const all = [onTerminal(terminal), createAskpassApprover(nextAskpass(process.env, askpass))];
  return approvers.flatMap((kind) => all.filter((approver) => approver.kind === kind)).map(forOnce);
}

function onTerminal(terminal: boolean): Approver {
  return {
    kind: "terminal",
    unavailable: () => (terminal ? undefined : "no terminal"),
    ask: async (question, signal) => (await import("./ask.ts")).askOnTerminal(question, signal),
  };
}

/** A longer answer would promise too much. */
function forOnce(approver: Approver): Approver {
  return {
    ...approver,
    ask: (question, signal) => approver.ask({ ...question, choices: ["once"], yes: "once" }, signal),
  };
}
