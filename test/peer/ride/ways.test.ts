/** Once a run was at a host its ssh finds the way there by itself, for as long as the connection is there. */
import { readdirSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ConfinedLab } from "../../../lab/confined-lab.ts";
import { stdoutOf, until } from "../../../lab/lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { finished } from "../../../lab/processes.ts";
import { ALLOW, opened } from "../opened.ts";
import { describeWith, PYTHON } from "../tools.ts";

/** In a ride: its folder. */
const RIDE = "ride=$(dirname $(dirname $(command -v ssh)))";

describeWith(["ssh", "sshd", "git"], "the ssh of a ride", () => {
  const lab = opened(new OpenLab(), `${ALLOW}[[rule]]\non = ["session"]\ncommand = "id"\naction = "deny"\n`);

  it("asks once for a host, not where a connection is known; each session is decided all the same", async () => {
    const line = `${RIDE}; ssh ${HOST} true; mv $ride/ride.sock $ride/fifo $ride/bin
      ssh ${HOST} 'echo in; exit 3'; echo $?; ssh -l nobody ${HOST} true; ssh ${HOST} id; echo $?`;
    const { result, events } = await lab.logged(() => lab.ride(line));
    expect(result.stdout).toBe("in\n3\n255\n");
    expect(result.stderr).toMatch(
      /^muxguard: denied: the run has ended\nmuxguard: denied: run "id" on prod\.example/,
    );
    const sessions = events.filter(({ kind }) => kind === "session");
    expect(sessions.map(({ decision, host, command }) => [decision, host, command])).toEqual([
      ["allow", HOST, "true"],
      ["allow", HOST, "echo in; exit 3"],
      ["deny", HOST, "id"],
    ]);
  });

  it("asks again where the connection has ended meanwhile", async () => {
    const run = lab.startRide(`ssh ${HOST} 'echo one'; read line; ssh ${HOST} 'echo two'`);
    const said = stdoutOf(run);
    const result = finished(run);
    await until(() => said() === "one\n", "the first session");
    await lab.endOpened();
    const logins = lab.logins();
    run.stdin?.end("\n");
    expect(await result).toMatchObject({ code: 0, stdout: "one\ntwo\n", stderr: "" });
    expect(lab.logins()).toBe(logins + 1);
  });

  it("has ways written for it in no other folder, where the run puts a link in theirs", async () => {
    const line = `${RIDE}; mkdir other; rm -r $ride/ways; ln -s $PWD/other $ride/ways; ssh ${HOST} 'echo in'`;
    expect(await lab.ride(line)).toMatchObject({ stdout: "in\n", stderr: "" });
    expect(readdirSync(lab.path("other"))).toEqual([]);
  });
});

describeWith(["bwrap", "ssh", "sshd"], "the ssh of a confined ride", () => {
  const lab = opened(new ConfinedLab({}));

  it("asks once for a host too, as ssh and as /usr/bin/ssh, and can change no way", async () => {
    const line = `${RIDE}; ssh ${HOST} true; sh -x /usr/bin/ssh ${HOST} 'echo in' 2>traced; echo $?
      grep -c 'muxguard-ride ' traced; grep -c '^+ exec .*/real/ssh .*-S ' traced
      for f in $ride/ways/*; do (: > $f) 2>&- && echo wrote $f; done`;
    const { stdout, stderr } = await lab.muxguard("run", "--ride", "--", "/bin/sh", "-c", line);
    expect(stdout, stderr).toBe("in\n0\n0\n1\n");
  });
});

describeWith(["ssh", "sshd", "ansible"], "Ansible with its own defaults, in a ride,", () => {
  const lab = opened(new OpenLab());

  it("rides, and makes no connection of its own", async () => {
    const ansible = { ANSIBLE_HOME: lab.path(".ansible"), ANSIBLE_PYTHON_INTERPRETER: PYTHON };
    Object.assign(lab.environment, { HOME: lab.folder, ...ansible });
    writeFileSync(lab.path("hosts"), `${HOST}\n`);
    const connections = lab.connections();
    const { stdout } = await lab.ride("ansible -i hosts all -m ping -o");
    expect(stdout).toMatch(/SUCCESS.*"pong"/);
    expect(lab.connections()).toBe(connections + 1);
  });
});
