/** `muxguard install-service`: the units that it writes, and what it leaves alone. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { afterAll, afterEach, expect, it } from "vitest";
import { ended, Lab, MUXGUARD, type Result } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh"], "muxguard install-service", () => {
  const lab = new Lab();
  const service = lab.path("config/systemd/user/muxguard.service");
  const socket = lab.path("config/systemd/user/muxguard.socket");
  const variables = lab.path("config/environment.d/60-muxguard.conf");
  const all = [service, socket, variables];

  afterEach(() => {
    for (const folder of ["systemd", "environment.d"])
      rmSync(lab.path(`config/${folder}`), { recursive: true, force: true });
    delete lab.environment.SSH_AUTH_SOCK;
    lab.config("");
  });
  afterAll(() => lab.close());

  const install = (...options: string[]): Promise<Result> => lab.muxguard("install-service", ...options);
  const text = (path: string): string => readFileSync(path, "utf8");

  it("shows what it would write, and writes nothing, with --dry-run", async () => {
    const { code, stdout } = await install("--dry-run");
    expect(code).toBe(0);
    for (const path of all)
      expect(stdout).toContain(`${path} (new)\n    # Written by muxguard install-service`);
    expect(stdout).toContain("would run: systemctl --user enable --now muxguard.socket\n");
    expect(readdirSync(lab.path("config"))).toEqual(["muxguard"]);
  });

  it("writes what it has shown, says the commands where no systemd of the user's runs, and changes nothing again", async () => {
    const { code, stdout } = await install();
    expect(code).toBe(0);
    for (const path of all) {
      for (const line of text(path).trimEnd().split("\n")) expect(stdout).toContain(`    ${line}`.trimEnd());
      expect(statSync(path).mode & 0o133).toBe(0);
    }
    for (const command of ["daemon-reload", "enable --now muxguard.socket"])
      expect(stdout).toContain(
        `no systemd of yours answers here; where it does: systemctl --user ${command}\n`,
      );
    const before = all.map(text);
    expect((await install()).stdout.match(/\(as it is\)/g)).toHaveLength(3);
    expect(all.map(text)).toEqual(before);
  });

  it("keeps the agent of the session behind the guard, unless config.toml names one", async () => {
    lab.environment.SSH_AUTH_SOCK = lab.path("runtime/keyring/ssh");
    await install();
    expect(text(service)).toContain("\nEnvironment=SSH_AUTH_SOCK=%t/keyring/ssh\n");
    lab.environment.SSH_AUTH_SOCK = lab.agentSocket; // its own
    await install();
    expect(text(service)).toContain("\nUnsetEnvironment=SSH_AUTH_SOCK\n");
    lab.environment.SSH_AUTH_SOCK = lab.path('100% "odd" $HOME\\agent');
    await install();
    expect(text(service)).toContain(
      `\nEnvironment="SSH_AUTH_SOCK=${lab.folder}/100%% \\"odd\\" $HOME\\\\agent"\n`,
    );
    lab.config('upstream_agent = "/run/agent"\n');
    await install();
    expect(text(service)).toContain("\nUnsetEnvironment=SSH_AUTH_SOCK\n");
  });

  it("lets no environment add a line to a unit", async () => {
    lab.environment.SSH_AUTH_SOCK = "/tmp/a\nExecStartPre=/bin/false";
    expect(await install()).toMatchObject({ code: 64, stderr: expect.stringContaining("control character") });
    expect(all.filter(existsSync)).toEqual([]);
  });

  it("leaves a file alone that is not its own, and then writes none", async () => {
    mkdirSync(lab.path("config/systemd/user"), { recursive: true });
    writeFileSync(service, "[Unit]\n");
    for (const options of [[], ["--uninstall"]])
      expect(await install(...options)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`${service}: not written by muxguard`),
      });
    expect(text(service)).toBe("[Unit]\n");
    expect([socket, variables].filter(existsSync)).toEqual([]);
    rmSync(service);
    symlinkSync(lab.path("elsewhere"), service);
    expect((await install()).code).toBe(1);
    expect(existsSync(lab.path("elsewhere"))).toBe(false);
  });

  it("takes away what it has written, and no more", async () => {
    await install();
    const other = lab.path("config/systemd/user/other.service");
    writeFileSync(other, "");
    await install("--uninstall", "--dry-run");
    expect(all.filter((path) => !existsSync(path))).toEqual([]);
    expect((await install("--uninstall")).code).toBe(0);
    expect(all.filter(existsSync)).toEqual([]);
    expect(existsSync(other)).toBe(true);
    expect((await install("--uninstall")).stdout).toBe("nothing is installed\n");
  });

  it("is refused inside of a run", async () => {
    const { code, stderr } = await lab.muxguard("run", "--", process.execPath, MUXGUARD, "install-service");
    expect(code).toBe(1);
    expect(stderr).toContain("refused: this is inside of a muxguard run");
    expect(all.filter(existsSync)).toEqual([]);
  });

  it("says where the program that the service starts is gone: muxguard status", async () => {
    await install();
    expect((await lab.muxguard("status")).stdout).not.toContain("service ");
    writeFileSync(
      service,
      text(service).replaceAll(`AssertPathExists=${MUXGUARD}`, "AssertPathExists=/nowhere/muxguard"),
    );
    expect((await lab.muxguard("status")).stdout).toContain(
      "service    muxguard.service can't start: /nowhere/muxguard is gone; install it anew: muxguard install-service\n",
    );
  });

  it("does not take the place of a daemon that runs, and says how to", async () => {
    await lab.startAgent();
    const daemon = await lab.startDaemon();
    lab.environment.SSH_AUTH_SOCK = lab.agentSocket;
    const { stdout } = await install();
    expect(stdout).toContain("muxguard daemon stop && systemctl --user start muxguard.socket");
    // the agent behind it is the service's
    expect(text(service)).toContain(`Environment=SSH_AUTH_SOCK=${lab.path("upstream.sock")}\n`);
    daemon.kill("SIGTERM");
    await ended(daemon);
  });

  describeWith(["ssh", "systemd"], "and systemd", () => {
    it("finds nothing wrong with the units", async () => {
      await install();
      const words = ["--user", "verify", service, socket];
      expect(
        execFileSync("systemd-analyze", words, { env: lab.environment, encoding: "utf8", stdio: "pipe" }),
      ).toBe("");
      writeFileSync(service, text(service).replace("Type=exec", "Type=nonsense")); // it would say so
      expect(() =>
        execFileSync("systemd-analyze", [...words, "--recursive-errors=yes"], {
          env: lab.environment,
          stdio: "pipe",
        }),
      ).toThrow();
    });
  });
});
