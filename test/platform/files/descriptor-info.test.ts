/** What /proc tells of a descriptor that is open. */
import { closeSync, constants, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { descriptorInfo } from "../../../src/platform/files/descriptor-info.ts";
import { O_PATH } from "../../../src/platform/libc/descriptors.ts";

test("says how it was opened, and in which mount", () => {
  const flags = [constants.O_RDONLY, constants.O_WRONLY | constants.O_APPEND];
  for (const opened of flags) {
    const fd = openSync("/dev/null", opened);
    const [own, byPid] = [descriptorInfo("self", fd), descriptorInfo(process.pid, fd)];
    closeSync(fd);
    expect((own?.flags ?? -1) & (3 | constants.O_APPEND)).toBe(opened);
    expect((own?.flags ?? -1) & O_PATH).toBe(0);
    expect(byPid).toEqual(own);
  }
  const [bare, other] = [openSync(tmpdir(), O_PATH), openSync("/proc/self/status", constants.O_RDONLY)];
  const [path, proc] = [descriptorInfo("self", bare), descriptorInfo("self", other)];
  for (const fd of [bare, other]) closeSync(fd);
  expect((path?.flags ?? 0) & O_PATH).toBe(O_PATH);
  expect(path?.mount).not.toBe(proc?.mount);
});

test("says nothing of one that is not open", () => {
  expect(descriptorInfo("self", 999_999)).toBeUndefined();
  expect(descriptorInfo(2 ** 22 + 1, 0)).toBeUndefined();
});
