/** A sandbox without Unix sockets inside of a confined run, as coding agents bring one along. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ConfinedLab } from "../../../lab/confined-lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { describeWith } from "../tools.ts";

const FILTER = join(import.meta.dirname, "../ride/no-unix-sockets.c");

describeWith(["bwrap", "cc", "ssh", "sshd"], "a confined ride without Unix sockets", () => {
  const lab = new ConfinedLab();
  const deny = lab.path("no-unix-sockets");
  const ride = (scope: string, line: string) =>
    lab.muxguard("run", "--ride", "--scope", scope, "--", "/bin/sh", "-c", line);
  beforeAll(async () => {
    execFileSync("cc", ["-o", deny, FILTER]);
    lab.policy('default = "allow"');
    lab.settings("[scope.plain]\nnetwork = false\n[scope.agent]\nnested = true\n");
    await lab.open();
  });
  afterAll(() => lab.close());

  it("goes over pipes", () => expectPipes("plain", deny));

  // uid 0 may map itself into a namespace with CAP_SETFCAP alone, which nothing inside has: user_namespaces(7)
  it.skipIf(process.getuid?.() === 0).each([
    [
      "agent",
      `bwrap --unshare-user --ro-bind / / --dev /dev --proc /proc --unshare-net --unshare-pid ${deny}`,
    ],
    ["agent", `${deny} bwrap --unshare-user --ro-bind / / --dev /dev --unshare-net`],
  ])("goes over pipes in a sandbox of its own: in scope %s, %s", expectPipes);

  async function expectPipes(scope: string, sandbox: string): Promise<void> {
    const line = `echo there and back | ${sandbox} ssh ${HOST} cat; ${sandbox} /usr/bin/ssh ${HOST} exit 5`;
    expect(await ride(scope, line)).toEqual({
      code: 5,
      signal: null,
      stdout: "there and back\n",
      stderr: "",
    });
  }
});
