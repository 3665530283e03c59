/** The seam to whoever answers: a program, a terminal, another command of muxguard. */
import type { Answer, Question } from "../policy/question.ts";
import type { Caller } from "../policy/request.ts";

export interface Approver {
  /** As config.toml and the log name it. */
  readonly kind: string;

  /**
   * True if it can't well take a question back for a fuller one: it is asked once all that belong to it have
   * had the time to come.
   */
  readonly unhurried?: boolean;

  /**
   * Loads and connects what its first question would wait for. Never rejects: what is wrong is told when
   * somebody is to be asked.
   */
  warmUp?(): Promise<void>;

  /**
   * Undefined if it can reach a person right now, otherwise why it can't.
   * @param question that is to be asked; without one, whether any could be
   */
  unavailable(question?: Question): string | undefined;

  /**
   * The same, found out with more pains; where unavailable() says all, it is left out. Never rejects.
   * @param caller the one that would be asked about
   */
  reaches?(caller?: Caller): Promise<string | undefined>;

  /**
   * Asks, and resolves with the answer. Rejects if it could not ask; that is never a yes.
   * @param signal aborted when the answer is no longer wanted: the question must leave the screen
   */
  ask(question: Question, signal: AbortSignal): Promise<Answer>;

  /** Another number of requests waits for the answer. Must not throw. */
  changed?(question: Question): void;
}
