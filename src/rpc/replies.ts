/**
 * What a guard answers to muxguard's own commands, checked before they print or rely on it: a program that
 * has killed its run's muxguard can pose as one, and terminals obey escapes. Fields that are not listed here
 * are kept: a guard may be newer than the command.
 */
import * as z from "zod/mini";
import type { GrantFacts } from "../policy/grants.ts";
import type { Question } from "../policy/question.ts";
import { forwardKinds, type Request, requestKinds } from "../policy/request.ts";
import { visible } from "../policy/visible.ts";
import type { GuardConnection } from "./connecting.ts";
import { type Params, type Requests, type Result, RpcError } from "./connection.ts";
import type { FromClient } from "./requests.ts";

type Schema<T> = z.core.$ZodType<T>;

/** It is printed as it is, and may be typed into a shell. */
const id = z.string().check(z.regex(/^[a-z0-9]{1,32}$/));
const text = z.string();
/** What is printed as it is. Its guard has made it safe for a screen. */
const printed = z.string().check(z.regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u));
const flag = z.exactOptional(z.literal(true));
const count = z.int().check(z.nonnegative());
const duration = z.object({ milliseconds: count });
const lasts = z.enum(["connection", "terminal", "program"]);
const remember = z.union([z.enum(["once", "lasting", "run", "session", "always"]), duration]);

const texts = z.exactOptional(z.array(text));
const host = {
  names: z.array(text),
  address: z.exactOptional(text),
  port: z.exactOptional(count),
  ports: z.exactOptional(z.array(count)),
  hostKey: z.exactOptional(printed),
  hostKeys: texts,
  lookups: texts,
};
const key = z.object({
  type: z.exactOptional(text),
  fingerprint: printed,
  comment: z.exactOptional(text),
});
const request = z.object({
  kind: z.enum(requestKinds),
  destination: z.exactOptional(
    z.object({ ...host, verified: z.boolean(), how: text, claimed: z.exactOptional(text) }),
  ),
  user: z.exactOptional(text),
  key: z.exactOptional(key),
  data: z.exactOptional(z.enum(["userauth", "sshsig", "opaque"])),
  noLogin: flag,
  namespace: z.exactOptional(text),
  repository: z.exactOptional(text),
  branch: z.exactOptional(text),
  remote: z.exactOptional(text),
  operation: z.exactOptional(text),
  provider: z.exactOptional(text),
  constraints: z.exactOptional(z.array(text)),
  command: z.exactOptional(text),
  subsystem: z.exactOptional(text),
  tty: flag,
  x11: flag,
  forwardAgent: flag,
  environment: z.exactOptional(z.array(text)),
  forward: z.exactOptional(
    z.object({
      kind: z.enum(forwardKinds),
      listen: z.exactOptional(text),
      connect: z.exactOptional(text),
      target: z.exactOptional(text),
    }),
  ),
  prompt: z.exactOptional(text),
  path: z.array(z.object(host)),
  forwarded: z.boolean(),
}) satisfies Schema<Omit<Request, "operation"> & { operation?: string }>;

const program = {
  pid: count,
  startTime: text,
  exe: z.exactOptional(text),
  exeDeleted: flag,
  exeForeign: flag,
  exeFile: z.exactOptional(text),
  systemShell: flag,
  ofRoot: flag,
  leadsTerminal: flag,
  name: text,
  cmdline: z.array(text),
};
const caller = z.object({
  ...program,
  cwd: z.exactOptional(text),
  tty: z.exactOptional(text),
  session: text,
  leader: z.exactOptional(z.object({ pid: count, startTime: text })),
  ancestors: z.array(z.object(program)),
  container: z.boolean(),
  run: z.exactOptional(z.object({ name: text, pid: count, confined: z.exactOptional(z.boolean()) })),
}) satisfies Schema<Question["caller"]>;

