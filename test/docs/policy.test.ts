/** docs/policy.md has a row for each field of a rule, and with it what the schema lets it be. */
import { expect, it } from "vitest";
import { adminOperations, confirmOperations, forwardKinds, requestKinds } from "../../src/policy/request.ts";
import { approverKinds, ruleFields } from "../../src/policy/schema.ts";
import { textOf } from "./documents.ts";

const document = textOf("docs/policy.md");
const [, table = ""] = document.split("| field | what it is matched against |\n| --- | --- |\n");
const rows = (table.split("\n\n")[0] ?? "").trimEnd().split("\n");
const rowOf = (field: string): string =>
  rows.find((row) => row.split("|")[1]?.includes(`\`${field}\``)) ?? "";

/** What the rule is, and what it does where it matches. */
const others = ["name", "action", "remember", "timeout"];

it("has a row for each field that is matched, and no others", () => {
  const named = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  expect(named.sort()).toEqual(ruleFields.filter((field) => !others.includes(field)).sort());
});

it.each<[string, readonly string[]]>([
  ["on", requestKinds],
  ["operation", [...adminOperations, ...confirmOperations]],
  ["forward", forwardKinds],
  ["approver", approverKinds],
])("has each value of %s", (field, values) => {
  for (const value of values) expect(rowOf(field)).toContain(`\`${value}\``);
});
