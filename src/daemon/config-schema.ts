/** What config.toml may hold. */
import * as z from "zod/mini";
import { approverKinds, duration, listOf } from "../policy/schema.ts";

export const configSchema = z.strictObject({
  upstream_agent: z.optional(z.union([z.string(), z.array(z.string()).check(z.minLength(1))])),
  approvers: z.optional(listOf(z.enum(approverKinds))),
  remember: z.optional(duration),
  timeout: z.optional(duration),
  yes: z.optional(z.enum(["once", "remember"])),
  max_questions: z.optional(z.int().check(z.minimum(1))),
  offer_after: z.optional(z.int().check(z.minimum(1))),
  upstream_timeout: z.optional(duration),
  sync_log: z.optional(z.boolean()),
  ssh_config: z.optional(z.string()),
  control_dirs: z.optional(listOf(z.string())),
  askpass: z.optional(z.string().check(z.minLength(1))),
  command: z.optional(z.union([z.string(), z.array(z.string()).check(z.minLength(1))])),
  notices: z.optional(listOf(z.string())),
  announce: z.optional(z.enum(["terminal", "always"])),
});

export type ConfigFile = z.infer<typeof configSchema>;
