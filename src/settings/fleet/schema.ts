/** `[fleet]` of config.toml. What the fields are for: ../reference/config-fields.ts. */
import * as z from "zod/mini";

const isServer = (url: string): boolean => /^(?:nats|tls):\/\/[^\s\0/]+$/.test(url);
const NO_SERVER = 'not the address of a NATS server, such as "tls://bus.example:4222"';
const server = z.string().check(z.refine(isServer, NO_SERVER));
const file = z.string().check(z.refine((path) => path !== "" && !path.includes("\0"), "not a file"));

/** A part of a subject, where a dot separates: docs.nats.io, Subject-Based Messaging. */
export const isName = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(text);
const name = z.string().check(z.refine(isName, 'not a name of letters, digits, "-" and "_"'));

const asList = z.transform((value: unknown) => (typeof value === "string" ? [value] : value) as string[]);
const some = <T extends string>(item: z.ZodMiniType<T, string>) =>
  z.pipe(asList, z.array(item).check(z.minLength(1, "is empty")));

export const fleetSchema = z.strictObject({
  servers: some(server),
  machine: name,
  credentials: z.optional(file),
  ca: z.optional(file),
  cert: z.optional(file),
  cert_key: z.optional(file),
  signers: z.optional(file),
  machine_key: z.optional(file),
  fleet_policy: z.optional(z.enum(["before", "after"])),
  self: z.optional(z.union([z.boolean(), z.array(name)])),
  person: z.optional(name),
  person_credentials: z.optional(file),
  person_key: z.optional(file),
});

export type FleetTable = z.infer<typeof fleetSchema>;
