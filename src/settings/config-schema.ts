/** What config.toml may hold. What the fields are for: reference/config-fields.ts. */
import * as z from "zod/mini";
import { approverKinds, duration, listOf } from "../policy/schema.ts";
import { fleetSchema } from "./fleet/schema.ts";

const NO_COUNT = "not a number of at least 1";
const isCount = (count: number): boolean => Number.isSafeInteger(count) && count >= 1;
const count = z.number().check(z.refine(isCount, NO_COUNT));
const notEmpty = z.minLength(1, "is empty");
const oneOrMore = z.array(z.string()).check(notEmpty);

const isPath = (path: string): boolean => /^(?:~?\/)[^\0]*$/.test(path);
const NO_PATH = 'neither an absolute path nor one that begins with "~/"';
const paths = z.optional(listOf(z.string().check(z.refine(isPath, NO_PATH))));
const isFile = (path: string): boolean => path !== "" && !path.includes("\0");

const isPlace = (name: string): boolean => /^(?:journald(?::\/[^\0]+)?|https?:\/\/[^\s\0]+)$/.test(name);
const NO_PLACE = 'neither "journald" nor the URL of an OTLP/HTTP endpoint';
const place = z.string().check(z.refine(isPlace, NO_PLACE));

/** What a run of that name is to be: src/policy/run-settings.ts. */
export const scopeSchema = z.strictObject({
  confine: z.exactOptional(z.boolean()),
  ride: z.exactOptional(z.boolean()),
  policy: z.optional(z.string().check(z.refine(isFile, "not a file"))),
  hide: paths,
  read_only: paths,
  writable: paths,
  desktop: z.exactOptional(z.boolean()),
  network: z.exactOptional(z.boolean()),
  nested: z.exactOptional(z.boolean()),
});

export const scopeFields = Object.keys(scopeSchema.shape);

/** zod leaves this name out of what it returns: the scope would not be there, and nobody be told. */
const LEFT_OUT = "__proto__";
const namesAreKept = z.unknown().check((given) => {
  const { value: input } = given;
  if (typeof input === "object" && input !== null && Object.hasOwn(input, LEFT_OUT))
    given.issues.push({ code: "custom", path: [LEFT_OUT], message: "no name for a scope", input });
});
const scopes = z.pipe(namesAreKept, z.record(z.string(), scopeSchema));

export const configSchema = z.strictObject({
  upstream_agent: z.optional(z.union([z.string(), oneOrMore])),
  approvers: z.optional(listOf(z.enum(approverKinds))),
  remember: z.optional(duration),
  timeout: z.optional(duration),
  yes: z.optional(z.enum(["once", "remember", "lasting"])),
  longest: z.optional(duration),
  on_lock: z.optional(z.enum(["suspend", "forget"])),
  max_questions: z.optional(count),
  offer_after: z.optional(count),
  suggest: z.optional(z.enum(["on", "off"])),
  upstream_timeout: z.optional(duration),
  broken_policy_after: z.optional(duration),
  sync_log: z.optional(z.boolean()),
  log_to: z.optional(z.union([place, z.array(place)])),
  ssh_config: z.optional(z.string()),
  control_dirs: z.optional(listOf(z.string())),
  askpass: z.optional(z.string().check(notEmpty)),
  command: z.optional(z.union([z.string(), oneOrMore])),
  notices: z.optional(listOf(z.string())),
  announce: z.optional(z.enum(["terminal", "always"])),
  fleet: z.optional(fleetSchema),
  scope: z.optional(scopes),
});

export type ConfigFile = z.infer<typeof configSchema>;
