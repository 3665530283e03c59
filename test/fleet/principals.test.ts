/** Whom the lines of an allowed_signers file are for: ssh-keygen(1), ALLOWED SIGNERS. */
import { expect, it } from "vitest";
import { isPattern, principalsFor } from "../../src/fleet/signed/principals.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA";

it.each<[string, string[]]>([
  [`build1 namespaces="muxguard-log" ${KEY}`, ["build1"]],
  [`build1,build2 namespaces="muxguard-policy,muxguard-log" ${KEY}`, ["build1", "build2"]],
  [`alice namespaces="muxguard-approval,muxguard-policy" ${KEY}`, []],
  [`alice NAMESPACES="muxguard-*" ${KEY}`, ["alice"]],
  [`alice ${KEY}`, ["alice"]],
  [`#build1 ${KEY}`, []],
  ["", []],
])("finds those whose signature may be of a log: %s", (line, names) => {
  expect(principalsFor("muxguard-log", line)).toEqual(names);
});

it("knows a pattern, also one in quotes", () => {
  const names = principalsFor("muxguard-log", `*.example,!web.example,"db 1" ${KEY}`);
  expect(names.filter(isPattern)).toHaveLength(3);
});
