/**
 * What policy.toml may hold. Everything that is not listed here is an error: a misspelt field would otherwise make a rule match more than its
 * author meant.
 */
import * as z from "zod/mini";
import { parseDuration } from "./duration.ts";
import {
  adminOperations,
  confirmOperations,
  connectionOperations,
  forwardKinds,
  requestKinds,
} from "./request.ts";

export const duration = z.pipe(
  z
    .string()
    .check(z.refine((text) => parseDuration(text) !== undefined, 'not a duration, such as "10m" or "60s"')),
  z.transform((text) => parseDuration(text) as number),
);
/** A text alone is a list of one. */
const asList = z.transform((value: unknown) => (typeof value === "string" ? [value] : value));
export const listOf = <T extends z.core.$ZodType>(item: T) => z.pipe(asList, z.array(item));
const someOf = <T extends z.core.$ZodType>(item: T) =>
  z.pipe(asList, z.array(item).check(z.minLength(1, "an empty list matches nothing")));
const oneOrMore = <T extends string>(values: readonly [T, ...T[]]) => someOf(z.enum(values));
const isWhole = (list: string): boolean =>
  list.split(",").every((item) => item.replace("!", "").trim() !== "");
const patterns = (isList: (list: string) => boolean) =>
  z.string().check(
    z.refine(isList, "an empty pattern"),
    z.refine(
      (list) => !list.split(",").every((item) => item.trim().startsWith("!")),
      'nothing but negated patterns never matches; begin with "*,"',
    ),
  );
/** A pattern list that could never match, such as an empty one, is a mistake. */
const patternList = patterns(isWhole);
/** Where the empty text says that there is none. */
const patternListOrNone = patterns((list) => list === "" || isWhole(list));

export const approverKinds = ["notification", "tmux", "terminal", "askpass", "command", "queue"] as const;

const ruleSchema = z.strictObject({
  name: z.optional(z.string()),
  on: z.optional(oneOrMore(requestKinds)),
  host: z.optional(patternList),
  host_key: z.optional(z.string()),
  port: z.optional(z.int().check(z.minimum(1), z.maximum(65535))),
  user: z.optional(patternList),
  key: z.optional(patternList),
  namespace: z.optional(patternList),
  operation: z.optional(oneOrMore([...adminOperations, ...connectionOperations, ...confirmOperations])),
  // of sessions
  command: z.optional(z.string()),
  subsystem: z.optional(patternList),
  tty: z.optional(z.boolean()),
  x11: z.optional(z.boolean()),
  forward_agent: z.optional(z.boolean()),
  environment: z.optional(patternListOrNone),
  // of forwards
  forward: z.optional(z.union([z.enum(forwardKinds), oneOrMore(forwardKinds)])),
  listen: z.optional(patternList),
  connect: z.optional(patternList),
  caller: z.optional(patternList),
  programs: z.optional(someOf(z.string())),
  scope: z.optional(patternListOrNone),
  forwarded: z.optional(z.boolean()),
  verified: z.optional(z.boolean()),
  container: z.optional(z.boolean()),
  action: z.enum(["allow", "deny", "ask"]),
  remember: z.optional(z.union([z.literal("never"), duration])),
  timeout: z.optional(duration),
  approver: z.optional(oneOrMore(approverKinds)),
});

export const policySchema = z.strictObject({
  default: z.optional(z.enum(["allow", "deny", "ask"])),
  rule: z.optional(z.array(ruleSchema)),
});

/** A rule as it is written; `name` is optional there. */
export type RuleFields = z.infer<typeof ruleSchema>;

/** One file of a policy. */
export type PolicyFile = z.infer<typeof policySchema>;
