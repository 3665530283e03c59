import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HostKeyLookup } from "../../../src/identity/hosts/host-key-lookup.ts";
import { type HostName, parseKnownHosts } from "../../../src/identity/hosts/known-hosts.ts";
import { certify, type HostKey, keygen, makeFolder, makeKey } from "./keys.ts";

const folder = makeFolder();
const now = new Date("2030-06-01T12:00:00Z");
const key = makeKey(folder);
const other = makeKey(folder);
const authority = makeKey(folder, "nistp256");
const line = (names: string, { path }: HostKey = key): string =>
  `${names} ${readFileSync(`${path}.pub`, "utf8").trim()}`;
const lookUp = (lines: string | string[], hostKey = key, at = now): HostKeyLookup =>
  new HostKeyLookup(parseKnownHosts([lines].flat().join("\n")), hostKey.blob, at);
const namesIn = (lines: string | string[], hostKey = key): string[] =>
  lookUp(lines, hostKey)
    .names()
    .map(({ name, port }) => `${name}:${port}`);
const at = (name: string, port = 22): HostName => ({ name, port });

/** As `ssh-keygen -H` writes it: every name on a line of its own, with its own salt. */
function hashed(names: string, hostKey = key): string {
  const path = join(folder, "to-be-hashed");
  writeFileSync(path, `${line(names, hostKey)}\n`);
  keygen("-H", "-f", path);
  return readFileSync(path, "utf8").trim();
}

describe("parseKnownHosts", () => {
  it("reads the names that a line spells out", () => {
    expect(namesIn(line("Host.Example,192.0.2.1,[host.example]:2222,[2001:db8::1]:22022"))).toEqual([
      "host.example:22",
      "192.0.2.1:22",
      "host.example:2222",
      "2001:db8::1:22022",
    ]);
  });

  it("reads tabs, indentation, comments and CRLF", () => {
    const text = [
      "# a comment",
      "",
      `\t ${line("one.example").replaceAll(" ", "\t ")}  with a comment`,
      line("two"),
    ];
    expect(namesIn(text.join("\r\n"))).toEqual(["one.example:22", "two:22"]);
  });

  it.each<[string, string]>([
    ["without a key", "host.example"],
    ["without key data", "host.example ssh-ed25519"],
    ["with another key type", line("host.example").replace("ssh-ed25519", "ssh-rsa")],
    ["with data that isn't base64", line("host.example").replace("AAAA", "AA!AA")],
    ["with half a key", line("host.example").slice(0, -8)],
    ["with an unknown marker", `@unknown ${line("host.example")}`],
    ["with a marker that names this program's own word for none", `@none ${line("host.example")}`],
    ["with two markers", `@cert-authority @revoked ${line("host.example")}`],
    ["with a marker alone", "@revoked"],
    ["commented out", `#${line("host.example")}`],
    ["with a short salt", line("|1|AAAA|AAAA")],
    ["with a hash of another kind", line("|2|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA=")],
  ])("skips a line %s, and reads on", (_name, broken) => {
    expect(parseKnownHosts(broken)).toEqual([]);
    expect(namesIn([broken, line("next.example")])).toEqual(["next.example:22"]);
  });

  it("finds nothing but the key that is asked for", () => {
    expect(namesIn([line("host.example"), line("other.example", other)])).toEqual(["host.example:22"]);
  });

  it("takes no pattern, port or odd character for a name", () => {
    const names = [
      "*.example",
      "h?st",
      "[host]:0",
      "[host]:65536",
      "[host]",
      "a\u202eb",
      "a|b",
      "",
      "x".repeat(256),
    ];
    expect(namesIn(line(`${names.join(",")},good.example`))).toEqual(["good.example:22"]);
  });

  it("leaves out a name that its own line excludes", () => {
    expect(namesIn(line("host.example,bad.example,!bad.*"))).toEqual(["host.example:22"]);
  });

  it("never throws", () => {
    const field = fc.oneof(
      fc.constantFrom("@revoked", "@cert-authority", "|1|", "[a]:1", ",", "!", "*", "#", "\t", "\r", "\0"),
      fc.constantFrom("ssh-ed25519", key.blob.toString("base64"), line("a"), hashed("a")),
      fc.string({ unit: "binary" }),
    );
    const text = fc.array(fc.array(field).map((fields) => fields.join(" "))).map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(text, fc.string(), (lines, name) => {
        const lookup = lookUp(lines);
        lookup.names();
        lookup.confirm(at(name, 2222));
        lookup.confirmHashed(at(name));
      }),
    );
  });
});

describe("a hashed line", () => {
  it("has no name of its own and confirms the one it was made from", () => {
    const lookup = lookUp(hashed("host.example,[host.example]:2222"));
    expect(lookup.names()).toEqual([]);
    expect(lookup).toMatchObject({ known: true, hasHashedLines: true });
    expect(lookup.confirm(at("host.example"))).toEqual({ name: "host.example", port: 22, by: "key" });
    expect(lookup.confirmHashed(at("host.example", 2222))).toMatchObject({ port: 2222 });
    expect(lookup.confirm(at("other.example"))).toBeUndefined();
  });

  it("says nothing about other keys", () => {
    const lookup = lookUp(hashed("host.example", other));
    expect(lookup).toMatchObject({ known: false, hasHashedLines: false });
    expect(lookup.confirm(at("host.example"))).toBeUndefined();
  });
});

