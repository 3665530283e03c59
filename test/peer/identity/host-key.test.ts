import { execFileSync } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkHostCertificate,
  verifyCertificate,
  verifySignature,
} from "../../../src/identity/hosts/host-key.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import { parseSignature } from "../../../src/wire/public-key.ts";
import {
  certify,
  type HostKey,
  keyNames,
  makeFolder,
  makeKey,
  makeSecurityKey,
  mpint,
  readBlob,
  readCertificate,
  signature,
} from "./keys.ts";

const folder = makeFolder();
const data = Buffer.from("what is signed");
const ed25519 = makeKey(folder);
const rsa = makeKey(folder, "rsa");
const nistp256 = makeKey(folder, "nistp256");
const securityKeys = ["sk-ssh-ed25519", "sk-ecdsa-sha2-nistp256"] as const;

function makeRsa(bits: number): {
  blob: Buffer;
  privateKey: ReturnType<typeof generateKeyPairSync>["privateKey"];
} {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  const { n = "", e = "" } = publicKey.export({ format: "jwk" });
  const [modulus, exponent] = [n, e].map((value) => mpint(Buffer.from(value, "base64url")));
  const blob = new ByteWriter()
    .string("ssh-rsa")
    .string(exponent ?? "")
    .string(modulus ?? "")
    .toBuffer();
  return { blob, privateKey };
}

