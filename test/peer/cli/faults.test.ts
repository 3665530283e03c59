/** Commands whose output has no place to go: a line and a code, as other tools do, and never a stack trace. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab, MUXGUARD } from "../../../lab/lab.ts";

describe("a command", () => {
  const lab = new Lab();
  beforeAll(async () => {
    await lab.startDaemon();
  });
  afterAll(() => lab.close());

  const full = "muxguard: stdout: ENOSPC: no space left on device, write\n";
  it.each([
    ["pending", ">/dev/full", 1, full],
    ["grants", ">/dev/full", 1, full],
    ["status", ">/dev/full", 1, full],
    ["env", ">/dev/full", 1, full],
    ["policy check", ">/dev/full", 1, full],
    ["--help", ">/dev/full", 1, full],
    ["run -- true", ">/dev/full", 0, ""],
    ["status", "| true", 0, ""],
    ["--help", "| head -1 >/dev/null", 0, ""],
    ["status", ">&-", 0, ""],
    ["pending", ">&-", 0, ""],
    ["run -- true", ">&-", 0, ""],
    ["run -- true", "2>&-", 0, ""],
    ["approve nothing", "2>&-", 1, ""],
    ["approve nothing", "2>/dev/full", 1, ""],
  ])("%s %s ends with one line at most", async (words, where, code, stderr) => {
    const script = `{ "$0" "$1" ${words}; echo "$?" >&3; } ${where}`;
    const whole = `exec 3>&1; ${script}`;
    const found = await lab.run("sh", ["-c", whole, process.execPath, MUXGUARD]);
    expect({ code: found.stdout.trim().split("\n").at(-1), stderr: found.stderr }).toEqual({
      code: String(code),
      stderr,
    });
  });
});