describe("a pattern", () => {
  it("confirms a name and gives none", () => {
    const lookup = lookUp(line("*.example,!bad.example"));
    expect(lookup.names()).toEqual([]);
    expect(lookup.known).toBe(true);
    expect(lookup.confirm(at("good.example"))).toMatchObject({ name: "good.example", by: "key" });
    expect(lookup.confirm(at("bad.example"))).toBeUndefined();
    expect(lookup.confirmHashed(at("good.example"))).toBeUndefined();
  });

  it("takes no time to speak of, whatever the name is", () => {
    const lookup = lookUp(line(`${"*a".repeat(400)}*b`));
    expect(lookup.confirm(at("a".repeat(255)))).toBeUndefined();
  });
});

describe("a port", () => {
  it("is the line's, not the candidate's", () => {
    expect(lookUp(line("host.example")).confirm(at("host.example", 2222))).toMatchObject({ port: 22 });
    expect(lookUp(line("[host.example]:2222")).confirm(at("host.example", 2222))).toMatchObject({
      port: 2222,
    });
  });
});

describe("a host certificate", () => {
  const certified = (principals: string, ...options: string[]): HostKey =>
    certify(makeKey(folder), authority, principals, ...options);
  const byAuthority = (names: string): string => `@cert-authority ${line(names, authority)}`;

  it("proves the principals that the authority's line is about", () => {
    const hostKey = certified("db1.example,db1.elsewhere,192.0.2.1");
    const lookup = lookUp(byAuthority("*.example,192.0.2.*"), hostKey);
    expect(lookup.names()).toEqual([
      { name: "db1.example", port: 22, by: "certificate" },
      { name: "192.0.2.1", port: 22, by: "certificate" },
    ]);
    expect(lookup.confirm(at("db1.elsewhere"))).toBeUndefined();
  });

  it("with wildcard principals confirms names, and proves those of the authority's line", () => {
    const lookup = lookUp(byAuthority("*.example,[db1.example]:2222"), certified("*.example"));
    expect(lookup.names()).toEqual([{ name: "db1.example", port: 2222, by: "certificate" }]);
    expect(lookup.confirm(at("web.example"))).toMatchObject({ name: "web.example", by: "certificate" });
    expect(lookup.confirm(at("example"))).toBeUndefined();
  });

  it("proves no principal that ssh can't ask for", () => {
    expect(namesIn(byAuthority("*"), certified("DB1.example,db2.example,db?.example"))).toEqual([
      "db2.example:22",
    ]);
  });

  it("without principals proves nothing", () => {
    const lookup = lookUp(byAuthority("*"), certified(""));
    expect(lookup.names()).toEqual([]);
    expect(lookup.confirm(at("host.example"))).toBeUndefined();
    expect(lookup.certificateFault).toBe("no principals");
  });

  it("of another authority proves nothing", () => {
    const lookup = lookUp(`@cert-authority ${line("*", other)}`, certified("host.example"));
    expect(lookup).toMatchObject({ known: false, certificateFault: undefined });
    expect(lookup.confirm(at("host.example"))).toBeUndefined();
  });

  it("of a user proves nothing", () => {
    expect(lookUp(byAuthority("*"), certified("host.example", "user")).certificateFault).toBe(
      "not a host certificate",
    );
  });

  it("is looked up again when its validity begins and ends", () => {
    const hostKey = certified("host.example", "-V", "20300101000000Z:20310101000000Z");
    const [begin, end] = [Date.UTC(2030, 0, 1), Date.UTC(2031, 0, 1)];
    expect(lookUp(byAuthority("*"), hostKey, new Date(begin - 1))).toMatchObject({
      known: false,
      staleAt: begin,
    });
    expect(lookUp(byAuthority("*"), hostKey, new Date(begin))).toMatchObject({ known: true, staleAt: end });
    expect(lookUp(byAuthority("*"), hostKey, new Date(end))).toMatchObject({
      certificateFault: "expired",
      staleAt: Number.POSITIVE_INFINITY,
    });
  });

  it("falls back to its key where that is known", () => {
    const hostKey = certified("host.example", "-V", "20200101:20210101");
    const lookup = lookUp([byAuthority("*"), line("plain.example", hostKey)], hostKey);
    expect(lookup.names()).toEqual([{ name: "plain.example", port: 22, by: "key" }]);
    expect(lookup.certificateFault).toBe("expired");
  });

  it("is not what an authority's own line is about", () => {
    expect(namesIn(byAuthority("host.example"), authority)).toEqual([]);
    expect(lookUp(byAuthority("host.example"), authority).confirm(at("host.example"))).toBeUndefined();
  });

  it("is revoked with its key or its authority", () => {
    const hostKey = certified("host.example");
    for (const revoked of [hostKey, authority]) {
      const lookup = lookUp([byAuthority("*"), `@revoked ${line("elsewhere", revoked)}`], hostKey);
      expect(lookup.revoked).toBe(true);
      expect(lookup.names()).toEqual([]);
      expect(lookup.confirm(at("host.example"))).toBeUndefined();
    }
  });
});

describe("a revoked key", () => {
  it("proves nothing under any name", () => {
    const lookup = lookUp([
      line("host.example"),
      hashed("h.example"),
      `@revoked ${line("elsewhere.example")}`,
    ]);
    expect(lookup.revoked).toBe(true);
    expect(lookup.names()).toEqual([]);
    expect(lookup.confirm(at("host.example"))).toBeUndefined();
    expect(lookup.confirmHashed(at("h.example"))).toBeUndefined();
  });

  it("is revoked by a line with a certificate of it, too", () => {
    const certified = certify(key, authority, "host.example");
    const revocation = `@revoked * ${readFileSync(`${certified.path}-cert.pub`, "utf8")}`;
    expect(lookUp([line("host.example"), revocation]).revoked).toBe(true);
  });
});
