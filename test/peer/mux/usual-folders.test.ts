/** Masters in the folders that nobody named: those of ssh_config's ControlPath, and Ansible's. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { ended } from "../../../lab/lab.ts";
import { HOST, inodeOf, MuxLab, namesIn } from "../../../lab/mux-lab.ts";
import { describeWith, PYTHON } from "../tools.ts";

describeWith(["ssh", "sshd", "python"], "control folders by default", () => {
  const lab = new MuxLab();
  const ansible = lab.path(".ansible/cp");
  beforeAll(async () => {
    lab.environment.HOME = lab.folder;
    delete lab.environment.ANSIBLE_HOME;
    lab.config("");
    lab.policy('default = "deny"\n[[rule]]\non = ["sign"]\naction = "allow"\n');
    await lab.open();
  });
  afterEach(() => lab.endMasters());
  afterAll(() => lab.close());

  it("are those of ssh_config and Ansible's, which need not be there; status names them", async () => {
    const { stdout } = await lab.muxguard("status");
    expect(stdout).toContain(`\nwatched    ${lab.sockets}, ${ansible}\n`);
    expect(existsSync(ansible)).toBe(false);
    await lab.startMaster();
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 255, stdout: "" });
  });

  it("are silent about what is no master's", async () => {
    const path = join(lab.sockets, "other");
    const child = await lab.listen(path);
    const inode = inodeOf(path);
    await lab.startMaster(); // which is seen later than the other one
    expect(inodeOf(path)).toBe(inode);
    expect(lab.told).toBe("");
    child.kill();
    await ended(child);
  });

  it("are none with control_dirs = [], and a run says so", async () => {
    lab.config("control_dirs = []\n");
    await lab.restart();
    expect((await lab.muxguard("status")).stdout).toContain("\nwatched    no folder");
    expect((await lab.ssh("-M", "-N", "-f", HOST)).code).toBe(0);
    expect((await lab.ssh(HOST, "echo in")).stdout).toBe("in\n");
    rmSync(lab.path("state/muxguard/told.json"));
    const { stderr } = await lab.muxguard("run", "--", "true");
    expect(stderr).toMatch(/^muxguard: not guarded: .*: ControlMaster auto: .*control_dirs/m);
    lab.config("");
    await lab.restart();
  });
});

describeWith(["ssh", "sshd", "ansible"], "Ansible with its own defaults", () => {
  const lab = new MuxLab();
  beforeAll(async () => {
    Object.assign(lab.environment, {
      HOME: lab.folder,
      ANSIBLE_SSH_USETTY: "false",
      ANSIBLE_HOST_KEY_CHECKING: "1",
    });
    Object.assign(lab.environment, {
      ANSIBLE_PYTHON_INTERPRETER: PYTHON,
      ANSIBLE_HOME: lab.path(".ansible"),
    });
    lab.config("");
    lab.policy('default = "allow"\n');
    await lab.open();
    writeFileSync(lab.path("hosts"), `${HOST}\n`);
  });
  afterAll(() => lab.close());

  it("has its sessions decided: its masters are taken over in a folder that it makes", async () => {
    const common = `-F ${lab.sshConfig}`;
    const args = ["-i", lab.path("hosts"), "all", "-m", "ping", "-o", "--ssh-common-args", common];
    const { result, events } = await lab.logged(() => lab.run("ansible", args));
    expect(result.stdout).toMatch(/SUCCESS|"pong"/);
    const sessions = events.filter(({ kind }) => kind === "session");
    expect(lab.told).toBe("");
    expect(sessions.length).toBeGreaterThan(0);
    expect(sessions.every(({ host, verified }) => host === HOST && verified === true)).toBe(true);
    expect(namesIn(lab.path(".ansible/cp"))).not.toEqual([]);
    for (const name of namesIn(lab.path(".ansible/cp")))
      if (!name.startsWith(".")) await lab.ssh("-S", join(lab.path(".ansible/cp"), name), "-O", "exit", HOST);
  });

  it("rides on what was opened where it leaves the ControlPath to ssh_config", async () => {
    expect((await lab.muxguard("open", HOST)).code).toBe(0);
    const before = lab.logins();
    const args = ["-i", lab.path("hosts"), "all", "-m", "ping", "-o"];
    const environment = { ANSIBLE_SSH_ARGS: "-C", ANSIBLE_SSH_COMMON_ARGS: `-F ${lab.sshConfig}` };
    const { events } = await lab.logged(() => lab.run("ansible", args, { environment }));
    expect(events.some(({ kind }) => kind === "session")).toBe(true);
    expect(lab.logins()).toBe(before);
    await lab.muxguard("close", HOST);
  });
});
