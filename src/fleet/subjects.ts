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

/** The name with which a machine, or a person, is at the bus: a part of what the server calls its answers to it. */
export const machineName = (machine: string): string => `m-${machine}`;
export const personName = (person: string): string => `p-${person}`;

export interface Permissions {
  publish: string[];
  subscribe: string[];
}

export function permissionsOfMachine(machine: string): Permissions {
  return {
    publish: [`mg.q.${machine}.>`],
    subscribe: [`mg.a.${machine}.>`, HELLO, `_INBOX.${machineName(machine)}.>`],
  };
}

export function permissionsOfPerson(person: string): Permissions {
  return { publish: ["mg.a.>", HELLO], subscribe: [ALL_QUESTIONS, `_INBOX.${personName(person)}.>`] };
}
