/** The agent behind the daemon: gone, hanging, or another one than the shell's. */
import { chmodSync, symlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ended, Lab, MUXGUARD, type Result, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const keysIn = ({ stdout }: Result): string =>
  stdout.split("\n").find((line) => line.startsWith("keys in")) ?? "";

describeWith(["ssh"], "the agent behind the daemon", () => {
  const lab = new Lab();
  let first: string;
  let second: string;
  const as = (agent: string | undefined): NodeJS.ProcessEnv => ({ SSH_AUTH_SOCK: agent });
  const muxguard = (agent: string | undefined, ...args: string[]): Promise<Result> =>
    lab.run(process.execPath, [MUXGUARD, ...args], { environment: as(agent) });
  const list = (agent: string | undefined, ...options: string[]): Promise<Result> =>
    muxguard(agent, "run", ...options, "--", "ssh-add", "-l");
  const listedOutside = (): Promise<Result> =>
    lab.run("ssh-add", ["-l"], { environment: as(lab.agentSocket) });

  beforeAll(async () => {
    lab.policy('default = "allow"\n');
    first = await lab.startAgent("first.sock", lab.key("one"));
    second = await lab.startAgent("second.sock", lab.key("two"));
    lab.environment.SSH_AUTH_SOCK = first;
    await lab.startDaemon();
  });
  afterAll(() => lab.close());

  it("is the run's own where its SSH_AUTH_SOCK names another one that lives, unless it says otherwise", async () => {
    expect((await list(second)).stdout).toContain(" two ");
    expect((await list(first)).stdout).toContain(" one ");
    expect((await list(second, "--upstream", first)).stdout).toContain(" one ");
    expect((await list(lab.path("gone.sock"))).stdout).toContain(" one ");
  });

  it("is never the guard itself, by whatever name: the run would ask itself", async () => {
    const link = lab.path("innocent.sock");
    symlinkSync(lab.agentSocket, link);
    for (const own of [lab.agentSocket, link]) expect((await list(own)).stdout).toContain(" one ");
    const pointed = await muxguard(first, "upstream", link);
    expect(pointed).toMatchObject({ code: 1, stderr: expect.stringContaining("muxguard's own socket") });
    expect((await list(first, "--upstream", link)).stdout).not.toContain(" one ");
  });

  it("is another one from when it is pointed there, which is in the log", async () => {
    expect((await listedOutside()).stdout).toContain(" one ");
    const { result, events } = await lab.logged(() => muxguard(first, "upstream", second));
    expect(result).toMatchObject({ code: 0, stdout: `${second} (muxguard upstream)\n` });
    expect(events).toMatchObject([
      { kind: "admin", operation: "upstream", decision: "allow", reason: expect.stringContaining(second) },
    ]);
    expect((await listedOutside()).stdout).toContain(" two ");
    expect((await muxguard(first, "upstream", lab.path("gone.sock"))).stderr).toContain("nobody listens at");
    expect((await muxguard(first, "upstream")).stdout).toContain(second);
  });

  it("is not pointed elsewhere from inside of a run: what is guarded would choose its own agent", async () => {
    const before = lab.log().length;
    const inside = await muxguard(first, "run", "--", process.execPath, MUXGUARD, "upstream", first);
    expect(inside.code).not.toBe(0);
    expect(lab.log().slice(before)).toMatchObject([
      { kind: "admin", operation: "upstream", decision: "deny", by: "fault:inside" },
    ]);
    expect((await listedOutside()).stdout).toContain(" two ");
  });

  it("stays what the user said when a daemon is started anew elsewhere", async () => {
    const anew = await muxguard(first, "daemon");
    expect(anew).toMatchObject({ code: 1, stderr: expect.stringContaining("a daemon runs already") });
    expect(keysIn(await lab.muxguard("status"))).toContain(second);
  });
});

describeWith(["ssh"], "an agent that came from SSH_AUTH_SOCK", () => {
  const lab = new Lab();
  afterAll(() => lab.close());

  it("gives way to that of another login, in which the daemon is started anew; gone, it is told of", async () => {
    const first = lab.path("first.sock");
    const agent = lab.start("ssh-agent", ["-D", "-a", first]);
    await until(
      () => lab.run("ssh-add", ["-l"], { environment: { SSH_AUTH_SOCK: first } }).then((r) => r.code === 1),
      "it",
    );
    lab.environment.SSH_AUTH_SOCK = first;
    await lab.startDaemon();
    expect(keysIn(await lab.muxguard("status"))).toBe(`keys in    ${first}`);
    agent.kill("SIGTERM");
    await ended(agent);
    const { result, events } = await lab.logged(() => lab.muxguard("status"));
    expect(keysIn(result)).toMatch(
      /first\.sock is missing: no such socket \(another one: muxguard upstream PATH\)$/,
    );
    expect(events).toMatchObject([{ operation: "use-upstream", by: "fault:upstream", decision: "deny" }]);
    const second = await lab.startAgent("second.sock", lab.key("two"));
    const anew = await lab.muxguard("daemon");
    expect(anew).toMatchObject({ code: 0, stderr: expect.stringContaining(`SSH_AUTH_SOCK: ${second}`) });
    expect((await lab.muxguard("daemon")).code).toBe(1);
    expect(keysIn(await lab.muxguard("status"))).toBe(`keys in    ${second}`);
  });
});

describeWith(["ssh"], "a daemon that was started without an agent", () => {
  const lab = new Lab();
  afterAll(() => lab.close());

  it("uses the one that a run brings", async () => {
    await lab.startDaemon();
    expect(keysIn(await lab.muxguard("status"))).toContain("no agent");
    lab.policy('default = "allow"\n');
    const agent = await lab.startAgent("brought.sock", lab.key("one"));
    const listed = await lab.muxguard("run", "--", "ssh-add", "-l");
    expect(listed.stdout).toContain(" one ");
    expect(keysIn(await lab.muxguard("status"))).toBe(`keys in    ${agent}`);
  });
});

describeWith(["ssh"], "an agent that is named in config.toml", () => {
  const lab = new Lab();
  let server: Server;
  afterAll(async () => {
    server.close();
    await lab.close();
  });

  it("is used by every run, and one that hangs beside it is told of in status", async () => {
    const path = lab.path("hung.sock");
    server = createServer(() => {}).listen(path);
    const named = await lab.startAgent("named.sock", lab.key("one"));
    lab.config(`upstream_agent = ["${named}", "${path}"]\nupstream_timeout = "1s"\n`);
    lab.policy('default = "allow"\n');
    await lab.startAgent("other.sock", lab.key("two"));
    await lab.startDaemon();
    expect((await lab.muxguard("run", "--", "ssh-add", "-l")).stdout).toContain(" one ");
    expect((await lab.muxguard("daemon")).code).toBe(1);
    const { stdout } = await lab.muxguard("status");
    expect(stdout).toContain(`${named}, ${path} does not answer (waited 1 s)`);
    expect(stdout).toContain("wrong      the upstream agent");
    expect(lab.log()).toMatchObject([
      { operation: "use-upstream", reason: expect.stringContaining("hung.sock") },
    ]);
  });
});

const isRoot = userInfo().uid === 0;
if (!isRoot) console.warn("skipped, as only root may do so: connecting as another user");

describe.skipIf(!isRoot)("another user at the guard's sockets", () => {
  const lab = new Lab();
  afterAll(() => lab.close());

  it("is refused, and told of in the log and in status", async () => {
    await lab.startDaemon();
    const way = [lab.folder, lab.path("runtime"), dirname(lab.agentSocket)];
    for (const folder of way) chmodSync(folder, 0o711);
    for (const socket of [lab.agentSocket, lab.daemonSocket]) chmodSync(socket, 0o666);
    const script = `let left = 50;
      for (let n = 0; n < 50; n++)
        require("net").connect(process.argv[1]).on("close", () => --left || console.log("closed")).on("error", () => {});`;
    for (const socket of [lab.agentSocket, lab.daemonSocket]) {
      const nobody = lab.start(process.execPath, ["-e", script, socket], {
        uid: 65534,
        gid: 65534,
        cwd: "/",
      });
      await ended(nobody);
    }
    for (const folder of way) chmodSync(folder, 0o700);
    expect(lab.log()).toHaveLength(5); // a flood doesn't fill it
    expect(lab.log()[0]).toMatchObject({ kind: "admin", operation: "use-socket", by: "fault:uid" });
    expect(lab.log()[0]?.reason).toMatch(
      /^uid 65534, pid \d+ came to .*agent\.sock, and muxguard serves nobody/,
    );
    expect((await lab.muxguard("status")).stdout).toMatch(
      /^wrong {6}a connection was refused: uid 65534, pid/m,
    );
  });
});
