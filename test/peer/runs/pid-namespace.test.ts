/** A run inside of another, in a pid namespace of its own: there the outer one's pid means nothing. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";
import { MUXGUARD } from "../../../lab/programs.ts";
import { describeWith } from "../tools.ts";

/** An ordinary user needs a user namespace first; root may have none. */
const options = ["-Urpf", "-pf"].find(
  (flags) => spawnSync("unshare", [flags, "--mount-proc", "true"], { stdio: "ignore" }).status === 0,
);
if (!options) console.warn("skipped, as there are no namespaces: runs in pid namespaces");

describeWith(["ssh"], "muxguard run in a pid namespace", () => {
  const lab = new Lab();
  const runtime = lab.path("runtime/muxguard");
  const muxguard = `${process.execPath} ${MUXGUARD}`;
  const apart = `unshare ${options} --mount-proc`;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", lab.key("work"));
    lab.policy('default = "allow"\n');
  });
  afterAll(() => lab.close());

  it.skipIf(!options)("leaves the outer run its folder, and its agent", async () => {
    const script = `ssh-add -l; ${apart} ${muxguard} run -- true; ssh-add -l`;
    const { code, stdout } = await lab.muxguard("run", "--", "sh", "-c", script);
    expect(code).toBe(0);
    expect(stdout.match(/ work /g)).toHaveLength(2);
    expect(readdirSync(runtime)).toEqual([]);
  });

  it.skipIf(!options)("has a folder of its own where another one's has its pid for a name", async () => {
    // the first process of a namespace that runs muxguard has a small pid in each of them
    const inner = `${apart} ${muxguard} run -- sh -c 'ssh-add -l; echo $SSH_AUTH_SOCK'`;
    for (let pid = 1; pid < 10; pid++) mkdirSync(`${runtime}/run-${pid}`, { mode: 0o700, recursive: true });
    const { stdout } = await lab.muxguard("run", "--", "sh", "-c", inner);
    expect(stdout).toContain(" work ");
    expect(stdout).toMatch(/\/run-\d-[0-9a-f]+\/agent\.sock\n$/);
  });
});
