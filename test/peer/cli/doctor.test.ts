/** `muxguard doctor`, where something is wrong and where it is mended. */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { describeWith } from "../tools.ts";

interface Found {
  topic: string;
  level: string;
  what: string;
  mend?: string;
  docs: string;
}

describeWith(["ssh", "sshd"], "muxguard doctor", () => {
  const lab = new MuxLab();
  beforeAll(async () => {
    lab.environment.HOME = lab.folder;
    mkdirSync(lab.path(".ssh"), { mode: 0o700 });
    lab.policy('default = "allow"\n');
    await lab.open();
  });
  afterAll(() => lab.close());

  async function found(topic: string): Promise<Found[]> {
    const { stdout } = await lab.muxguard("doctor", "--json");
    const all = stdout.split("\n").flatMap((line): Found[] => (line === "" ? [] : [JSON.parse(line)]));
    return all.filter((one) => one.topic === topic);
  }

  it("finds nothing of the daemon's where all is well", async () => {
    for (const topic of ["settings", "daemon", "agent", "shared connections", "OpenSSH"])
      expect(await found(topic)).toEqual([]);
  });

  it("finds a connection that no guard watches, until its mend was done", async () => {
    const path = join(lab.path("elsewhere"), "prod");
    mkdirSync(lab.path("elsewhere"), { mode: 0o700 });
    lab.host("elsewhere", [`ControlPath ${path}`]);
    expect((await lab.ssh("-M", "-N", "-f", "-S", path, HOST)).code).toBe(0);
    const [one, ...more] = await found("shared connections");
    expect(more).toEqual([]);
    expect(one).toMatchObject({ level: "wrong", mend: `muxguard adopt ${path}` });
    expect(one?.what).toContain(path);
    const [, ...mend] = (one?.mend ?? "").split(" ");
    expect((await lab.muxguard(...mend)).code).toBe(0);
    expect(await found("shared connections")).toEqual([]);
    await lab.ssh("-S", path, "-O", "exit", HOST);
  });

  it("finds a mistake in the policy, with its line, and exits with 1", async () => {
    lab.policy('default = "allow"\n[[rule]]\nhots = "x"\n');
    const { code, stdout } = await lab.muxguard("doctor");
    lab.policy('default = "allow"\n');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^mend {2}.*policy\.toml:3.*hots/m);
    expect(stdout).toMatch(/^ {6}more: docs\/doctor\.md#settings$/m);
    expect(stdout).toMatch(/^\d+ to mend/m);
  });

  it("finds a shell that does not ask the guard", async () => {
    const { SSH_AUTH_SOCK: guarded } = lab.environment;
    lab.environment.SSH_AUTH_SOCK = lab.path("upstream.sock");
    const [one] = await found("agent");
    lab.environment.SSH_AUTH_SOCK = guarded;
    expect(one?.what).toContain(`SSH_AUTH_SOCK is ${lab.path("upstream.sock")} here`);
  });

  it("finds a folder in PATH in which anybody may write", async () => {
    const folder = lab.path("anybody");
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    const { PATH } = lab.environment;
    lab.environment.PATH = `${folder}:${PATH}`;
    const [one] = await found("folders");
    lab.environment.PATH = PATH;
    expect(one).toMatchObject({ level: "wrong", docs: "docs/doctor.md#folders" });
    expect(one?.what).toContain(folder);
  });

  it("says of ForwardAgent for all hosts where it stands", async () => {
    lab.host("*", ["ForwardAgent yes"]);
    expect((await found("ways past the guard")).map(({ what }) => what)).toEqual(
      expect.arrayContaining([expect.stringMatching(/:\d+: ForwardAgent yes for all hosts/)]),
    );
  });

  it("says that no daemon runs, which is no mistake", async () => {
    await lab.endGuard();
    const [one] = await found("daemon");
    expect(one).toMatchObject({ level: "note" });
    expect(one?.what).toMatch(/^no daemon runs/);
  });
});
