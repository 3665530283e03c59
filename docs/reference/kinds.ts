/** What a setting may be, in words for a table: found out by what its schema takes. */
import * as z from "zod/mini";

export function kindOf(schema: z.ZodMiniType): string {
  const takes = (value: unknown): boolean => z.safeParse(schema, value).success;
  const orList = (word: string, example: unknown): string =>
    takes([example, example]) ? `${word}, or a list` : word;
  const values = valuesOf(schema);
  if (values.length > 0) return orList(values.map(code).join(" "), values[0]);
  if (takes(true)) return `${[true, false].map(code).join(" ")}${takes(["x"]) ? ", or a list" : ""}`;
  if (takes(22)) return orList("number", 22);
  if (takes("tls://x:1") && !takes("x")) return orList("address", "tls://x:1");
  if (takes("10m") && !takes("x")) return takes("never") ? "duration, or `never`" : "duration";
  if (takes("~/x") && !takes("x")) return orList("path", "~/x");
  return takes("x") || takes("journald") ? orList("text", takes("x") ? "x" : "journald") : "list";
}

export function code(value: unknown): string {
  return `\`${value}\``;
}

/** Of a text that is one of some, alone or in a list. */
function valuesOf(schema: z.ZodMiniType): readonly unknown[] {
  const { enum: alone, items } = z.toJSONSchema(schema, { unrepresentable: "any" }) as Shape;
  return alone ?? items?.enum ?? [];
}

interface Shape {
  enum?: readonly unknown[];
  items?: Shape;
}
