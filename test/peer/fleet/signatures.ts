/** Signatures as whoever has the bus may change them, without a key; and machines that verify them slowly. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import type { Lab } from "../../../lab/lab.ts";
import { ByteReader, ByteWriter } from "../../../src/wire/primitives.ts";

/** @param key the path of a private key */
export function fingerprintOf(key: string): string {
  return execFileSync("ssh-keygen", ["-lf", `${key}.pub`], { encoding: "utf8" }).split(" ")[1] ?? "";
}

/** With a zero more before the modulus of its RSA key, which is not part of what is signed. @returns armored */
export function encodedAnew(armored: string): string {
  const body = armored.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
  const reader = new ByteReader(Buffer.from(body.join(""), "base64"));
  const head = reader.bytes("SSHSIG".length + 4);
  const key = new ByteReader(reader.string());
  const [type, exponent, modulus] = [key.string(), key.string(), key.string()];
  const longer = Buffer.concat([Buffer.alloc(1), modulus]);
  const anew = new ByteWriter().string(type).string(exponent).string(longer).toBuffer();
  const all = new ByteWriter().bytes(head).string(anew).bytes(reader.rest()).toBuffer();
  const lines = all.toString("base64").replace(/.{70}/g, "$&\n");
  return `-----BEGIN SSH SIGNATURE-----\n${lines}\n-----END SSH SIGNATURE-----\n`;
}

/**
 * Guards that start from now on have an ssh-keygen that takes its time.
 * @returns ends that
 */
export function slowKeygen(lab: Lab, seconds: number): () => void {
  const { PATH = "" } = lab.environment;
  const folder = lab.path("slow");
  mkdirSync(folder, { recursive: true });
  lab.write("slow/ssh-keygen", `#!/bin/sh\nsleep ${seconds}\nPATH=${PATH} exec ssh-keygen "$@"\n`);
  chmodSync(`${folder}/ssh-keygen`, 0o755);
  lab.environment.PATH = `${folder}:${PATH}`;
  return () => {
    lab.environment.PATH = PATH;
  };
}
