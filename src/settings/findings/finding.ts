/** What there is to say of a settings file, and where. */
import { visible } from "../../policy/visible.ts";

export interface Finding {
  kind: "error" | "warning" | "note";
  file: string;
  /** From 1; both absent where it is about the file as a whole. */
  line?: number;
  column?: number;
  /** The name of the rule. */
  rule?: string;
  field?: string;
  /** May hold text of the file. */
  text: string;
}

/** `/path/policy.toml:4:1: warning: host never matches "web1:22": …`. Safe for a screen. */
export function describeFinding({ kind, file, line, column, field, text }: Finding): string {
  const place = line === undefined ? "" : `:${line}:${column}`;
  const about = field === undefined || kind !== "warning" ? "" : `${field} `;
  const label = kind === "error" ? "" : `${kind}: `;
  return `${visible(file, 400)}${place}: ${label}${visible(`${about}${text}`, 400)}`;
}