describe("verifySignature", () => {
  it.each(keyNames)("verifies what OpenSSH signed with %s", (name) => {
    const authority = makeKey(folder, name);
    const certificate = readCertificate(certify(makeKey(folder), authority, "host.example").blob);
    expect(verifySignature(authority.blob, certificate.signature, certificate.signedPart)).toBe("valid");
    expect(verifySignature(authority.blob, certificate.signature, data)).toBe("invalid");
  });

  it("verifies what OpenSSH signed with rsa-sha2-256", () => {
    const { signature, signedPart } = readCertificate(
      certify(makeKey(folder), rsa, "host.example", "-t", "rsa-sha2-256").blob,
    );
    expect(parseSignature(signature).algorithm).toBe("rsa-sha2-256");
    expect(verifySignature(rsa.blob, signature, signedPart)).toBe("valid");
  });

  it.each(keyNames)("verifies a host's signature with %s", (name) => {
    const key = makeKey(folder, name);
    expect(verifySignature(key.blob, key.sign(data), data)).toBe("valid");
    expect(verifySignature(key.blob, key.sign(data), Buffer.from("something else"))).toBe("invalid");
  });

  it.each(securityKeys)("verifies a security key's signature with %s", (kind) => {
    const key = makeSecurityKey(kind);
    const made = key.sign(data);
    expect(verifySignature(key.blob, made, data)).toBe("valid");
    made[made.length - 1] = 8; // the counter is signed as well
    expect(verifySignature(key.blob, made, data)).toBe("invalid");
    expect(verifySignature(key.blob, made.subarray(0, -5), data)).toBe("invalid");
  });

  it.each(keyNames)("takes a certificate's key for the signer (%s)", (name) => {
    const key = makeKey(folder, name);
    const certified = certify(key, ed25519, "host.example");
    expect(verifySignature(certified.blob, key.sign(data), data)).toBe("valid");
    expect(verifySignature(certified.blob, ed25519.sign(data), data)).toBe("invalid");
  });

  it("verifies an RSA signature without its leading zeros, as OpenSSH does", () => {
    const { blob, privateKey } = makeRsa(1024);
    for (let counter = 0; ; counter++) {
      const message = Buffer.from(`message ${counter}`);
      const made = sign("sha512", message, privateKey);
      if (made[0] !== 0) continue;
      expect(verifySignature(blob, signature("rsa-sha2-512", made.subarray(1)), message)).toBe("valid");
      return;
    }
  });

  it("says nothing about SHA-1", () => {
    expect(verifySignature(rsa.blob, signature("ssh-rsa", Buffer.alloc(256)), data)).toBe("unsupported");
  });

  it("says nothing about webauthn signatures", () => {
    const { blob } = makeSecurityKey("sk-ecdsa-sha2-nistp256");
    const made = signature("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", Buffer.alloc(72));
    expect(verifySignature(blob, made, data)).toBe("unsupported");
  });

  it.each(["ssh-dss", "ssh-mldsa44-ed25519@openssh.com", "ssh-dss-cert-v01@openssh.com"])(
    "says nothing about %s keys",
    (type) => {
      const blob = new ByteWriter().string(type).string(Buffer.alloc(40)).toBuffer();
      expect(verifySignature(blob, signature(type, Buffer.alloc(40)), data)).toBe("unsupported");
    },
  );

  const small = makeRsa(768);
  const offCurve = Buffer.concat([nistp256.blob.subarray(0, -1), Buffer.of((nistp256.blob.at(-1) ?? 0) ^ 1)]);
  const one = Buffer.of(1);
  const rs = (r: Buffer, s: Buffer): Buffer => new ByteWriter().string(r).string(s).toBuffer();
  it.each<[string, Buffer, Buffer]>([
    ["no key", Buffer.alloc(0), ed25519.sign(data)],
    ["no signature", ed25519.blob, Buffer.alloc(0)],
    ["another key", ed25519.blob, makeKey(folder).sign(data)],
    ["another type's algorithm", ed25519.blob, signature("ssh-rsa", Buffer.alloc(64))],
    ["another curve's algorithm", nistp256.blob, makeKey(folder, "nistp384").sign(data)],
    ["an RSA algorithm that isn't one", rsa.blob, signature("rsa-sha2-1024", Buffer.alloc(256))],
    [
      "a certificate's name as the algorithm",
      ed25519.blob,
      signature("ssh-ed25519-cert-v01@openssh.com", Buffer.alloc(64)),
    ],
    ["a longer signature", ed25519.blob, Buffer.concat([ed25519.sign(data), one])],
    ["a shorter signature", ed25519.blob, ed25519.sign(data).subarray(0, -1)],
    ["an RSA signature longer than the key", rsa.blob, signature("rsa-sha2-512", Buffer.alloc(257))],
    [
      "an RSA key under 1024 bits",
      small.blob,
      signature("rsa-sha2-256", sign("sha256", data, small.privateKey)),
    ],
    ["a point that is not on the curve", offCurve, nistp256.sign(data)],
    ["a negative number", nistp256.blob, signature("ecdsa-sha2-nistp256", rs(Buffer.of(0x80), one))],
    ["a number too large", nistp256.blob, signature("ecdsa-sha2-nistp256", rs(Buffer.alloc(33, 1), one))],
    ["zeros", nistp256.blob, signature("ecdsa-sha2-nistp256", rs(Buffer.alloc(0), Buffer.alloc(0)))],
    [
      "a third number",
      nistp256.blob,
      signature("ecdsa-sha2-nistp256", Buffer.concat([rs(one, one), rs(one, one)])),
    ],
  ])("refuses %s", (_name, key, made) => {
    expect(verifySignature(key, made, data)).toBe("invalid");
  });

  it("refuses a key or signature with any bit changed", () => {
    const keys = [ed25519, rsa, nistp256, ...securityKeys.map(makeSecurityKey)];
    const cases = keys.map((key) => ({ blob: key.blob, made: key.sign(data) }));
    fc.assert(
      fc.property(fc.constantFrom(...cases), fc.boolean(), fc.nat(), ({ blob, made }, inKey, bit) => {
        const flipped = flipBit(inKey ? blob : made, bit);
        const check = inKey ? verifySignature(flipped, made, data) : verifySignature(blob, flipped, data);
        expect(check).not.toBe("valid");
      }),
    );
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (key, made) => {
        verifySignature(Buffer.from(key), Buffer.from(made), data);
      }),
    );
  });
});

