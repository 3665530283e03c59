/** What must never be told, and how to find it where it was. */
import { execFileSync } from "node:child_process";
import { createPrivateKey, type JsonWebKey } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { readBlob } from "../peer/identity/keys.ts";

/** Bytes of a private key that nobody but its owner may know. */
export function privatePart(path: string): Buffer {
  // PROTOCOL.key; Node can't read OpenSSH's own format, and ssh-keygen writes no other for Ed25519
  if (!path.endsWith("ed25519")) {
    copyFileSync(path, `${path}.pem`);
    execFileSync("ssh-keygen", ["-q", "-p", "-N", "", "-m", "PEM", "-f", `${path}.pem`]);
    const { d = "" }: JsonWebKey = createPrivateKey(readFileSync(`${path}.pem`)).export({ format: "jwk" });
    return Buffer.from(d, "base64url");
  }
  const blob = Buffer.from(readFileSync(path, "utf8").replace(/-----.*-----|\s/g, ""), "base64");
  // its public key comes three times: in clear, before the seed, and behind it
  const end = blob.lastIndexOf(readBlob(`${path}.pub`).subarray(-32));
  return blob.subarray(end - 32, end);
}

/** Whether a text holds these bytes, as they are, in hex, in base64 or as a list of numbers. */
export function spelled(secret: Buffer, text: string): boolean {
  return spellings(secret.subarray(0, 24)).some((spelling) => text.includes(spelling));
}

/** Base64 in its three alignments, without the characters that depend on the neighbours. */
function spellings(bytes: Buffer): string[] {
  const aligned = [0, 1, 2].map((offset) => Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64"));
  const base64 = aligned.map((text) => text.slice(4, 28));
  const base64url = base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"));
  const hex = bytes.toString("hex");
  return [...base64, ...base64url, hex, hex.toUpperCase(), bytes.toString("latin1"), bytes.join()];
}
