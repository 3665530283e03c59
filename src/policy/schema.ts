/**
 * What policy.toml may hold. Everything that is not listed here is an error: a misspelt field would otherwise
 * make a rule match more than its author meant.
 */
import * as z from "zod/mini";
import { parseDuration } from "./duration.ts";
import { forwardKinds, requestKinds, ruledOperations } from "./request.ts";

const isDuration = (text: string): boolean => parseDuration(text) !== undefined;
const toMilliseconds = (text: string): number => parseDuration(text) as number;
export const duration = z.pipe(
  z.string().check(z.refine(isDuration, 'not a duration, such as "10m" or "60s"')),
  z.transform(toMilliseconds),
);
const durationOrNever = z.pipe(
  z
    .string()
    .check(
      z.refine(
        (text) => text === "never" || isDuration(text),
        'neither a duration, such as "10m", nor "never"',
      ),
    ),
  z.transform((text) => (text === "never" ? text : toMilliseconds(text))),
);
/** A text alone is a list of one; what it is a list of, is looked at next. */
const asList = z.transform((value: unknown) => (typeof value === "string" ? [value] : value) as string[]);
export const listOf = <T extends string>(item: z.ZodMiniType<T, string>) => z.pipe(asList, z.array(item));
const notEmpty = z.minLength(1, "an empty list matches nothing");
const someOf = <T extends string>(item: z.ZodMiniType<T, string>) =>
  z.pipe(asList, z.array(item).check(notEmpty));
const oneOrMore = <T extends string>(values: readonly [T, ...T[]]) => someOf(z.enum(values));
const isWhole = (list: string): boolean =>
  list.split(",").every((item) => item.replace("!", "").trim() !== "");
/** Lists of patterns are one list, split at commas. */
const joined = z.transform((list: string[]) => list.join());
const isNegated = (list: string): boolean => list.split(",").every((item) => item.trim().startsWith("!"));
const patterns = (isList: (list: string) => boolean) =>
  z.pipe(
    z.pipe(someOf(z.string().check(z.refine(isList, "an empty pattern"))), joined),
    z
      .string()
      .check(
        z.refine((list) => !isNegated(list), 'nothing but negated patterns never matches; begin with "*,"'),
      ),
  );
/** A pattern list that could never match, such as an empty one, is a mistake. */
const patternList = patterns(isWhole);
/** Where the empty text says that there is none. */
const patternListOrNone = patterns((list) => list === "" || isWhole(list));

export const approverKinds = [
  "notification",
  "tmux",
  "terminal",
  "askpass",
  "command",
  "fleet",
  "queue",
] as const;

const NO_PORT = "not a port, which is 1 to 65535";
const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535;
export const port = z.number().check(z.refine(isPort, NO_PORT));

/** So many that a question can name them. */
const MOST_PERSONS = 8;
const NO_PERSONS = `not a number of persons, which is 1 to ${MOST_PERSONS}`;
const isPersons = (count: number): boolean => Number.isInteger(count) && count >= 1 && count <= MOST_PERSONS;
const NO_SIGNER = "not a principal of an allowed_signers file: a word of letters, digits and ._@+-";
const isSigner = (name: string): boolean =>
  /^[A-Za-z0-9_](?:[A-Za-z0-9._@+-]{0,126}[A-Za-z0-9_])?$/.test(name);

/** What the fields are for: reference/rule-fields.ts. */
export const ruleSchema = z.strictObject({
  name: z.optional(z.string()),
  on: z.optional(oneOrMore(requestKinds)),
  host: z.optional(patternList),
  host_key: z.optional(z.pipe(someOf(z.string()), joined)),
  port: z.optional(z.union([port, z.array(port).check(notEmpty)])),
  user: z.optional(patternList),
  key: z.optional(patternList),
  namespace: z.optional(patternList),
  repository: z.optional(patternList),
  branch: z.optional(patternList),
  operation: z.optional(oneOrMore(ruledOperations)),
  // of sessions
  // each a pattern as a whole: commas are a part of commands
  command: z.optional(z.union([z.string(), z.array(z.string()).check(notEmpty)])),
  subsystem: z.optional(patternList),
  tty: z.optional(z.boolean()),
  x11: z.optional(z.boolean()),
  forward_agent: z.optional(z.boolean()),
  environment: z.optional(patternListOrNone),
  // of forwards
  forward: z.optional(oneOrMore(forwardKinds)),
  listen: z.optional(patternList),
  connect: z.optional(patternList),
  caller: z.optional(patternList),
  programs: z.optional(someOf(z.string())),
  scope: z.optional(patternListOrNone),
  forwarded: z.optional(z.boolean()),
  verified: z.optional(z.boolean()),
  container: z.optional(z.boolean()),
  action: z.enum(["allow", "deny", "ask"]),
  remember: z.optional(durationOrNever),
  timeout: z.optional(duration),
  approver: z.optional(oneOrMore(approverKinds)),
  approvals: z.optional(z.number().check(z.refine(isPersons, NO_PERSONS))),
  signers: z.optional(someOf(z.string().check(z.refine(isSigner, NO_SIGNER)))),
});

/** The names of a rule's fields. */
export const ruleFields: readonly string[] = Object.keys(ruleSchema.shape);

export const policySchema = z.strictObject({
  default: z.optional(z.enum(["allow", "deny", "ask"])),
  rule: z.optional(z.array(ruleSchema)),
});

/** A rule as it is written; `name` is optional there. */
export type RuleFields = z.infer<typeof ruleSchema>;

/** One file of a policy. */
export type PolicyFile = z.infer<typeof policySchema>;
