/**
 * How a stream is set up, by the server's own word: docs.nats.io, Streams, Configuration. Who is on the bus first makes
 * it, and may have made it so that the server speaks in other names, or forgets. What an operator may want to set is
 * fine: how much it holds, on how many servers, and where.
 */
import type { StreamConfig } from "@nats-io/jetstream";
import { describeDuration } from "../../policy/duration.ts";
import { visible } from "../../policy/visible.ts";

type Setting = keyof StreamConfig;

/** What is in neither: messages come from elsewhere, go elsewhere, run out by themselves, or none is taken. */
const UNWANTED: readonly Setting[] = [
  ...(["republish", "mirror", "sources", "subject_transform"] as const),
  ...(["allow_msg_schedules", "allow_msg_ttl", "sealed"] as const),
];
/** With others the server drops what it has. */
const AS_MADE = { retention: "limits", discard: "new", storage: "file" } as const;
/** The most that are named of one. */
const MOST_NAMED = 4;
/** Of a millisecond. */
const NANOSECONDS = 1e6;

/** What was revoked must not run out. @throws Error where it is not used, with what to do. Safe for a screen */
export function checkBucket(config: StreamConfig, subject: string): void {
  check(config, subject, "max_age");
}

/** With roll-ups a machine could remove what others have logged. @throws Error as above */
export function checkLog(config: StreamConfig, subject: string): void {
  check(config, subject, "allow_rollup_hdrs");
}

function check(config: StreamConfig, subject: string, unwanted: Setting): void {
  const { name, subjects } = config;
  const faults = [
    ...[...UNWANTED, unwanted].filter((setting) => isSet(config[setting])),
    ...(["retention", "discard", "storage"] as const)
      .filter((setting) => config[setting] !== AS_MADE[setting])
      .map((setting) => `${setting} = ${config[setting]}`),
    ...(subjects?.length === 1 && subjects[0] === subject ? [] : ["other subjects"]),
  ];
  if (faults.length === 0) return;
  const named = visible(faults.slice(0, MOST_NAMED).join(", "), 80);
  const mend = `on the server: nats stream rm ${name}, and it is made anew`;
  throw new Error(`not used, as somebody made it with ${named}; ${mend}`);
}

/** What somebody has set by which a log is shorter than it was written. */
export function limitsOf(config: StreamConfig): string[] {
  const { max_age: age, max_msgs_per_subject: each, max_msgs: all } = config;
  return [
    ...(age > 0
      ? [`keeps entries for ${describeDuration(age / NANOSECONDS)} only: somebody has set max_age`]
      : []),
    ...(each > 0 ? [`keeps ${each} messages of a machine only: somebody has set max_msgs_per_subject`] : []),
    ...(all > 0 ? [`takes ${all} messages only: somebody has set max_msgs`] : []),
  ].map((effect) => `the stream ${effect}`);
}

/** The server leaves out what is not, or has it empty. */
function isSet(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}
