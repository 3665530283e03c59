/** What config.toml may hold. */
import * as z from "zod/mini";
import { approverKinds, duration, listOf } from "../policy/schema.ts";

const NO_COUNT = "not a number of at least 1";
const isCount = (count: number): boolean => Number.isSafeInteger(count) && count >= 1;
const count = z.number().check(z.refine(isCount, NO_COUNT));
const notEmpty = z.minLength(1, "is empty");
const oneOrMore = z.array(z.string()).check(notEmpty);

export const configSchema = z.strictObject({
  upstream_agent: z.optional(z.union([z.string(), oneOrMore])),
  approvers: z.optional(listOf(z.enum(approverKinds))),
  remember: z.optional(duration),
  timeout: z.optional(duration),
  yes: z.optional(z.enum(["once", "remember"])),
  max_questions: z.optional(count),
  offer_after: z.optional(count),
  upstream_timeout: z.optional(duration),
  broken_policy_after: z.optional(duration),
  sync_log: z.optional(z.boolean()),
  ssh_config: z.optional(z.string()),
  control_dirs: z.optional(listOf(z.string())),
  askpass: z.optional(z.string().check(notEmpty)),
  command: z.optional(z.union([z.string(), oneOrMore])),
  notices: z.optional(listOf(z.string())),
  announce: z.optional(z.enum(["terminal", "always"])),
});

export type ConfigFile = z.infer<typeof configSchema>;
