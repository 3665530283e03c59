/** What can be revoked, as guards compare it. */
import { expect, it } from "vitest";
import { revocable } from "../../src/cli/fleet/revocable.ts";

const HASH = "Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmE";

it.each([
  ["alpha.example", "host", "alpha.example"],
  ["ALPHA.Example", "host", "alpha.example"],
  ["*.Prod.example", "host", "*.prod.example"],
  ["web?", "host", "web?"],
  ["*", "host", "*"],
  ["alpha.*", "host", "alpha.*"],
  ["10.0.0.1", "host", "10.0.0.1"],
  ["2001:DB8::1", "host", "2001:db8::1"],
  ["2001:db8:*", "host", "2001:db8:*"],
  // of a host, as a container has it: no fingerprint is without capitals
  ["a".repeat(43), "host", "a".repeat(43)],
  [`SHA256:${HASH}`, "key", `SHA256:${HASH}`],
])("takes %s as a %s: %s", (text, what, name) => {
  expect(revocable(text, false)).toEqual({ what, name });
});

it.each([
  ["root@[alpha.example]:22", 'write "[alpha.example]:22"'],
  ["ssh://alpha.example", "a colon is in an IPv6 address alone"],
  ["alpha.example:", 'write "alpha.example"'],
  ["[2001:db8::1]:22", 'write "2001:db8::1"'],
  ["alpha.example..", 'write "alpha.example"'],
  ["alpha.example:*", "a colon is in an IPv6 address alone"],
  ["@", "a host has no user"],
  ["git/repo", "as a rule has it"],
  ["MD5:00:11:22", "a key is SHA256:"],
  [`Sha256:${HASH}`, "a key is SHA256:"],
  [`${HASH}=`, "a key is SHA256:"],
  ["SHA256:", "a key is SHA256:"],
  ["SHA256:*", "a key is SHA256:"],
  // two bits more than a hash has
  [`SHA256:${HASH.slice(0, -1)}F`, "a key is SHA256:"],
  ["\x1b[2J@x", 'write "x"'],
])("does not take %j, and says what to write: %s", (text, mend) => {
  expect(() => revocable(text, false)).toThrow(mend);
  expect(() => revocable(text, false)).toThrow(/^[ -~]+$/);
});

it.each(["build1", "Build_1-x"])("takes the machine %s as it is", (name) => {
  expect(revocable(name, true)).toEqual({ what: "machine", name });
});

it.each(["build1.example", "build1:22", "me@build1", "", "build1-", "*"])("takes no machine %j", (name) => {
  expect(() => revocable(name, true)).toThrow("no machine has the name");
});
