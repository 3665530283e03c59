/** Writes the tables of fields and settings into docs/: `npm run reference`. */
import { readFileSync, writeFileSync } from "node:fs";
import { references, withTable } from "./tables.ts";

for (const reference of references) {
  const text = readFileSync(reference.document, "utf8");
  writeFileSync(reference.document, withTable(text, reference));
}
