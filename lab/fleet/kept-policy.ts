/** A machine with a [fleet], and a policy of it that came earlier: signed by a real key, and without a bus. */

import { mkdirSync, readFileSync } from "node:fs";
import { sign } from "../../src/fleet/signed/keygen.ts";
import type { Lab } from "../lab.ts";

/** Of config.toml. Nobody listens there. */
export const FLEET = '[fleet]\nservers = "nats://127.0.0.1:1"\nmachine = "build1"\nsigners = "signers"\n';

/** One who may sign policies. @returns the key's path */
export function makeSigner(lab: Lab, name = "alice"): string {
  const key = lab.key(name);
  const line = `${name} namespaces="muxguard-policy" ${readFileSync(`${key}.pub`, "utf8")}`;
  lab.write("config/muxguard/signers", line);
  return key;
}

/** As the daemon kept them when they came. */
export async function keepStatements(lab: Lab, key: string, ...said: object[]): Promise<void> {
  const entries = await Promise.all(
    said.map(async (one, at) => {
      const signed = JSON.stringify({ v: 1, sequence: at + 1, ...one });
      const signature = await sign(signed, { key, namespace: "muxguard-policy", environment: process.env });
      return `${JSON.stringify({ by: "alice", signed, signature })}\n`;
    }),
  );
  mkdirSync(lab.path("state/muxguard"), { recursive: true, mode: 0o700 });
  lab.write("state/muxguard/fleet-policy.jsonl", entries.join(""));
}

export function policyOf(toml: string, lifetime = 3_600_000): object {
  return { kind: "policy", expires: new Date(Date.now() + lifetime).toISOString(), toml };
}
