/** The references of fields and settings are what `npm run reference` makes of the schemas and their words. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as z from "zod/mini";
import { kindOf } from "../../docs/reference/kinds.ts";
import { references, withTable } from "../../docs/reference/tables.ts";
import { whatRulesDo, whatRulesMatch } from "../../src/policy/reference/rule-fields.ts";
import { ruleFields, ruleSchema } from "../../src/policy/schema.ts";
import { configSchema, scopeFields, scopeSchema } from "../../src/settings/config-schema.ts";
import { fleetSchema } from "../../src/settings/fleet/schema.ts";
import { fleetSettings, scopeSettings, settings } from "../../src/settings/reference/config-fields.ts";
import { inProject, textOf } from "./documents.ts";

const { bin } = JSON.parse(readFileSync(inProject("package.json"), "utf8")) as { bin: object };

it.each(references.map((one) => [one.mark, one.document, one] as const))(
  "stands in the document as it is made: %s, in %s",
  (_mark, document, reference) => {
    const text = textOf(document);
    expect(withTable(text, reference), "npm run reference").toBe(text);
  },
);

it("has each field and each setting", () => {
  expect(Object.keys({ ...whatRulesDo, ...whatRulesMatch }).sort()).toEqual([...ruleFields].sort());
  expect(Object.keys(settings).sort()).toEqual(
    Object.keys(configSchema.shape)
      .filter((name) => !["scope", "fleet"].includes(name))
      .sort(),
  );
  expect(Object.keys(scopeSettings).sort()).toEqual([...scopeFields].sort());
  expect(Object.keys(fleetSettings).sort()).toEqual(Object.keys(fleetSchema.shape).sort());
});

it.each<[string, z.ZodMiniType]>([
  ["number, or a list", ruleSchema.shape.port],
  ["duration, or `never`", ruleSchema.shape.remember],
  ["duration", ruleSchema.shape.timeout],
  ["`allow` `deny` `ask`", ruleSchema.shape.action],
  ["`local` `remote` `dynamic` `stdio`, or a list", ruleSchema.shape.forward],
  ["`true` `false`", ruleSchema.shape.tty],
  ["text, or a list", ruleSchema.shape.host],
  ["path, or a list", scopeSchema.shape.hide],
  ["address, or a list", fleetSchema.shape.servers],
  ["text", z.string()],
  ["list", z.array(z.string())],
])("says %s of what is so by the schema", (words, schema) => {
  expect(kindOf(schema)).toBe(words);
});

it("would be made anew where another row stands, and fails where there is no mark for it", () => {
  const [reference] = references;
  if (!reference) throw new Error("no reference");
  const text = textOf(reference.document);
  expect(withTable(text.replace("| `user` |", "| `usr` |"), reference)).toBe(text);
  expect(() => withTable("# Nothing\n", reference)).toThrow(/no mark/);
});

it("is no weight in any program", () => {
  for (const name of Object.keys(bin).filter((one) => one !== "muxguard-env")) {
    const bundle = readFileSync(inProject(`dist/${name}.bundle.js`), "utf8");
    for (const words of [whatRulesMatch.programs, settings.max_questions.what])
      expect(bundle.includes(words), name).toBe(false);
  }
});