export const questionSchema = z.object({
  id,
  request,
  caller,
  because: text,
  why: z.exactOptional(text),
  doubt: z.exactOptional(
    z.object({ rule: text, action: z.enum(["deny", "ask"]), unknown: z.record(text, text) }),
  ),
  persons: z.exactOptional(z.object({ wanted: count, signers: z.array(z.array(text)), yes: z.array(text) })),
  count,
  hosts: z.exactOptional(z.array(z.object({ id, name: text }))),
  choices: z.array(remember),
  lasts: z.exactOptional(lasts),
  longest: z.exactOptional(z.number()),
  yes: remember,
  denyFor: z.exactOptional(z.number()),
  rule: z.exactOptional(z.array(text)),
  approvals: z.exactOptional(count),
  tip: z.exactOptional(printed),
  asked: text,
  timeout: z.number(),
});

const grant = z.object({
  id,
  decision: z.enum(["allow", "deny"]),
  what: printed,
  left: z.union([z.number(), z.enum(["run", "session"]), lasts]),
  suspended: flag,
}) satisfies Schema<GrantFacts>;

const upstream = z.array(z.object({ name: text, fault: z.exactOptional(text) }));
const status = z.object({
  pid: count,
  agentSocket: z.exactOptional(text),
  upstream,
  runs: count,
  grants: count,
  suspended: count,
  locked: z.boolean(),
  pending: count,
  policy: z.exactOptional(z.object({ files: z.array(printed), rules: count })),
  fleet: z.exactOptional(
    z.object({
      ...{ machine: printed, servers: z.array(printed) },
      ...{ fault: z.exactOptional(printed), policy: z.exactOptional(printed) },
    }),
  ),
  approvers: z.array(z.object({ kind: text, fault: z.exactOptional(text) })),
  wrong: z.array(printed),
  watched: z.array(printed),
  masters: z.array(
    z.object({
      path: text,
      pid: count,
      origin: z.enum(["opened", "adopted"]),
      to: z.exactOptional(printed),
      verified: z.exactOptional(z.boolean()),
    }),
  ),
});

/** What commands ask. Programs that are in a hurry have quick-checks.ts. */
type Commands = Exclude<Requests<FromClient>, "reach" | "openRun" | "confined" | "ride" | "askpass">;

const schemas: { [M in Commands]: z.ZodMiniType } = {
  status,
  pending: z.array(questionSchema),
  answer: z.boolean(),
  grants: z.array(grant),
  forget: count,
  lock: z.object({ was: z.boolean(), forgotten: count, denied: count, unlogged: z.optional(z.string()) }),
  upstream: z.object({
    agents: upstream,
    origin: z.enum(["config", "environment", "command", "run", "none"]),
    changed: z.boolean(),
  }),
  end: z.object({
    ...{ pid: count, opened: count, adopted: count, grants: count, pending: count, runs: count },
    privateAgent: z.boolean(),
    activated: z.boolean(),
    agent: z.exactOptional(text),
  }),
  reload: z.object({ applied: z.array(printed), waiting: z.array(printed), faults: z.array(printed) }),
  open: z.object({ path: text, already: z.boolean(), shares: z.exactOptional(z.array(text)) }),
  close: z.object({ path: text, remaining: z.array(text) }),
  adopt: z.null(),
};

/**
 * Asks a guard. @throws RpcError for an error that it answers
 * @throws Error for an answer that is not understood, as of a guard of another version
 */
export async function askGuard<M extends Commands>(
  guard: GuardConnection,
  method: M,
  params: Params<FromClient, M>,
): Promise<Result<FromClient, M>> {
  try {
    return await guard.request(method, params, (value) => {
      if (z.safeParse(schemas[method], value).success) return value as Result<FromClient, M>;
      throw new Error(`its answer to "${method}" is not understood; is it of another version? restart it`);
    });
  } catch (error) {
    throw error instanceof RpcError ? new RpcError(error.code, printable(error.message)) : error;
  }
}

/** Words of a guard's that are printed as they are, but for what a terminal would obey. */
function printable(words: string): string {
  return words.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => visible(character));
}
