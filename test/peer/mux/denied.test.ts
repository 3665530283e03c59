/**
 * What a user sees of a denial on a control socket: the reason on ssh's own stderr, and no connection that
 * goes around it.
 */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { beforeAll, expect, it } from "vitest";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { freePort } from "../../../lab/network.ts";
import { opened } from "../opened.ts";
import { describeWith } from "../tools.ts";

const user = userInfo().username;
const rule = '[[rule]]\nname = "no reboot"\ncommand = "reboot*"\naction = "deny"\n';
const files = '[[rule]]\nname = "no files"\nsubsystem = "*"\naction = "deny"\n';
const ways = '[[rule]]\nname = "no way on"\nforward = "stdio"\naction = "deny"\n';

describeWith(["ssh", "sshd", "git"], "what is denied on a guarded control socket", () => {
  const lab = opened(new MuxLab(), `default = "allow"\n${rule}${files}${ways}`);
  const line = `muxguard: denied: run "reboot" on ${HOST} as ${user} setting GREETING (rule "no reboot")\n`;
  beforeAll(async () => {
    await lab.startServer("behind.example", lab.path("me@laptop"));
    await lab.startMaster();
  });

  /** Runs a line of sh, which must make no connection. */
  const denied = async (line: string) => {
    const connections = lab.connections();
    const { result, events } = await lab.logged(() => lab.shell(line));
    expect(lab.connections()).toBe(connections);
    return { result, events };
  };

  it("is a session: ssh ends with 255 and the reason, with nothing on stdout", async () => {
    const { result, events } = await denied(`$ssh ${HOST} reboot`);
    expect(result).toEqual({ code: 255, signal: null, stdout: "", stderr: line });
    expect(events).toMatchObject([{ kind: "session", decision: "deny", by: "rule:no reboot", host: HOST }]);
  });

  it("is not told by the daemon once more", () => {
    expect(lab.told).toBe("");
  });

  const streams: Record<string, { line: string; says?: (lab: MuxLab) => string }> = {
    "a file that holds something already": {
      line: `echo before > said; $ssh ${HOST} reboot 2>> said`,
      says: (lab) => readFileSync(lab.path("said"), "utf8").replace("before\n", ""),
    },
    "nothing (closed)": { line: `$ssh ${HOST} reboot 2>&-` },
    "/dev/null": { line: `$ssh ${HOST} reboot 2> /dev/null` },
    "a device that is full": { line: `$ssh ${HOST} reboot 2> /dev/full` },
    "a pipe that nobody reads": {
      line: `mkfifo full; sleep 1000 < full & { head -c 65536 /dev/zero; $ssh ${HOST} reboot; echo $? > code; } > full 2>&1; kill $!; exit $(cat code)`,
    },
    "a pipe whose reader has gone": {
      line: `{ $ssh ${HOST} reboot; echo $? > code; } 2>&1 | true; exit $(cat code)`,
    },
  };
  it.each(Object.entries(streams))(
    "ends with 255 whatever its stderr is: %s",
    async (_, { line: command, says }) => {
      const { result, events } = await denied(command);
      expect(result).toMatchObject({ code: 255, stdout: "" });
      if (says) expect(says(lab)).toBe(line);
      expect(events).toMatchObject([{ decision: "deny" }]);
    },
  );

  const programs: Record<string, string> = {
    sftp: `echo ls | sftp -q -F ssh_config -b - ${HOST}`,
    scp: `scp -q -F ssh_config ${HOST}:/etc/passwd copy`,
  };
  it.each(Object.entries(programs))("is a subsystem: %s fails, and shows the reason", async (_, command) => {
    const { result, events } = await denied(command);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain(`muxguard: denied: use the subsystem "sftp" on ${HOST}`);
    expect(events).toMatchObject([{ kind: "session", subsystem: "sftp", by: "rule:no files" }]);
  });

  it.each<[string, string]>([
    ["-L", "-L localhost:PORT:localhost:1"],
    ["-R", "-R localhost:0:localhost:1"],
    ["-D", "-D localhost:PORT"],
  ])("is a forward (%s): ssh does not make it over a connection of its own either", async (_, forward) => {
    lab.policy('default = "allow"\n[[rule]]\nname = "no forwards"\non = ["forward"]\naction = "deny"\n');
    const words = forward.replace("PORT", String(await freePort()));
    const logins = lab.logins();
    const { result, events } = await lab.logged(() => lab.shell(`$ssh ${words} ${HOST} true`));
    expect(result.code).toBe(255);
    expect(result.stderr).toContain('(rule "no forwards")');
    expect(lab.logins()).toBe(logins);
    expect(events[0]).toMatchObject({ kind: "forward", decision: "deny", by: "rule:no forwards" });
    expect(events.some(({ kind, decision }) => kind === "sign" && decision === "allow")).toBe(false);
    // what asks for none goes on
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
  });

  it("is what git asks for: it fails, and shows the reason", async () => {
    lab.policy('default = "allow"\n[[rule]]\nname = "no git"\ncommand = "git-*"\naction = "deny"\n');
    const { result } = await denied(`GIT_SSH_COMMAND="$ssh" git ls-remote ${HOST}:store.git`);
    expect(result.code).toBe(128);
    expect(result.stderr).toContain(`muxguard: denied: run "git-upload-pack 'store.git'" on ${HOST}`);
    lab.policy(`default = "allow"\n${rule}${files}${ways}`);
  });

  it("is a way to another host: with -W and through ProxyJump", async () => {
    const reason = /muxguard: denied: connect to .* through prod\.example \(rule "no way on"\)/;
    const { result } = await denied(`$ssh -W 127.0.0.1:22 ${HOST}`);
    expect(result).toMatchObject({ code: 255, stdout: "" });
    expect(result.stderr).toMatch(reason);
    const jumped = await denied(`$ssh -J ${HOST} behind.example true`);
    expect(jumped.result).toMatchObject({ code: 255, stdout: "" });
    expect(jumped.result.stderr).toMatch(reason);
    expect(lab.connections("behind.example")).toBe(0);
  });

  it("denies the same program's key for that host for a while, and for no other host", async () => {
    const around = `$ssh ${HOST} reboot; $ssh -S none ${HOST} echo around; $ssh -S none behind.example echo other`;
    const { result, events } = await lab.logged(() => lab.shell(around));
    expect(result.stdout).toBe("other\n");
    expect(events).toMatchObject([
      { kind: "session", decision: "deny", by: "rule:no reboot" },
      { kind: "sign", decision: "deny", by: "fault:denied", host: HOST },
      { kind: "sign", decision: "allow", host: "behind.example" },
    ]);
    expect(events[1]?.reason).toContain(events[0]?.id);
    // somebody else's session is another matter
    expect(await lab.ssh("-S", "none", HOST, "echo fine")).toMatchObject({ code: 0, stdout: "fine\n" });
  });

  it("denies no other host on the same address", async () => {
    lab.hosts.knowAddresses();
    const { result, events } = await lab.logged(() =>
      lab.shell(`$ssh ${HOST} reboot; $ssh -S none behind.example echo other`),
    );
    expect(result.stdout).toBe("other\n");
    expect(events).toMatchObject([
      { kind: "session", decision: "deny", host: HOST },
      { kind: "sign", decision: "allow", host: "behind.example" },
    ]);
  });

  it("leaves everything else as it was", async () => {
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n", stderr: "" });
  });
});
