/** Laboratories that live as long as the describe() that they are made in. */
import { afterAll, beforeAll } from "vitest";
import type { MuxLab } from "../../lab/mux-lab.ts";

export const ALLOW = 'default = "allow"\n';
export const LOGIN_ALONE = 'default = "deny"\n[[rule]]\non = ["sign"]\naction = "allow"\n';
export const QUEUE = 'approvers = ["queue"]\n';

/** The same laboratory, which is opened before the tests and closed after them. */
export function opened<L extends MuxLab>(lab: L, policy = ALLOW, settings?: string): L {
  beforeAll(async () => {
    if (settings !== undefined) lab.settings(settings);
    lab.policy(policy);
    await lab.open();
  });
  afterAll(() => lab.close());
  return lab;
}
