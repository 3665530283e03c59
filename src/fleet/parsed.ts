/** What came as text from elsewhere, or was kept: of the shape that it has to have, or nothing. */
import * as z from "zod/mini";
import { attempt } from "../attempt.ts";

/** Undefined for what is none. */
export function parsed<T>(schema: z.ZodMiniType<T>, text: string): T | undefined {
  const json: unknown = attempt(() => JSON.parse(text));
  return z.safeParse(schema, json, { jitless: true }).data;
}