function flipBit(bytes: Buffer, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  const index = (bit >> 3) % bytes.length;
  flipped.writeUInt8(flipped.readUInt8(index) ^ (1 << (bit & 7)), index);
  return flipped;
}

describe("checkHostCertificate", () => {
  const now = new Date("2030-06-01T12:00:00Z");
  const window = ["-V", "20300101000000Z:20310101000000Z"];
  const check = (certified: HostKey, at = now): string | undefined =>
    checkHostCertificate(readCertificate(certified.blob), at);
  const certifyNew = (principals: string, ...options: string[]): HostKey =>
    certify(makeKey(folder), ed25519, principals, ...window, ...options);

  it.each(keyNames)("accepts a host certificate that an authority signed with %s", (name) => {
    expect(check(certify(makeKey(folder), makeKey(folder, name), "host.example", ...window))).toBeUndefined();
  });

  it("accepts the first second of the validity and not the last", () => {
    const certified = certifyNew("host.example");
    expect(check(certified, new Date("2030-01-01T00:00:00Z"))).toBeUndefined();
    expect(check(certified, new Date("2030-12-31T23:59:59.999Z"))).toBeUndefined();
    expect(check(certified, new Date("2029-12-31T23:59:59.999Z"))).toBe("not yet valid");
    expect(check(certified, new Date("2031-01-01T00:00:00Z"))).toBe("expired");
  });

  it("accepts a certificate that is valid forever", () => {
    expect(check(certify(makeKey(folder), ed25519, "host.example"))).toBeUndefined();
  });

  it.each<[string, () => HostKey]>([
    ["not a host certificate", () => certifyNew("somebody", "user")],
    ["no principals", () => certifyNew("")],
    ["unknown critical options", () => certifyNew("host.example", "-O", "critical:test@example.com=1")],
  ])("refuses: %s", (reason, makeCertified) => {
    expect(check(makeCertified())).toBe(reason);
  });

  it("refuses an authority that used SHA-1", () => {
    const certificate = readCertificate(certify(makeKey(folder), rsa, "host.example", ...window).blob);
    const made = signature("ssh-rsa", Buffer.alloc(256));
    expect(checkHostCertificate({ ...certificate, signature: made }, now)).toBe(
      "signed with a disallowed algorithm",
    );
  });

  it("refuses a webauthn authority, which can't be verified here", () => {
    const certificate = readCertificate(certifyNew("host.example").blob);
    const { blob } = makeSecurityKey("sk-ecdsa-sha2-nistp256");
    const made = signature("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", Buffer.alloc(72));
    expect(checkHostCertificate({ ...certificate, authority: blob, signature: made }, now)).toBe(
      "signed with an unsupported algorithm",
    );
  });

  it("refuses a certificate with a changed principal", () => {
    const { blob } = certifyNew("host.example");
    const changed = Buffer.from(blob.toString("latin1").replace("host.example", "host.exampld"), "latin1");
    expect(readCertificate(changed).principals).toEqual(["host.exampld"]);
    expect(check({ ...ed25519, blob: changed })).toBe("not signed by its authority");
  });

  it("refuses an authority that is a certificate itself", () => {
    const middle = makeKey(folder);
    const certificate = readCertificate(certify(makeKey(folder), middle, "host.example", ...window).blob);
    expect(verifyCertificate(certificate)).toBe("valid");
    const chained = { ...certificate, authority: certify(middle, ed25519, "middle.example").blob };
    expect(verifyCertificate(chained)).toBe("invalid");
    expect(checkHostCertificate(chained, now)).toBe("not signed by its authority");
  });

  it("reads the names that OpenSSH wrote", () => {
    const { path } = certifyNew("a.example,b.example");
    const listed = execFileSync("ssh-keygen", ["-L", "-f", `${path}-cert.pub`], { encoding: "utf8" });
    expect(listed).toContain("a.example");
    expect(readCertificate(readBlob(`${path}-cert.pub`)).principals).toEqual(["a.example", "b.example"]);
  });
});
