/**
 * What the log holds: one event for each decision, one JSON object a line. The names are used by other
 * programs. No secrets: no data that is signed, no passphrase, no private key ever comes here.
 */

import { isAtItsPath, lineOf } from "../policy/coverage.ts";
import { answersTo } from "../policy/describe/answer.ts";
import { describeBriefly } from "../policy/describe/brief.ts";
import { executableText } from "../policy/describe/caller.ts";
import { describeQuestion } from "../policy/describe/question.ts";
import { onHosts } from "../policy/describe/request.ts";
import { formatDuration } from "../policy/duration.ts";
import type { Remember } from "../policy/grants.ts";
import { typedLine } from "../policy/match/from-terminal.ts";
import type { Answer, Question } from "../policy/question.ts";
import type { Caller, Request } from "../policy/request.ts";

export interface AuditEvent {
  /** ISO 8601, UTC. */
  time: string;
  id: string;
  kind: Request["kind"];
  decision: "allow" | "deny";
  by: string;
  /** Why, where it was denied. */
  reason?: string;
  /** Who has signed the answer, each with the fingerprint of the key: of a fleet. */
  signers?: readonly string[];
  /** What a person said with a no. */
  note?: string;
  /** Why it was asked for, as the program said itself, where a person was asked. Claimed. */
  why?: string;
  /** How long an answer is remembered: "once", "lasting", "10m", "run", "session", "always". */
  remember?: string;
  host?: string;
  port?: number;
  hostKey?: string;
  verified?: boolean;
  /** How the host was verified, or why it was not. */
  how?: string;
  /** The host that the caller's command line names, where it was not verified. */
  claimed?: string;
  user?: string;
  key?: { type?: string; fingerprint: string; comment?: string };
  data?: Request["data"];
  namespace?: string;
  /** Where git asks: claimed. */
  repository?: string;
  branch?: string;
  remote?: string;
  operation?: Request["operation"];
  provider?: string;
  constraints?: string[];
  command?: string;
  subsystem?: string;
  tty?: true;
  x11?: true;
  forwardAgent?: true;
  /** The names of the variables alone: the values may be secrets. */
  environment?: string[];
  forward?: Request["forward"];
  /** A program's own question. */
  prompt?: string;
  forwarded?: boolean;
  /** The hops that the request was forwarded through, the nearest first. */
  path?: string[];
  caller?: AuditCaller;
  waitedMs?: number;
  /** The link to the entry before: chain.ts. It comes with the writing. */
  seq?: number;
  prev?: string;
}

export interface AuditCaller {
  pid: number;
  exe?: string;
  /** Where the kernel does not tell the executable: what the process calls itself. */
  name?: string;
  cmdline: string[];
  cwd?: string;
  tty?: string;
  session: string;
  /** Executables, the parent's first; a name in parentheses where the kernel does not tell. */
  ancestors: string[];
  /**
   * The line of programs as `programs` of a rule has it. Absent where no rule that allows could name it: one
   * of them is not the file at its path.
   */
  programs?: string[];
  container: boolean;
  scope?: string;
}

export interface Decided {
  time: Date;
  id: string;
  request: Request;
  /** Absent if the caller could not be identified. */
  caller: Caller | undefined;
  decision: "allow" | "deny";
  by: string;
  reason?: string;
  /** What a person said with a no. */
  note?: string;
  /** Why it was asked for: claimed. */
  why?: string;
  /** Who has signed it. */
  signers?: readonly string[];
  /** For a person's answer. */
  remember?: Remember;
  /** Spent waiting for an answer, in milliseconds. */
  waitedMs: number;
}

/** The event of a decision. What does not apply is absent. */
export function auditEvent({ time, request, caller, ...decided }: Decided): AuditEvent {
  const { id, decision, by, reason, note, why, signers, remember, waitedMs } = decided;
  return {
    time: time.toISOString(),
    id,
    kind: request.kind,
    decision,
    by,
    ...(reason !== undefined && { reason }),
    ...(signers && { signers }),
    ...(note !== undefined && { note }),
    ...(why !== undefined && { why }),
    ...(remember && { remember: rememberText(remember) }),
    ...requestFields(request),
    ...(caller && { caller: auditCaller(caller) }),
    waitedMs: Math.round(waitedMs),
  };
}

