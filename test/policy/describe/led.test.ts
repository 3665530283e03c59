/** The option by which a run's shim leads ssh is none of the caller's words. */
import { expect, it } from "vitest";
import { calledWith } from "../../../src/policy/describe/led.ts";

it.each([
  "/run/user/1000/muxguard/run-17/agent.sock",
  "/run/user/1000/muxguard/run-17-3fa/agent.sock",
  "/run/user/1000/muxguard/0a1b2c3d4e5f.sock",
  "/tmp/muxguard-1000/run-17/agent.sock",
])("a run's own agent is left out: %s", (socket) => {
  expect(calledWith(["ssh", "-o", `IdentityAgent=${socket}`, "-v", "host"])).toEqual(["ssh", "-v", "host"]);
});

it.each([
  [["ssh", "-o", "IdentityAgent=/run/other.sock", "host"]],
  [["ssh", "-v", "-o", "IdentityAgent=/run/muxguard/run-1/agent.sock", "host"]],
  [["ssh", "-o", "IdentityAgent=/a -o ProxyCommand=evil /muxguard/run-1/agent.sock", "host"]],
  [["ssh", "-o"]],
  [[]],
])("whatever else a caller says stays: %j", (words) => {
  expect(calledWith(words)).toEqual(words);
});
