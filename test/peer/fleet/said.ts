/** What is said to all machines: by who may, and by whoever has the bus. */
import { expect } from "vitest";
import type { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, until } from "../../../lab/lab.ts";
import { type Namespace, sign } from "../../../src/fleet/signed/keygen.ts";

/** What a machine says of the fleet's policy. */
export async function stated(lab: Lab): Promise<string> {
  return JSON.parse((await lab.muxguard("status", "--json")).stdout).fleet?.policy ?? "";
}

/** What it says is wrong. */
export async function wrong(lab: Lab): Promise<string> {
  return JSON.parse((await lab.muxguard("status", "--json")).stdout).wrong.join("\n");
}

/** Until each machine has it. @returns its number */
export async function pushTo(
  machines: readonly Lab[],
  admin: Lab,
  text: string,
  ...more: string[]
): Promise<number> {
  admin.write("fleet.toml", text);
  const pushed = await admin.muxguard("fleet", "policy", "push", admin.path("fleet.toml"), ...more);
  expect(pushed).toMatchObject({ code: 0 });
  const sequence = Number(/number (\d+)/.exec(pushed.stdout)?.[1]);
  for (const lab of machines)
    await until(async () => (await stated(lab)).includes(`number ${sequence} `), "the policy");
  return sequence;
}

/** An entry of alice's, or what looks like one. */
export async function forge(
  fleet: FleetLab,
  said: object,
  key = "alice",
  namespace: Namespace = "muxguard-policy",
): Promise<{ by: string; signed: string; signature: string }> {
  const signed = JSON.stringify(said);
  const signature = await sign(signed, { key: fleet.path(key), namespace, environment: fleet.environment });
  return { by: "alice", signed, signature };
}

/** As whoever has the bus puts it there. */
export async function put(fleet: FleetLab, entry: object): Promise<void> {
  const bus = await fleet.hostile();
  bus.publish("$KV.muxguard.policy", JSON.stringify(entry));
  await bus.flush();
  await bus.close();
}
