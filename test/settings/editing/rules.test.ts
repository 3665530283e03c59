/** Rules that are put into a text and taken out again: the rest stays byte for byte. */
import { expect, it, test } from "vitest";
import { rulesIn, withoutRule, withRule } from "../../../src/settings/editing/rules.ts";

const added = '[[rule]]\nname = "new"\naction = "deny"\n';
const texts = [
  "",
  "# nothing yet\n",
  'default = "ask" # why\n',
  '# a\n[[rule]]\nname = "old" # b\naction = "allow"',
  '[[rule]]\r\nname = "old"\r\naction = "allow"\r\n\r\n# the end\r\n',
];

it.each(texts)("stands behind what is there, and goes again: %j", (text) => {
  const next = withRule(text, added);
  expect(next.startsWith(text)).toBe(true);
  const rules = rulesIn("policy.toml", next);
  expect(rules.at(-1)?.name).toBe("new");
  const taken = withoutRule("policy.toml", next, rules.length - 1);
  expect([text, `${text}\n`]).toContain(taken.next);
  expect(taken.gone).toBe(added);
});

test("one of a list in one line is left to whoever wrote it", () => {
  const text = 'rule = [{ name = "a", action = "deny" }, { name = "b", action = "deny" }]\n';
  expect(() => withoutRule("policy.toml", text, 0)).toThrow(
    /policy\.toml:1: this rule can't be taken away alone/,
  );
});
