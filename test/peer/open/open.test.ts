/** `muxguard open`: a master that the guard alone can reach, where plain ssh finds it. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { accepts, until } from "../../../lab/lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { ALLOW, opened, QUEUE } from "../opened.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "muxguard open", () => {
  const lab = opened(new OpenLab(), ALLOW, QUEUE);
  beforeEach(async () => {
    for (const pid of lab.masters()) process.kill(pid);
    await until(() => lab.masters().length === 0 && !existsSync(lab.controlPath()), "the end of all masters");
  });

  it("logs in once, and plain ssh rides on it", async () => {
    const connections = lab.connections();
    expect(await lab.muxguard("open", HOST)).toEqual({
      code: 0,
      signal: null,
      stdout: `open: ssh ${HOST} now goes through ${lab.controlPath()}\n`,
      stderr: "",
    });
    expect(await lab.ssh(HOST, "echo in; exit 4")).toMatchObject({ code: 4, stdout: "in\n", stderr: "" });
    expect(lab.connections()).toBe(connections + 1);
    const [connect, login, session] = lab.log().slice(-3);
    expect(connect).toMatchObject({ kind: "connect", host: HOST, verified: true });
    expect(login).toMatchObject({ kind: "sign", host: HOST, verified: true });
    expect(session).toMatchObject({ kind: "session", host: HOST, verified: true, hostKey: login?.hostKey });
  });

  it("leaves no socket by which somebody else could reach the master", async () => {
    await lab.muxguard("open", HOST);
    const sockets = readdirSync(lab.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isSocket())
      .map(({ parentPath, name }) => join(parentPath, name));
    // a master greets whoever connects, and the guard's listener does so in its place
    const ours = [lab.agentSocket, lab.daemonSocket, lab.controlPath(), lab.path("upstream.sock")];
    const control = lab.path("runtime/muxguard/control");
    expect(sockets.sort()).toEqual(
      [...ours, join(control, "agent.sock"), join(control, "prompts.sock")].sort(),
    );
  });

  it.skipIf(userInfo().uid === 0)("keeps the way through its own descriptors shut", async () => {
    await lab.muxguard("open", HOST);
    expect(() => readdirSync(`/proc/${lab.daemon?.pid}/fd`)).toThrow("EACCES");
  });

  it("says so where it is open already, and close ends it", async () => {
    await lab.muxguard("open", HOST);
    expect(await lab.muxguard("open", HOST)).toMatchObject({
      code: 0,
      stdout: `open already: ssh ${HOST} now goes through ${lab.controlPath()}\n`,
    });
    const [pid] = lab.masters();
    expect((await lab.muxguard("status")).stdout).toMatch(
      new RegExp(`^connection ${lab.controlPath()} \\(opened, pid ${pid}\\), to \\S+@${HOST}$`, "m"),
    );
    const { stdout } = await lab.muxguard("status", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      running: true,
      pid: lab.daemon?.pid,
      policy: { files: [lab.path("config/muxguard/policy.toml")], rules: expect.any(Number) },
      approvers: expect.arrayContaining([{ kind: "queue" }]),
      masters: [{ path: lab.controlPath(), pid, origin: "opened", verified: true }],
      suspended: 0,
    });
    expect(await lab.muxguard("close", HOST)).toMatchObject({
      code: 0,
      stdout: `closed: ${lab.controlPath()}\n`,
    });
    await until(() => lab.masters().length === 0, "the master's end");
    await until(() => !existsSync(lab.controlPath()), "the listener's end");
    expect(await lab.muxguard("close", HOST)).toMatchObject({
      code: 1,
      stderr: `muxguard: muxguard holds no connection to ${HOST} (muxguard status)\n`,
    });
  });

  it("listens at another control path where told to, and close takes that too", async () => {
    const path = join(lab.sockets, "elsewhere");
    expect(await lab.muxguard("open", "--control-path", path, HOST)).toMatchObject({ code: 0 });
    expect(existsSync(lab.controlPath())).toBe(false);
    expect(await lab.ssh("-S", path, HOST, "echo in")).toMatchObject({ stdout: "in\n" });
    expect(await lab.muxguard("close", "sockets/elsewhere")).toMatchObject({ code: 0 });
    await until(() => lab.masters().length === 0, "the master's end");
  });

  it("twice at once is opened once, and open already for the other", async () => {
    const connections = lab.connections();
    const both = await Promise.all([lab.muxguard("open", HOST), lab.muxguard("open", HOST)]);
    expect(both.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ""],
      [0, ""],
    ]);
    expect(both.map(({ stdout }) => stdout.split(":")[0]).sort()).toEqual(["open", "open already"]);
    expect(lab.masters()).toHaveLength(1);
    expect(lab.connections()).toBe(connections + 1);
  });

  it("under a second path shares the connection and says so; closing one path leaves the other", async () => {
    const [first, second] = [lab.controlPath(), join(lab.sockets, "second")];
    await lab.muxguard("open", HOST);
    expect(await lab.muxguard("open", "--control-path", second, HOST)).toMatchObject({
      code: 0,
      stdout: `open: ssh ${HOST} now goes through ${second}, over the connection that ${first} has already\n`,
    });
    expect(lab.masters()).toHaveLength(1);
    expect(await lab.muxguard("close", second)).toMatchObject({
      code: 0,
      stdout: `closed: ${second}; its connection stays open at ${first}\n`,
    });
    expect(existsSync(second)).toBe(false);
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
    await lab.muxguard("open", "--control-path", second, HOST);
    expect(await lab.muxguard("close", HOST)).toMatchObject({ code: 0, stdout: `closed: ${first}\n` });
    await until(() => lab.masters().length === 0, "the master's end");
    await until(() => [first, second].every((path) => !existsSync(path)), "the listeners' end");
  });

  it("is not open already where the path leads to another host", async () => {
    lab.host("other.example", ["HostName 127.0.0.1", `HostKeyAlias ${HOST}`, `Port ${lab.port}`]);
    await lab.muxguard("open", HOST);
    const path = lab.controlPath();
    expect(await lab.muxguard("open", "--control-path", path, "other.example")).toMatchObject({
      code: 1,
      stderr: `muxguard: ${path} leads to ${HOST} already; say --control-path PATH, or close that: muxguard close ${path}\n`,
    });
  });

  it("takes another ssh configuration with a path of its own; what that says proves no host", async () => {
    const path = join(lab.sockets, "with-config");
    copyFileSync(lab.sshConfig, lab.path("other_config"));
    const { result, events } = await lab.logged(() =>
      lab.muxguard("open", "--control-path", path, HOST, "--", "-F", lab.path("other_config")),
    );
    expect(result).toMatchObject({ code: 0 });
    expect(await lab.ssh("-S", path, HOST, "echo in")).toMatchObject({ stdout: "in\n" });
    expect(events[0]).toMatchObject({ kind: "connect", verified: false });
  });

  it("takes options for ssh, and keeps connections that differ in them apart", async () => {
    const other = join(lab.sockets, "other");
    await lab.muxguard("open", HOST);
    expect(await lab.muxguard("open", "--control-path", other, HOST, "-v", "-C")).toMatchObject({ code: 0 });
    expect(lab.masters()).toHaveLength(2);
    expect(await lab.ssh("-S", other, HOST, "echo in")).toMatchObject({ stdout: "in\n" });
  });

  it("keeps hosts of two names apart, though they lead to one server: their keys may differ", async () => {
    lab.host("alias.example", ["HostName 127.0.0.1", `HostKeyAlias ${HOST}`, `Port ${lab.port}`]);
    await lab.muxguard("open", HOST);
    expect(await lab.muxguard("open", "alias.example")).toMatchObject({ code: 0 });
    expect(lab.masters()).toHaveLength(2);
  });

  it("leaves with the master, which lasts as long as ControlPersist says", async () => {
    lab.host("brief.example", [
      "HostName 127.0.0.1",
      `Port ${lab.port}`,
      "ControlPersist 1",
      `HostKeyAlias ${HOST}`,
    ]);
    expect(await lab.muxguard("open", "brief.example")).toMatchObject({ code: 0 });
    await until(() => lab.masters().length === 0, "the end that ControlPersist brings");
    await until(() => !existsSync(lab.controlPath("brief.example")), "the listener's end");
    expect((await lab.muxguard("status")).stdout).not.toContain("connection");
  });

  it.each<[string, string[], RegExp]>([
    [
      "no ControlPath",
      ["bare.test"],
      /^muxguard: bare\.test has no ControlPath; set one .* --control-path\n$/,
    ],
    [
      "a path that is too long",
      ["--control-path", `sockets/${"x".repeat(120)}`, HOST],
      /^muxguard: socket path of \d+ bytes, 107 are the most/,
    ],
    [
      "a folder that is not there",
      ["--control-path", "none/s", HOST],
      /^muxguard: \S+\/none is no folder; mkdir -m 700 \S+\/none\n$/,
    ],
    [
      "a folder that is open to others",
      ["--control-path", "open/s", HOST],
      /^muxguard: others may write to \S+\/open; chmod 700 \S+\/open\n$/,
    ],
    [
      "a file in the way",
      ["--control-path", "sockets/file", HOST],
      /^muxguard: \S+\/sockets\/file is in the way, and is no socket\n$/,
    ],
    [
      "options that are no connection's",
      [HOST, "-O", "exit"],
      /^muxguard: no host, or options that are not for opening a connection/,
    ],
    [
      "a configuration of one's own without a path",
      [HOST, "--", "-F", "/etc/ssh/ssh_config"],
      /^muxguard: what \/etc\/ssh\/ssh_config says of \S+ is not looked up: say --control-path PATH, or set/,
    ],
    [
      "a configuration that is not named in full",
      [HOST, "--", "-F", "config"],
      /^muxguard: -F config is not taken: .* give the whole path\n$/,
    ],
    [
      "a control path as ssh has it",
      [HOST, "--", "-S", "/tmp/s"],
      /^muxguard: -S \/tmp\/s is not taken: .* --control-path PATH\n$/,
    ],
    ["a command", [HOST, "uptime"], /^muxguard: no host, or options that are not for opening a connection/],
    [
      "a host that is an option",
      ["--", "-oProxyCommand=touch marker"],
      /^muxguard: ssh -G -oProxyCommand=touch marker says nothing/,
    ],
  ])("refuses %s", async (_, args, reason) => {
    if (!existsSync(lab.path("open"))) mkdirSync(lab.path("open"));
    chmodSync(lab.path("open"), 0o777);
    writeFileSync(join(lab.sockets, "file"), "");
    const connections = lab.connections();
    const { code, stdout, stderr } = await lab.muxguard("open", ...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(reason);
    expect(lab.masters()).toEqual([]);
    expect(lab.connections()).toBe(connections);
    expect(existsSync(lab.path("marker"))).toBe(false);
  });

  it("refuses a path at which somebody listens, and points to adopt", async () => {
    const path = join(lab.sockets, "taken");
    const server = createServer().listen(path);
    await until(() => accepts(path), "the one who listens there");
    expect(await lab.muxguard("open", "--control-path", path, HOST)).toMatchObject({
      code: 1,
      stderr: `muxguard: somebody listens at ${path} already; take it over: muxguard adopt ${path}\n`,
    });
    server.close();
  });

  it("tells what ssh said where the login fails", async () => {
    lab.host("locked.example", [
      "HostName 127.0.0.1",
      `Port ${lab.port}`,
      `HostKeyAlias ${HOST}`,
      "IdentityAgent none",
    ]);
    lab.host("gone.example", ["HostName 127.0.0.1", "Port 1"]);
    expect(await lab.muxguard("open", "locked.example")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^muxguard: ssh could not connect: .*Permission denied \(publickey/),
    });
    expect((await lab.muxguard("open", "gone.example")).stderr).toMatch(
      /^muxguard: ssh could not connect: .*Connection refused\n$/,
    );
    expect(lab.masters()).toEqual([]);
    expect(
      readdirSync(lab.path("runtime/muxguard/control")).filter(
        (name) => name.startsWith("m") && !name.startsWith("masters"),
      ),
    ).toEqual([]);
  });

  it("is for nobody inside of a run", async () => {
    for (const command of [
      ["open", HOST],
      ["close", HOST],
      ["adopt", lab.sockets],
    ]) {
      const { code, stderr } = await lab.muxguard("run", "--", process.execPath, lab.program, ...command);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^muxguard: refused: this process is inside of a muxguard run/);
    }
    expect(lab.masters()).toEqual([]);
  });

  it("needs a daemon, and there is one at most", async () => {
    expect(await lab.muxguard("daemon", "--foreground")).toMatchObject({
      code: 1,
      stderr: "muxguard: a daemon runs already (muxguard status)\n",
    });
    const environment = { XDG_RUNTIME_DIR: lab.path("nobody") };
    mkdirSync(lab.path("nobody"), { mode: 0o700 });
    const result = await lab.run(process.execPath, [lab.program, "open", HOST], { environment });
    expect(result).toMatchObject({
      code: 1,
      stderr: "muxguard: no daemon runs; start it with: muxguard daemon\n",
    });
  });
});
