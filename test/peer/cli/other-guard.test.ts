/** Guards that were not started as this command was: by another installation, or where other files are seen. */
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import { accepts } from "../../../lab/network.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh"], "a guard of another installation", () => {
  const lab = new Lab();
  afterAll(() => lab.close());

  it("is a guard as any", async () => {
    const installation = dirname(dirname(MUXGUARD));
    const copy = lab.path("copy");
    mkdirSync(copy);
    for (const name of ["bin", "dist", "package.json"])
      cpSync(join(installation, name), join(copy, name), { recursive: true });
    symlinkSync(join(installation, "node_modules"), join(copy, "node_modules"));
    lab.start(process.execPath, [join(copy, "bin/muxguard"), "daemon", "--foreground"], { detached: true });
    await until(() => accepts(lab.daemonSocket), "the daemon");
    expect(await lab.muxguard("status")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^daemon +pid/),
    });
  });
});

/** Any file can be at any path there, as for a program in a confined run. */
const apart = (...command: string[]): [string, string[]] => [
  "bwrap",
  ["--die-with-parent", "--dev-bind", "/", "/", "--tmpfs", "/mnt", ...command],
];
const passedOver =
  /^muxguard: \S+ is passed over: what listens there \(pid \d+\) sees other files than this/m;
const mend = "use muxguard where that was started, or end it and start it here";

describeWith(["ssh", "bwrap"], "a guard in another mount namespace", () => {
  const labs = { outside: new Lab(), inside: new Lab(), both: new Lab() };
  afterAll(() => Promise.all(Object.values(labs).map((lab) => lab.close())));

  it("is not believed, which says where to use it", async () => {
    const lab = labs.inside;
    lab.start(...apart(process.execPath, MUXGUARD, "daemon", "--foreground"), { detached: true });
    await until(() => accepts(lab.daemonSocket), "the daemon");
    const { code, stderr } = await lab.muxguard("status");
    expect({ code }).toEqual({ code: 3 });
    expect(stderr).toMatch(passedOver);
    expect(stderr).toContain(mend);
  });

  it("is not believed by a command that is in another one itself", async () => {
    const lab = labs.outside;
    await lab.startDaemon();
    const { code, stderr } = await lab.run(...apart(process.execPath, MUXGUARD, "status"));
    expect({ code }).toEqual({ code: 3 });
    expect(stderr).toMatch(passedOver);
    expect(stderr).toContain(mend);
  });

  it("is a guard for those who are where it is", async () => {
    const muxguard = `'${process.execPath}' '${MUXGUARD}'`;
    const line = `${muxguard} daemon && ${muxguard} status; ${muxguard} daemon stop`;
    const { stdout, stderr } = await labs.both.run(...apart("/bin/sh", "-c", line));
    expect(stderr).not.toMatch(passedOver);
    expect(stdout).toMatch(/^daemon +pid/m);
  });
});