/** What is asked, for other programs, in the words of the log. */
export interface QuestionEvent
  extends Omit<
    AuditEvent,
    "decision" | "by" | "reason" | "note" | "signers" | "remember" | "waitedMs" | "seq" | "prev"
  > {
  /** Which rule said to ask: `rule:NAME`, or `default`. */
  because: string;
  /** How many identical requests wait for the answer. */
  count: number;
  /** The question in one line. This and the lines below are safe to show as they are. */
  title: string;
  /** What is to be shown first, at most eight lines below the title. */
  brief: string[];
  /** All there is to say, the title first. */
  text: string[];
  /** What may be answered, the safest first, and how each is called. */
  answers: { name: string; answer: AnswerFields }[];
  /** Where it is the same on several: `host` is then how many. */
  hosts?: string[];
  /** After how many milliseconds no answer is a denial. */
  timeoutMs: number;
}

type AnswerFields =
  | { decision: "allow"; remember: string }
  | { decision: "apart" }
  | { decision: "deny"; remember?: string };

export function questionEvent(question: Question): QuestionEvent {
  const { id, asked, caller, because, why, count, timeout, hosts } = question;
  const request = hosts ? onHosts(question.request, hosts.length) : question.request;
  const answers = answersTo(question).map(({ name, value }) => ({ name, answer: answerFields(value) }));
  const [title = "", ...brief] = describeBriefly(question);
  return {
    ...{ time: asked, id, kind: request.kind, because, count },
    ...{ title, brief, text: describeQuestion(question) },
    ...(why !== undefined && { why }),
    answers,
    timeoutMs: timeout,
    ...requestFields(request),
    ...(hosts && { hosts: hosts.map(({ name }) => name) }),
    caller: auditCaller(caller),
  };
}

function answerFields(answer: Answer): AnswerFields {
  if (answer.decision === "apart") return { decision: "apart" };
  const { decision, remember } = answer;
  if (decision === "allow") return { decision, remember: rememberText(remember) };
  return { decision, ...(remember && { remember: rememberText(remember) }) };
}

function rememberText(remember: Remember): string {
  return typeof remember === "string" ? remember : formatDuration(remember.milliseconds);
}

function requestFields({ destination, path, forwarded, kind: _, ...asked }: Request) {
  return {
    ...(destination && destinationFields(destination)),
    ...asked,
    ...(forwarded && { forwarded, path: path.map((hop) => hop.names[0] ?? hop.hostKey ?? "unknown") }),
  };
}

function destinationFields({
  names,
  port,
  hostKey,
  verified,
  how,
  claimed,
}: NonNullable<Request["destination"]>) {
  return {
    ...(names[0] !== undefined && { host: names[0] }),
    ...(port !== undefined && { port }),
    ...(hostKey !== undefined && { hostKey }),
    verified,
    how,
    ...(claimed !== undefined && { claimed }),
  };
}

/** A caller is the same object for requests that come one after the other. */
const callers = new WeakMap<Caller, AuditCaller>();
const callerTexts = new WeakMap<AuditCaller, string>();

/** An entry as JSON. Most of it says who asks: that is kept as text. */
export function eventText({ caller, waitedMs, ...event }: AuditEvent): string {
  const rest = waitedMs === undefined ? "" : `,"waitedMs":${waitedMs}`;
  const asks = caller === undefined ? "" : `,"caller":${callerText(caller)}`;
  return `${JSON.stringify(event).slice(0, -1)}${asks}${rest}}`;
}

function callerText(caller: AuditCaller): string {
  const known = callerTexts.get(caller);
  if (known !== undefined) return known;
  const text = JSON.stringify(caller);
  callerTexts.set(caller, text);
  return text;
}

function auditCaller(caller: Caller): AuditCaller {
  const known = callers.get(caller);
  if (known) return known;
  const made = makeCaller(caller);
  callers.set(caller, made);
  return made;
}

function makeCaller(caller: Caller): AuditCaller {
  const { pid, name, cmdline, cwd, tty, session, ancestors, container, run } = caller;
  const exe = executableText(caller);
  return {
    pid,
    ...(exe === undefined ? { name } : { exe }),
    cmdline,
    ...(cwd !== undefined && { cwd }),
    ...(tty !== undefined && { tty }),
    session,
    ancestors: ancestors.map((process) => executableText(process) ?? `(${process.name})`),
    ...programsOf(caller),
    container,
    ...(run && { scope: run.name }),
  };
}

function programsOf(caller: Caller): Pick<AuditCaller, "programs"> {
  const line = typedLine(caller);
  const programs = lineOf(line);
  return !caller.container && line.every(isAtItsPath) && programs.length > 0 ? { programs } : {};
}
