/** Why a rule that nobody can say to match is asked about, in words. */
import type { Doubt } from "../doubt.ts";
import { named, quoted } from "../visible.ts";

/** `this could be prod, which rule "no prod" denies` */
export function describeDoubt({ rule, action, unknown }: Doubt): string {
  const things = Object.entries(unknown).map(([field, value]) => describeUnknown(field, value));
  const what = things.length === 0 ? "" : `${things.join(", ")}, `;
  return `this could be ${what}${what === "" ? "what" : "which"} rule ${quoted(rule, 80)} ${verbs[action]}`;
}

const verbs: Record<Doubt["action"], string> = { deny: "denies", ask: "asks about" };

function describeUnknown(field: string, value: string): string {
  if (field === "verified") return "an unverified destination";
  return field === "host" ? named(value, 100) : `${field.replaceAll("_", " ")} ${named(value, 100)}`;
}
