/** A request as it came from whoever writes to the pipe. */
import * as z from "zod/mini";
import { attempt } from "../../../attempt.ts";
import { isPlainDestination } from "../../../identity/ssh/plain-destination.ts";
import type { FifoRequest } from "./request.ts";

/** No NUL: for OpenSSH the text would end there. */
const text = z.string().check(z.regex(/^[^\0]*$/));

const schema = z.strictObject({
  destination: z.strictObject({
    host: z.string(),
    user: z.exactOptional(z.string()),
    port: z.exactOptional(z.int()),
    jump: z.exactOptional(z.string()),
  }),
  asks: z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("session"),
      command: text,
      subsystem: z.boolean(),
      environment: z.array(text),
    }),
    z.strictObject({
      kind: z.literal("stdio"),
      host: text,
      port: z.exactOptional(z.int().check(z.minimum(1), z.maximum(65535))),
    }),
  ]),
  terminal: z.boolean(),
});

/** @throws Error that says nothing of what was sent */
export function checkedFifoRequest(line: string): FifoRequest {
  const { success, data } = z.safeParse(
    schema,
    attempt(() => JSON.parse(line)),
  );
  if (!success) throw new Error("muxguard: what was sent is not understood");
  if (!isPlainDestination(data.destination))
    throw new Error("muxguard: denied: the destination is not plain");
  return data;
}
