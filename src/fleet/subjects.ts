/**
 * Where what goes over the bus, and who may: docs.nats.io, Subject-Based Messaging. The server holds these limits, and
 * nothing rests on them: what counts is signed.
 */

/** The questions of a machine's guard, and their ends. */
export const questionsOf = (machine: string, guard: string): string => `mg.q.${machine}.${guard}`;
/** What all machines ask. */
export const ALL_QUESTIONS = "mg.q.>";
/** The answers to a machine's guard. */
export const answersTo = (machine: string, guard: string): string => `mg.a.${machine}.${guard}`;
/** Somebody began to look: who asks says it again. */
export const HELLO = "mg.h";

/** The log of a machine, and where each is kept: a stream of JetStream. */
export const logOf = (machine: string): string => `mg.l.${machine}`;
export const ALL_LOGS = "mg.l.*";
export const LOG_STREAM = "muxguard-log";

/** What is in the bucket of the fleet's policy. */
export const ALL_ENTRIES = "$KV.muxguard.>";

/** The name with which a machine, or a person, is at the bus: a part of what the server calls its answers to it. */
export const machineName = (machine: string): string => `m-${machine}`;
export const personName = (person: string): string => `p-${person}`;

export interface Permissions {
  publish: string[];
  subscribe: string[];
}

/** Of a bucket of JetStream: to make it, and to follow it (NATS ADR-8). Nobody may remove one. */
const BUCKET = [
  "$JS.API.INFO",
  "$JS.API.STREAM.INFO.KV_muxguard",
  "$JS.API.STREAM.CREATE.KV_muxguard",
  "$JS.API.DIRECT.GET.KV_muxguard.>",
  "$JS.API.STREAM.MSG.GET.KV_muxguard",
  "$JS.API.CONSUMER.CREATE.KV_muxguard.>",
  "$JS.API.CONSUMER.CREATE.KV_muxguard",
  "$JS.API.CONSUMER.DELETE.KV_muxguard.>",
  "$JS.API.CONSUMER.INFO.KV_muxguard.>",
  "$JS.API.CONSUMER.MSG.NEXT.KV_muxguard.>",
  "$JS.FC.>",
];

/** Of the stream of logs: to make it, and to see how it is set up. A machine then looks at its own last entry alone. */
const MAKE_LOGS = [`$JS.API.STREAM.CREATE.${LOG_STREAM}`, `$JS.API.STREAM.INFO.${LOG_STREAM}`];
/** A person reads all of it. */
const READ_LOGS = [
  `$JS.API.DIRECT.GET.${LOG_STREAM}.mg.l.*`,
  `$JS.API.CONSUMER.CREATE.${LOG_STREAM}.>`,
  `$JS.API.CONSUMER.DELETE.${LOG_STREAM}.>`,
  `$JS.API.CONSUMER.INFO.${LOG_STREAM}.>`,
  `$JS.API.CONSUMER.MSG.NEXT.${LOG_STREAM}.>`,
];

export function permissionsOfMachine(machine: string): Permissions {
  const log = logOf(machine);
  const logs = [log, ...MAKE_LOGS, `$JS.API.DIRECT.GET.${LOG_STREAM}.${log}`];
  return {
    publish: [`mg.q.${machine}.>`, ...logs, ...BUCKET],
    subscribe: [`mg.a.${machine}.>`, HELLO, `_INBOX.${machineName(machine)}.>`],
  };
}

export function permissionsOfPerson(person: string): Permissions {
  const publish = ["mg.a.>", HELLO, ALL_ENTRIES, ...MAKE_LOGS, ...READ_LOGS, ...BUCKET];
  return { publish, subscribe: [ALL_QUESTIONS, `_INBOX.${personName(person)}.>`] };
}
