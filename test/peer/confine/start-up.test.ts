/**
 * What a confined run could leave behind so that the user starts it: in folders that are not there yet. And
 * programs that would have more rights than it has. Real bubblewrap.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ConfinedLab } from "../../../lab/confined-lab.ts";
import { describeWith } from "../tools.ts";

const ofHome = [".ssh/config", "bin/ls", ".local/bin/ls", ".local/share/systemd/user/a.service"];
const ofConfig = ["autostart/a.desktop", "environment.d/a.conf", "fish/config.fish", "git/config"];

describeWith(["bwrap", "ssh"], "a confined run", () => {
  const lab = new ConfinedLab({ hasDaemon: false });
  const paths = [
    ...ofHome.map((name) => join(lab.home, name)),
    ...[...ofConfig, "systemd/user/a.service"].map((name) => join(lab.path("config"), name)),
  ];
  const plant = paths.map((path) => `mkdir -p "$(dirname ${path})"; echo evil >${path} && echo ${path}`);
  const line = `exec 2>&-; ${plant.join("; ")}; echo done`;
  beforeAll(() => lab.settings("[scope.plain]\nconfine = false\n"));
  afterAll(() => lab.close());

  it("can't put a program where the user's own are started from, though nothing is there yet", async () => {
    mkdirSync(join(lab.home, ".local"));
    expect(await lab.confined(line)).toMatchObject({ code: 0, stdout: "done\n" });
  });

  it("leaves none of the folders behind that were made to keep it from that", () => {
    expect(readdirSync(lab.home)).toEqual([".local"]);
    expect(readdirSync(join(lab.home, ".local"))).toEqual([]);
    expect(readdirSync(lab.path("config"))).toEqual(["muxguard"]);
  });

  it("could put it there if it were not confined", async () => {
    const { stdout } = await lab.muxguard("run", "--", "/bin/sh", "-c", line);
    expect(stdout.trimEnd().split("\n")).toEqual([...paths, "done"]);
    for (const path of paths) rmSync(path);
  });

  it("gains no rights by a setuid program, and has no capability", async () => {
    const { stdout } = await lab.confined("cat /proc/self/status");
    expect(stdout).toMatch(/^NoNewPrivs:\t1$/m);
    expect(stdout).toMatch(/^CapEff:\t0+$/m);
    expect(stdout).toMatch(/^CapBnd:\t0+$/m);
  });

  it("finds no device in /dev that could be a token or a disk: FIDO keys are used through the guard", async () => {
    const { stdout } = await lab.confined(
      "for one in /dev/*; do [ ! -L $one ] && { [ -c $one ] || [ -b $one ]; } && echo $one; done; :",
    );
    const plain = ["full", "null", "random", "tty", "urandom", "zero"].map((name) => `/dev/${name}`);
    expect(stdout.trimEnd().split("\n")).toEqual(plain);
  });
});
