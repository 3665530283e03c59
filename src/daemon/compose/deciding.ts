/**
 * What decides and records, put together: for the daemon, for a run's own guard, and for muxguard-askpass
 * where no guard runs. It loads neither libc nor anything that asks a person: most questions of
 * muxguard-askpass are over before that is needed.
 */
import { type AuditEvent, auditEvent, type Decided } from "../../audit/event.ts";
import { AuditLog } from "../../audit/log.ts";
import { Broker, type BrokerParts } from "../../guard/decide/broker.ts";
import { Questions } from "../../guard/decide/questions.ts";
import { openRegular } from "../../platform/files/regular-file.ts";
import { ProcessTable } from "../../platform/proc/process.ts";
import { expectKept } from "../../platform/sockets/room.ts";
import { Grants } from "../../policy/grants.ts";
import { DEAF_FOR } from "../../policy/question.ts";
import type { Config } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";
import { Lock } from "../lock.ts";

export interface DecidingOptions {
  paths: Pick<Paths, "log" | "runtime">;
  config: Config;
  /** A clock in milliseconds that nobody can set: by it answers age. */
  now: () => number;
  /** How long is waited for more of the same that belongs to a question, in milliseconds; 0 if not given. */
  gatherFor?: number;
  sessionEnd?: NonNullable<BrokerParts["sessionEnd"]>;
  past?: NonNullable<BrokerParts["past"]>;
  processEnd?: NonNullable<BrokerParts["processEnd"]>;
  reasonOf?: NonNullable<BrokerParts["reasonOf"]>;
  /** Called when a question comes up. */
  onOpen?: () => void;
  /** Called when it is learnt that everything is to be denied. */
  onLocked?: () => void;
  /** Called with each entry that is in the log's file. It must not throw. */
  written?: (event: AuditEvent, json: string) => void;
  /** Called with what is in the log. */
  decided?: (decided: Decided) => void;
}

export interface Deciding {
  processes: ProcessTable;
  log: AuditLog;
  grants: Grants;
  questions: Questions;
  lock: Lock;
  broker: Broker;
}

export function composeDeciding(options: DecidingOptions): Deciding {
  const { paths, config, now, gatherFor = 0, onOpen, onLocked = () => {}, decided } = options;
  const log = new AuditLog(paths.log, openRegular, () => config.syncLog, options.written);
  const grants = new Grants(now);
  // by then nothing more takes its place
  const tellAfter = gatherFor > 0 ? DEAF_FOR : 0;
  const questions = new Questions(onOpen, {
    gatherFor,
    tellAfter,
    perProgram: () => config.maxQuestions,
  });
  const lock = new Lock(paths, onLocked);
  const broker = new Broker({
    record: (one) => {
      log.append(auditEvent(one));
      decided?.(one);
    },
    grants,
    questions,
    settings: config,
    now,
    isLocked: () => lock.isOn,
    ...(options.sessionEnd && { sessionEnd: options.sessionEnd }),
    ...(options.processEnd && { processEnd: options.processEnd }),
    ...(options.reasonOf && { reasonOf: options.reasonOf }),
    ...(options.past && { past: options.past }),
  });
  const processes = new ProcessTable();
  expectKept(() => processes.mayTake);
  return { processes, log, grants, questions, lock, broker };
}
