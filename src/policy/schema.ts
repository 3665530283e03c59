/**
 * What policy.toml may hold. Everything that is not listed here is an error: a misspelt field would otherwise
 * make a rule match more than its author meant.
 */
import * as v from "valibot";
import { parseDuration } from "./duration.ts";
import {
  adminOperations,
  confirmOperations,
  connectionOperations,
  forwardKinds,
  requestKinds,
} from "./request.ts";

const isDuration = (text: string): boolean => parseDuration(text) !== undefined;
const toMilliseconds = (text: string): number => parseDuration(text) as number;
export const duration = v.pipe(
  v.string(),
  v.check(isDuration, 'not a duration, such as "10m" or "60s"'),
  v.transform(toMilliseconds),
);
const durationOrNever = v.pipe(
  v.string(),
  v.check((text) => text === "never" || isDuration(text), 'neither a duration, such as "10m", nor "never"'),
  v.transform((text) => (text === "never" ? text : toMilliseconds(text))),
);
/** A text alone is a list of one. */
const asList = v.transform((value: unknown) => (typeof value === "string" ? [value] : value));
export const listOf = <T extends v.GenericSchema>(item: T) => v.pipe(v.unknown(), asList, v.array(item));
const someOf = <T extends v.GenericSchema>(item: T) =>
  v.pipe(listOf(item), v.minLength(1, "an empty list matches nothing"));
const oneOrMore = <T extends string>(values: readonly [T, ...T[]]) => someOf(v.picklist(values));
const isWhole = (list: string): boolean =>
  list.split(",").every((item) => item.replace("!", "").trim() !== "");
const patterns = (isList: (list: string) => boolean) =>
  v.pipe(
    v.string(),
    v.check(isList, "an empty pattern"),
    v.check(
      (list) => !list.split(",").every((item) => item.trim().startsWith("!")),
      'nothing but negated patterns never matches; begin with "*,"',
    ),
  );
/** A pattern list that could never match, such as an empty one, is a mistake. */
const patternList = patterns(isWhole);
/** Where the empty text says that there is none. */
const patternListOrNone = patterns((list) => list === "" || isWhole(list));

export const approverKinds = ["notification", "tmux", "terminal", "askpass", "command", "queue"] as const;

const NO_PORT = "not a port, which is 1 to 65535";
const port = v.pipe(v.number(), v.integer(NO_PORT), v.minValue(1, NO_PORT), v.maxValue(65_535, NO_PORT));

const ruleSchema = v.strictObject({
  name: v.optional(v.string()),
  on: v.optional(oneOrMore(requestKinds)),
  host: v.optional(patternList),
  host_key: v.optional(v.string()),
  port: v.optional(port),
  user: v.optional(patternList),
  key: v.optional(patternList),
  namespace: v.optional(patternList),
  operation: v.optional(oneOrMore([...adminOperations, ...connectionOperations, ...confirmOperations])),
  // of sessions
  command: v.optional(v.string()),
  subsystem: v.optional(patternList),
  tty: v.optional(v.boolean()),
  x11: v.optional(v.boolean()),
  forward_agent: v.optional(v.boolean()),
  environment: v.optional(patternListOrNone),
  // of forwards
  forward: v.optional(oneOrMore(forwardKinds)),
  listen: v.optional(patternList),
  connect: v.optional(patternList),
  caller: v.optional(patternList),
  programs: v.optional(someOf(v.string())),
  scope: v.optional(patternListOrNone),
  forwarded: v.optional(v.boolean()),
  verified: v.optional(v.boolean()),
  container: v.optional(v.boolean()),
  action: v.picklist(["allow", "deny", "ask"]),
  remember: v.optional(durationOrNever),
  timeout: v.optional(duration),
  approver: v.optional(oneOrMore(approverKinds)),
});

export const policySchema = v.strictObject({
  default: v.optional(v.picklist(["allow", "deny", "ask"])),
  rule: v.optional(v.array(ruleSchema)),
});

/** A rule as it is written; `name` is optional there. */
export type RuleFields = v.InferOutput<typeof ruleSchema>;

/** One file of a policy. */
export type PolicyFile = v.InferOutput<typeof policySchema>;
