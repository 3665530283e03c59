import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parseKnownHosts } from "../../../src/identity/hosts/known-hosts.ts";
import { joined, unreadNames } from "../../../src/identity/hosts/unread-names.ts";

const salt = Buffer.alloc(20, 7);
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const hashed = (name: string): string =>
  `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")} ${key}`;
const lines = parseKnownHosts(["prod.example", "[prod.example]:2222", "10.0.0.5"].map(hashed).join("\n"));

describe("names on hashed lines", () => {
  it("are said to be there, where they are not known otherwise", () => {
    const unread = unreadNames(lines, [{ name: "10.0.0.5", port: 22 }]);
    expect(["prod.example", "10.0.0.5", "other"].map((name) => unread?.has(name))).toEqual([
      true,
      false,
      false,
    ]);
    expect(joined([{}, unread ? { unread } : {}])?.has("prod.example")).toBe(true);
  });

  it("are looked for with the ports that are known", () => {
    const [, withPort] = lines;
    const only = withPort ? [withPort] : [];
    expect(unreadNames(only, [{ name: "web1", port: 2222 }])?.has("prod.example")).toBe(true);
    expect(unreadNames(only, [{ name: "web1", port: 22 }])?.has("prod.example")).toBe(false);
  });

  it("are none where all are known, and come into no log", () => {
    const all = [
      { name: "prod.example", port: 22 },
      { name: "prod.example", port: 2222 },
      { name: "10.0.0.5", port: 22 },
    ];
    expect(unreadNames(lines, all)).toBeUndefined();
    expect(JSON.stringify({ unread: unreadNames(lines, []) })).toBe("{}");
  });
});
