/** A request and who asks, as people write it: in the fields of rules, with what there is in the place of patterns. */
import * as z from "zod/mini";
import { forwardKinds, requestKinds, ruledOperations } from "../request.ts";
import { listOf, port } from "../schema.ts";

const texts = z.optional(listOf(z.string()));
const text = z.optional(z.string());
const flag = z.optional(z.boolean());

const shape = {
  on: z.optional(z.enum(requestKinds)),
  /** Its names. */
  host: texts,
  host_key: text,
  port: z.optional(port),
  user: text,
  /** Its fingerprint, its comment, or both. */
  key: texts,
  namespace: text,
  repository: text,
  branch: text,
  operation: z.optional(z.enum(ruledOperations)),
  command: text,
  subsystem: text,
  tty: flag,
  x11: flag,
  forward_agent: flag,
  environment: texts,
  forward: z.optional(z.enum(forwardKinds)),
  listen: text,
  connect: text,
  /** Who asks, and what started it. */
  program: texts,
  scope: text,
  forwarded: flag,
  verified: flag,
  container: flag,
};

const factsSchema = z.strictObject(shape);

const caseSchema = z.strictObject({
  name: text,
  ...shape,
  expect: z.enum(["allow", "deny", "ask"]),
  /** The rule that is to decide, or "default". */
  by: text,
});

export const caseFields: readonly string[] = Object.keys(caseSchema.shape);

export const casesSchema = z.strictObject({ case: z.optional(z.array(caseSchema)) });

export type Facts = z.infer<typeof factsSchema>;
export type PolicyCase = z.infer<typeof caseSchema>;
export type CasesFile = z.infer<typeof casesSchema>;
