/** What config.toml may hold. */
import * as v from "valibot";
import { approverKinds, duration, listOf } from "../policy/schema.ts";

const NO_COUNT = "not a number of at least 1";
const count = v.pipe(v.number(), v.safeInteger(NO_COUNT), v.minValue(1, NO_COUNT));
const EMPTY = "is empty";
const oneOrMore = v.pipe(v.array(v.string()), v.minLength(1, EMPTY));

export const configSchema = v.strictObject({
  upstream_agent: v.optional(v.union([v.string(), oneOrMore])),
  approvers: v.optional(listOf(v.picklist(approverKinds))),
  remember: v.optional(duration),
  timeout: v.optional(duration),
  yes: v.optional(v.picklist(["once", "remember"])),
  max_questions: v.optional(count),
  offer_after: v.optional(count),
  upstream_timeout: v.optional(duration),
  sync_log: v.optional(v.boolean()),
  ssh_config: v.optional(v.string()),
  control_dirs: v.optional(listOf(v.string())),
  askpass: v.optional(v.pipe(v.string(), v.minLength(1, EMPTY))),
  command: v.optional(v.union([v.string(), oneOrMore])),
  notices: v.optional(listOf(v.string())),
  announce: v.optional(v.picklist(["terminal", "always"])),
});

export type ConfigFile = v.InferOutput<typeof configSchema>;
