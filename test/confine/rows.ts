/** The rows of the tables of attacks, as they stand in the programs that try them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const TABLES = join(import.meta.dirname, "attacks");

export interface Row {
  /** What the attacker does. */
  way: string;
  gain: string;
  heldBy: string;
}

/** In the order in which they are read: by name. */
export function tables(): string[] {
  const names = readdirSync(TABLES).flatMap((name) => /^(.+)\.py$/.exec(name)?.[1] ?? []);
  return names.filter((name) => !["attacker", "ask_status"].includes(name)).sort();
}

export function rowsOf(table: string): Row[] {
  const text = readFileSync(join(TABLES, `${table}.py`), "utf8");
  const found = text.matchAll(/^@row\(\s*"([^"]+)",\s*"([^"]+)",\s*"([^"]+)"/gm);
  const rows = [...found].map(([, way = "", gain = "", heldBy = ""]) => ({ way, gain, heldBy }));
  if (rows.length !== text.match(/^@row\(/gm)?.length) throw new Error(`a row of ${table} can't be read`);
  return rows;
}
