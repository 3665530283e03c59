/** What the guard finds in a control folder that is no master's socket, or no place for one. */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { accepts, ended, until } from "../../../lab/lab.ts";
import { HOST, inodeOf, MuxLab } from "../../../lab/mux-lab.ts";
import { LOGIN_ALONE, opened } from "../opened.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd", "python"], "a control folder", () => {
  const lab = opened(new MuxLab(), LOGIN_ALONE);
  afterEach(() => lab.endMasters());

  it("keeps a socket of another program as it is, and tells of it", async () => {
    const path = join(lab.sockets, "other");
    const child = await lab.listen(path);
    const inode = inodeOf(path);
    const told = `muxguard: ${path} is left alone: the one who listens there is `;
    await until(() => lab.told.includes(told), "the report");
    expect(lab.told).toMatch(/python[\d.]*, which is not ssh\n/);
    expect(inodeOf(path)).toBe(inode);
    await lab.restart();
    await until(() => lab.told.includes(told), "the report at the start");
    expect(await accepts(path)).toBe(true);
    child.kill();
    await ended(child);
    rmSync(path);
  });

  it("keeps files, folders and links as they are, and is silent about them", async () => {
    const told = lab.told;
    writeFileSync(join(lab.sockets, "notes"), "text");
    mkdirSync(join(lab.sockets, "folder"));
    symlinkSync("/nowhere", join(lab.sockets, "link"));
    await lab.restart();
    await lab.startMaster();
    expect(readFileSync(join(lab.sockets, "notes"), "utf8")).toBe("text");
    expect(told + lab.told).not.toMatch(/notes|folder|link/);
  });

  it("may hold a socket that nobody listens at: ssh puts its own there, which is taken over", async () => {
    const child = await lab.listen(lab.controlPath());
    child.kill("SIGKILL");
    await ended(child);
    await lab.restart();
    expect(inodeOf(lab.controlPath())).toBeDefined();
    expect(await lab.ssh("-o", "ControlPersist=60", HOST, "echo in")).toMatchObject({
      code: 0,
      stdout: "in\n",
    });
    await until(() => lab.isAdopted(), "the adoption");
    expect((await lab.ssh(HOST, "true")).stderr).toContain("muxguard: denied");
  });

  it("takes over a master that was there before the guard", async () => {
    await lab.endGuard();
    const upstream = { environment: { SSH_AUTH_SOCK: lab.path("upstream.sock") } };
    const made = await lab.run("ssh", ["-F", lab.sshConfig, "-M", "-N", "-f", HOST], upstream);
    expect(made).toMatchObject({ code: 0 });
    const pid = await lab.masterPid();
    await lab.guard();
    await until(() => lab.isAdopted(), "the adoption");
    expect(await lab.masterPid()).toBe(pid);
    expect((await lab.ssh(HOST, "true")).stderr).toContain("muxguard: denied");
  });

  it("holds sockets with the longest name that ssh can bind", async () => {
    // ssh appends a dot and 16 characters while it binds, and 107 bytes are the most
    const name = `${"n".repeat(107 - 17 - lab.sockets.length - 1 - ".example".length)}.example`;
    lab.host(name, [...hostLines(lab, HOST), "ControlMaster auto", `ControlPath ${lab.sockets}/%n`]);
    const pid = await lab.startMaster(name);
    expect(pid).toBeGreaterThan(0);
    expect((await lab.ssh(name, "true")).stderr).toContain("muxguard: denied");
    await lab.endMasters(name);
    const tooLong = lab.ssh("-S", join(lab.sockets, `n${name}`), "-M", HOST, "true");
    expect((await tooLong).stderr).toContain("too long for Unix domain socket");
  });

  it("that others may write to is not guarded, which is told, and its masters are left alone", async () => {
    for (const [mode, digit] of [
      [0o777, "o"],
      [0o770, "g"],
    ] as const) {
      chmodSync(lab.sockets, mode);
      await lab.restart();
      const told = `muxguard: others may write to ${lab.sockets}; chmod 700 ${lab.sockets}\n`;
      await until(() => lab.told.includes(told), `the report (${digit}+w)`);
      expect(await lab.ssh("-M", "-N", "-f", HOST)).toMatchObject({ code: 0 });
      expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
      expect(lab.isAdopted()).toBe(false);
      await lab.endMasters();
    }
    chmodSync(lab.sockets, 0o700);
    await lab.restart();
    await lab.startMaster();
  });

  it("that others may write to by now gets no further listener", async () => {
    await lab.restart();
    chmodSync(lab.sockets, 0o777);
    expect(await lab.ssh("-M", "-N", "-f", HOST)).toMatchObject({ code: 0 });
    await until(() => lab.told.includes(`others may write to ${lab.sockets}`), "the report");
    expect(lab.isAdopted()).toBe(false);
    chmodSync(lab.sockets, 0o700);
  });

  it("that is removed and made anew is guarded as before", async () => {
    await lab.startMaster();
    await lab.endMasters();
    for (let round = 0; round < 2; round++) {
      rmSync(lab.sockets, { recursive: true });
      mkdirSync(lab.sockets, { mode: 0o700 });
      await lab.startMaster();
      expect((await lab.ssh(HOST, "true")).stderr).toContain("muxguard: denied");
      await lab.endMasters();
    }
  });

  it("is guarded when its parent was moved away and came anew", async () => {
    const parent = lab.path("parent");
    const folder = join(parent, "sockets");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    expect(await lab.muxguard("adopt", folder)).toMatchObject({ code: 0 });
    renameSync(parent, lab.path("moved"));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const options = ["-S", join(folder, "s")];
    expect(await lab.ssh(...options, "-M", "-N", "-f", HOST)).toMatchObject({ code: 0 });
    await until(
      async () => (await lab.muxguard("status")).stdout.includes(join(folder, "s")),
      "the adoption",
    );
    expect((await lab.ssh(...options, HOST, "true")).stderr).toContain("muxguard: denied");
  });

  it.skipIf(userInfo().uid === 0)("that can't be searched is told of once, and guarded later", async () => {
    chmodSync(lab.sockets, 0o600);
    const told = (): number => lab.told.split("EACCES").length - 1;
    const listener = createServer().listen(join(lab.path("."), "elsewhere"));
    chmodSync(lab.sockets, 0o700);
    renameSync(join(lab.path("."), "elsewhere"), join(lab.sockets, "one"));
    chmodSync(lab.sockets, 0o600);
    await until(() => told() > 0, "the report");
    chmodSync(lab.sockets, 0o700);
    listener.close();
    rmSync(join(lab.sockets, "one"), { force: true });
    await lab.startMaster();
    expect(told()).toBe(1);
  });

  it("that does not exist is made, for its owner alone", async () => {
    await lab.endMasters();
    rmSync(lab.sockets, { recursive: true });
    await lab.restart();
    expect(await lab.shell(`stat -c %a ${lab.sockets}`)).toMatchObject({ stdout: "700\n" });
    await lab.startMaster();
  });
});

/** What ssh_config says of a host. */
function hostLines(lab: MuxLab, host: string): string[] {
  const [, lines = ""] =
    new RegExp(`^Host ${host}\\n((?:  .*\\n)*)`, "m").exec(readFileSync(lab.sshConfig, "utf8")) ?? [];
  return lines
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
