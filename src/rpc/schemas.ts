/**
 * What a client may send, exactly: a client may be anything, and at the sockets of runs it may be hostile.
 * Only who serves loads this. Clients are started for each ssh, and zod would take them longer than all the
 * rest.
 */
import * as z from "zod/mini";
import type { Answer } from "../policy/question.ts";
import { forwardKinds } from "../policy/request.ts";
import type { Params, Requests, Result } from "./connection.ts";
import type { FromClient, FromGuard } from "./requests.ts";

const absolutePath = z.string().check(z.startsWith("/"));
const duration = z.strictObject({ milliseconds: z.int().check(z.nonnegative()) });

export const answerSchema: z.ZodMiniType<Answer> = z.discriminatedUnion("decision", [
  z.strictObject({
    decision: z.literal("allow"),
    remember: z.union([z.enum(["once", "lasting", "run", "session", "always"]), duration]),
  }),
  z.strictObject({ decision: z.literal("apart") }),
  z.strictObject({
    decision: z.literal("deny"),
    reason: z.string(),
    remember: z.optional(duration),
    note: z.optional(z.string()),
  }),
]);

const ride = z.strictObject({
  destination: z.strictObject({
    host: z.string(),
    user: z.exactOptional(z.string()),
    port: z.exactOptional(z.int()),
    jump: z.exactOptional(z.string()),
  }),
  purpose: z.strictObject({
    command: z.exactOptional(z.string()),
    subsystem: z.exactOptional(z.string()),
    forward: z.exactOptional(
      z.strictObject({ kind: z.enum(forwardKinds), connect: z.exactOptional(z.string()) }),
    ),
  }),
});

export const paramSchemas: {
  [M in Requests<FromClient>]: z.core.$ZodType<Params<FromClient, M>>;
} = {
  status: z.null(),
  reach: z.null(),
  pending: z.nullable(z.enum(["approve", "deny"])),
  answer: z.strictObject({ id: z.string(), answer: answerSchema }),
  grants: z.nullable(z.literal("forget")),
  forget: z.string(),
  lock: z.boolean(),
  upstream: z.nullable(z.strictObject({ path: absolutePath, from: z.enum(["command", "environment"]) })),
  end: z.strictObject({ restart: z.boolean() }),
  reload: z.null(),
  openRun: z.strictObject({
    name: z.string(),
    policy: z.exactOptional(absolutePath),
    upstream: z.exactOptional(absolutePath),
    agent: z.exactOptional(absolutePath),
    terminal: z.boolean(),
    ride: z.boolean(),
    why: z.exactOptional(z.string()),
    confined: z.exactOptional(z.strictObject({ network: z.boolean(), desktop: z.boolean() })),
  }),
  confined: z.strictObject({ pid: z.int(), moved: z.array(absolutePath) }),
  open: z.strictObject({
    host: z.string(),
    options: z.array(z.string()),
    controlPath: z.exactOptional(absolutePath),
    terminal: z.boolean(),
  }),
  close: z.strictObject({ host: z.string() }),
  adopt: z.strictObject({ path: absolutePath }),
  ride,
  askpass: z.strictObject({
    text: z.string(),
    hint: z.exactOptional(z.string()),
    terminal: z.boolean(),
  }),
};

/** What a client answers to a guard that asks. */
export const resultSchemas: {
  [M in Requests<FromGuard>]: z.core.$ZodType<Result<FromGuard, M>>;
} = {
  ask: answerSchema,
  prompt: z.nullable(z.string()),
};
