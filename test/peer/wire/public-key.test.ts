import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import {
  encodePlainKey,
  fingerprint,
  keyType,
  parsePublicKey,
  parseSignature,
  plainKeyBlob,
} from "../../../src/wire/public-key.ts";
import { bytes, certificate, plainKey, text } from "../../support/wire.ts";

describe("a public key", () => {
  test("of every known type is read as it was written", () => {
    fc.assert(
      fc.property(plainKey, (key) => {
        const blob = encodePlainKey(key);
        expect(parsePublicKey(blob)).toEqual(key);
        expect(keyType(blob)).toBe(key.type);
        expect(plainKeyBlob(blob)).toEqual(blob);
      }),
    );
  });

  test("of an unknown type is unknown, and has a fingerprint", () => {
    fc.assert(
      fc.property(text(), bytes(), (name, fields) => {
        const type = `${name}@example.com`;
        const blob = new ByteWriter().string(type).bytes(fields).toBuffer();
        expect(parsePublicKey(blob)).toEqual({ kind: "unknown", type });
        expect(fingerprint(blob)).toMatch(/^SHA256:[\w+/]{43}$/);
      }),
    );
  });

  test.each(["constructor", "__proto__", "ssh-ed25519-cert-v02@openssh.com", "new-cert-v01@openssh.com"])(
    "of type %s is unknown",
    (type) => {
      const blob = new ByteWriter().string(type).string("nonce").toBuffer();
      expect(parsePublicKey(blob)).toEqual({ kind: "unknown", type });
    },
  );
});

describe("a certificate", () => {
  test("for every type of key is read as it was written", () => {
    fc.assert(
      fc.property(certificate, ({ said, blob, signedPart }) => {
        expect(parsePublicKey(blob)).toEqual({ kind: "certificate", ...said, signedPart });
      }),
    );
  });

  test("has the fingerprint of its key", () => {
    fc.assert(
      fc.property(certificate, ({ said, blob }) => {
        const plain = encodePlainKey(said.key);
        expect(plainKeyBlob(blob)).toEqual(plain);
        expect(fingerprint(blob)).toBe(fingerprint(plain));
      }),
    );
  });
});

test("a signature is read as it was written, with what a security key adds", () => {
  fc.assert(
    fc.property(text(), bytes(), bytes(5), (algorithm, blob, rest) => {
      const signature = new ByteWriter().string(algorithm).string(blob).bytes(rest).toBuffer();
      expect(parseSignature(signature)).toEqual({ algorithm, blob, rest });
    }),
  );
});

describe("ssh-keygen prints the same fingerprint", () => {
  const folder = mkdtempSync(join(tmpdir(), "muxguard-keys-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const keygen = (...args: string[]): string =>
    execFileSync("ssh-keygen", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const readBlob = (file: string): Buffer =>
    Buffer.from(readFileSync(join(folder, file), "utf8").split(" ")[1] ?? "", "base64");
  const makeKey = (name: string, options: readonly string[]): void =>
    void keygen("-q", "-N", "", "-C", name, "-f", name, ...options);

  const kinds: [string, string[]][] = [
    ["ed25519", ["-t", "ed25519"]],
    ["ecdsa-256", ["-t", "ecdsa", "-b", "256"]],
    ["ecdsa-384", ["-t", "ecdsa", "-b", "384"]],
    ["ecdsa-521", ["-t", "ecdsa", "-b", "521"]],
    ["rsa", ["-t", "rsa", "-b", "2048"]],
  ];

  test.each(kinds)("of a key: %s", (name, options) => {
    makeKey(name, options);
    expect(keygen("-lf", `${name}.pub`).split(" ")[1]).toBe(fingerprint(readBlob(`${name}.pub`)));
  });

  test.each(kinds)("of a certificate, and says the same of it: %s", (name, options) => {
    makeKey(`${name}-authority`, ["-t", "ed25519"]);
    makeKey(`${name}-user`, options);
    const validity = ["-z", "42", "-V", "20300101000000Z:20300102000000Z", "-O", "force-command=true"];
    keygen(
      "-q",
      "-s",
      `${name}-authority`,
      "-I",
      "an id",
      "-n",
      "git,deploy",
      ...validity,
      `${name}-user.pub`,
    );
    const blob = readBlob(`${name}-user-cert.pub`);
    expect(keygen("-lf", `${name}-user-cert.pub`).split(" ")[1]).toBe(fingerprint(blob));
    expect(parsePublicKey(blob)).toMatchObject({
      kind: "certificate",
      role: "user",
      keyId: "an id",
      serial: 42n,
      principals: ["git", "deploy"],
      validAfter: BigInt(Date.UTC(2030, 0, 1) / 1000),
      validBefore: BigInt(Date.UTC(2030, 0, 2) / 1000),
      criticalOptions: ["force-command"],
      authority: readBlob(`${name}-authority.pub`),
    });
  });

  test("a host certificate says so", () => {
    for (const name of ["host-authority", "host"]) makeKey(name, ["-t", "ed25519"]);
    keygen("-q", "-s", "host-authority", "-h", "-I", "host", "-n", "db.example", "host.pub");
    expect(parsePublicKey(readBlob("host-cert.pub"))).toMatchObject({
      role: "host",
      principals: ["db.example"],
    });
  });
});
