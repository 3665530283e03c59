/**
 * What `ssh -O` asks of a guarded master, how masters come and go, and twenty clients that all want to be the
 * first.
 */
import { existsSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { until } from "../../../lab/lab.ts";
import { HOST, inodeOf, MuxLab } from "../../../lab/mux-lab.ts";
import { opened } from "../opened.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "ssh -O to a guarded master", () => {
  const lab = opened(new MuxLab());
  let pid = 0;
  afterEach(() => lab.endMasters());

  const deny = (on: string): void =>
    lab.policy(`default = "allow"\n[[rule]]\nname = "stays"\non = ["${on}"]\naction = "deny"\n`);

  it("check names the master's own pid, and is not asked about", async () => {
    pid = await lab.startMaster();
    const { result, events } = await lab.logged(() => lab.ssh("-O", "check", HOST));
    expect(result).toMatchObject({ code: 0, stderr: `Master running (pid=${pid})\r\n` });
    expect(events).toEqual([]);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
  });

  it("exit ends the master, and the control path is free again", async () => {
    pid = await lab.startMaster();
    const { result, events } = await lab.logged(() => lab.ssh("-O", "exit", HOST));
    expect(result).toMatchObject({ code: 0, stderr: "Exit request sent.\r\n" });
    expect(events).toMatchObject([{ kind: "terminate", operation: "exit", decision: "allow", host: HOST }]);
    await until(() => !existsSync(`/proc/${pid}`), "the master's end");
    await until(() => inodeOf(lab.controlPath()) === undefined, "the listener's end");
    expect((await lab.ssh("-O", "check", HOST)).code).toBe(255);
  });

  it("stop leaves running sessions alone, and the next ssh makes another connection", async () => {
    pid = await lab.startMaster();
    const session = lab.ssh(
      HOST,
      `touch ${lab.path("runs")}; while ! test -e ${lab.path("end")}; do sleep 0.05; done; echo ended`,
    );
    await until(() => existsSync(lab.path("runs")), "the session");
    const { result, events } = await lab.logged(() => lab.ssh("-O", "stop", HOST));
    expect(result).toMatchObject({ code: 0, stderr: "Stop listening request sent.\r\n" });
    expect(events).toMatchObject([{ kind: "terminate", operation: "stop", decision: "allow" }]);
    expect(inodeOf(lab.controlPath())).toBeUndefined();
    const logins = lab.logins();
    expect(await lab.startMaster()).not.toBe(pid);
    expect(lab.logins()).toBe(logins + 1);
    await lab.shell("touch end");
    expect(await session).toMatchObject({ code: 0, stdout: "ended\n" });
  });

  it.each(["exit", "stop"])("%s that is denied says so, and changes nothing", async (operation) => {
    pid = await lab.startMaster();
    deny("terminate");
    const { result, events } = await lab.logged(() => lab.ssh("-O", operation, HOST));
    expect(result).toMatchObject({ code: 255, stdout: "" });
    expect(result.stderr).toMatch(/muxguard: denied: .* prod\.example.* \(rule "stays"\)/);
    expect(events).toMatchObject([{ kind: "terminate", operation, decision: "deny", by: "rule:stays" }]);
    expect(await lab.masterPid()).toBe(pid);
    expect(await lab.ssh(HOST, "echo still here")).toMatchObject({ code: 0, stdout: "still here\n" });
    lab.policy('default = "allow"\n');
  });

  it("proxy that is denied says so", async () => {
    await lab.startMaster();
    deny("proxy");
    const { result, events } = await lab.logged(() => lab.ssh("-O", "proxy", HOST));
    expect(result).toMatchObject({ code: 255, stdout: "" });
    expect(result.stderr).toMatch(/muxguard: denied: use the whole connection/);
    expect(events).toMatchObject([{ kind: "proxy", decision: "deny", by: "rule:stays" }]);
    lab.policy('default = "allow"\n');
  });
});

describeWith(["ssh", "sshd"], "a guarded master", () => {
  const lab = opened(new MuxLab());
  afterEach(() => lab.endMasters());

  it("of ControlPersist ends when its time has run out, whatever the guard holds; the next ssh makes another", async () => {
    const persist = ["-o", "ControlPersist=2"];
    expect(await lab.ssh(...persist, HOST, "echo first")).toMatchObject({ code: 0, stdout: "first\n" });
    await until(() => lab.isAdopted(), "the adoption");
    const pid = await lab.masterPid();
    expect(await lab.ssh(...persist, HOST, "echo second")).toMatchObject({ code: 0, stdout: "second\n" });
    const began = Date.now();
    await until(() => !existsSync(`/proc/${pid}`), "the end of the master");
    expect(Date.now() - began).toBeGreaterThan(1000);
    await until(() => inodeOf(lab.controlPath()) === undefined, "the end of its listener");
    const logins = lab.logins();
    expect(await lab.ssh(...persist, HOST, "echo third")).toMatchObject({ code: 0, stdout: "third\n" });
    expect(lab.logins()).toBe(logins + 1);
    await until(() => lab.isAdopted(), "the adoption of the next one");
    expect(await lab.masterPid()).not.toBe(pid);
  });

  it("of ControlMaster=no is used, and none is made", async () => {
    const logins = lab.logins();
    expect(await lab.ssh("-o", "ControlMaster=no", HOST, "true")).toMatchObject({ code: 0 });
    expect(inodeOf(lab.controlPath())).toBeUndefined();
    await lab.startMaster();
    expect(await lab.ssh("-o", "ControlMaster=no", HOST, "true")).toMatchObject({ code: 0, stderr: "" });
    expect(lab.logins()).toBe(logins + 2);
  });

  it("that is asked for twenty times at once serves all: each gives what it would without a guard", async () => {
    const numbers = Array.from({ length: 20 }, (_, at) => at);
    const persist = ["-o", "ControlPersist=60"];
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all(
        numbers.map((at) =>
          lab.run("ssh", ["-F", lab.sshConfig, ...persist, HOST, `cat; exit ${at}`], { input: `in ${at}` }),
        ),
      );
      // who is late with its own socket says so, and goes on without: muxserver_listen()
      expect(results.map(({ code, stdout }) => `${code} ${stdout}`)).toEqual(
        numbers.map((at) => `${at} in ${at}`),
      );
      await until(() => lab.isAdopted(), "the adoption");
      expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
      await lab.endMasters();
    }
  });
});
