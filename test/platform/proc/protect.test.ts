import { expect, test } from "vitest";
import { tracingFault } from "../../../src/platform/proc/protect.ts";

const reading = (text: string) => tracingFault((() => text) as never);

test("where the kernel lets any process trace any other, that is a fault with its mend", () => {
  expect(reading("0\n")).toMatch(/^kernel\.yama\.ptrace_scope is 0: .*sysctl kernel\.yama\.ptrace_scope=1$/);
});

test("where the kernel limits tracing there is no fault", () => {
  for (const scope of ["1\n", "2\n", "3\n"]) expect(reading(scope)).toBeUndefined();
});

test("a kernel without the setting is said to have none", () => {
  const missing = () => {
    throw new Error("ENOENT");
  };
  expect(tracingFault(missing as never)).toMatch(
    /^this kernel has no kernel\.yama\.ptrace_scope: .*muxguard run --confine$/,
  );
});
