/** Masters that are not what they seem: made inside of a run, or vouched for by a file that anybody may write. */
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { ended, until } from "../../../lab/lab.ts";
import { sshProcesses } from "../../../lab/masters.ts";
import { HOST, inodeOf, LISTEN, MuxLab, namesIn } from "../../../lab/mux-lab.ts";
import { MUXGUARD } from "../../../lab/programs.ts";
import { Adoption } from "../../../src/masters/adoption.ts";
import { Ending } from "../../../src/masters/ending.ts";
import { type Inside, MasterRegistry } from "../../../src/masters/registry.ts";
import { ProcessTable } from "../../../src/platform/proc/process.ts";
import { OwnListeners } from "../../support/own-listeners.ts";
import { opened } from "../opened.ts";
import { describeWith, PYTHON } from "../tools.ts";

const VERIFIED = `
default = "deny"
[[rule]]
on = ["sign"]
action = "allow"
[[rule]]
name = "verified"
on = ["session"]
host = "${HOST}"
verified = true
action = "allow"
`;

/** Binds a session with the host, has its login signed, and becomes the ssh of the command line. */
const FORGE = `
import os, paramiko, socket, struct, sys
port, user = int(sys.argv[1]), sys.argv[2]
seen = {}
class Transport(paramiko.Transport):
    def _verify_key(self, key, signature): seen["key"], seen["signature"] = key, signature
transport = Transport(("127.0.0.1", port))
transport.start_client(timeout=10)
text = lambda value: struct.pack(">I", len(value)) + value
agent = socket.socket(socket.AF_UNIX)
agent.connect(os.environ["SSH_AUTH_SOCK"])
def ask(packet):
    agent.sendall(text(packet))
    size = struct.unpack(">I", agent.recv(4, socket.MSG_WAITALL))[0]
    return agent.recv(size, socket.MSG_WAITALL)
bound = ask(b"\\x1b" + text(b"session-bind@openssh.com") + text(seen["key"]) + text(transport.session_id) + text(seen["signature"]) + b"\\0")
listed = ask(b"\\x0b")
key = listed[9:9 + struct.unpack(">I", listed[5:9])[0]]
kind = key[4:4 + struct.unpack(">I", key[:4])[0]]
data = text(transport.session_id) + b"\\x32" + text(user.encode()) + text(b"ssh-connection") + text(b"publickey") + b"\\1" + text(kind) + text(key)
signed = ask(b"\\x0d" + text(key) + text(data) + b"\\0\\0\\0\\0")
sys.stderr.write("bound %d, signed %d\\n" % (bound[0], signed[0]))
os.execv("/usr/bin/ssh", sys.argv[3:])
`;

describeWith(["ssh", "sshd"], "a master of a run", () => {
  const lab = opened(new MuxLab());
  afterEach(() => lab.endMasters());

  const SHARED = ["-o", "ControlPersist=60"];
  /** The client's port, which tells one connection from another. */
  const PORT = "set -- $SSH_CONNECTION; echo port $2";
  const portIn = (text: string): string | undefined => /^port (\d+)$/m.exec(text)?.[1];

  it("is there for that run alone, and ends with it: others would land where the run likes", async () => {
    const inside = `$ssh -M -N -f ${HOST}; while [ $(ls ${lab.sockets}/.muxguard | wc -l) = 0 ]; do sleep 0.1; done`;
    const script = lab.path("inside.sh");
    const session = `$ssh ${HOST} '${PORT}'`;
    writeFileSync(
      script,
      `ssh="ssh -F ${lab.sshConfig}"\n${inside}\n${session}\nread line\n${session}; read line\n`,
    );
    const run = lab.start(process.execPath, [MUXGUARD, "run", "--", "/bin/sh", script], { stdio: "pipe" });
    let said = "";
    run.stdout?.on("data", (text) => {
      said += text;
    });
    await until(
      () => portIn(said) !== undefined,
      () => `the run's own session: ${said}${lab.told}`,
    );
    const logins = lab.logins();
    for (const args of [[], ["-o", "ControlMaster=no"]]) {
      const { result, events } = await lab.logged(() => lab.ssh(...args, HOST, PORT));
      expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^port \d+\n$/) });
      expect(portIn(result.stdout)).not.toBe(portIn(said));
      expect(events).toMatchObject([{ kind: "sign", decision: "allow", host: HOST }]);
    }
    expect(lab.logins()).toBe(logins + 2);
    expect(lab.told).toContain(`${lab.controlPath()} was made inside of a muxguard run`);
    const asked = await lab.logged(() => lab.ssh("-O", "exit", HOST));
    expect(asked.result.stderr).toContain("made inside of a muxguard run");
    expect(asked.events).toMatchObject([{ kind: "terminate", decision: "deny", by: "fault:inside" }]);
    const stays = { code: 1, stderr: expect.stringContaining("muxguard run") };
    expect(await lab.muxguard("adopt", lab.controlPath())).toMatchObject(stays);
    expect(await lab.muxguard("open", HOST)).toMatchObject(stays);
    const first = portIn(said);
    said = "";
    run.stdin?.write("\n");
    await until(() => portIn(said) !== undefined, "the run's second session");
    expect(portIn(said)).toBe(first);
    run.stdin?.end("\n");
    await ended(run);
    await until(() => inodeOf(lab.controlPath()) === undefined, "the end of its path");
    await until(() => sshProcesses(lab.folder).length === 0, "the end of its connection");
  });

  it("is in nobody's way after the run: the next run, and what is in none, work as before", async () => {
    for (let times = 0; times < 3; times++) {
      const line = ["ssh", "-F", lab.sshConfig, ...SHARED, HOST, "echo in"];
      const { code, stdout } = await lab.muxguard("run", "--", ...line);
      expect({ code, stdout }).toEqual({ code: 0, stdout: "in\n" });
      await until(() => sshProcesses(lab.folder).length === 0, "the end of what the run has left");
    }
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n", stderr: "" });
  });

  it("ends with the daemon: put back while the run lives, it would be there for everybody, unguarded", async () => {
    const line = `ssh -F ${lab.sshConfig} -M -N -f ${HOST}; echo made; exec cat`;
    const run = lab.start(process.execPath, [MUXGUARD, "run", "--", "/bin/sh", "-c", line], {
      stdio: "pipe",
    });
    await once(run.stdout ?? run, "data");
    await until(() => lab.isAdopted(), "the adoption");
    const logins = lab.logins();
    lab.daemon?.kill("SIGTERM");
    if (lab.daemon) await ended(lab.daemon);
    expect(inodeOf(lab.controlPath())).toBeUndefined();
    expect(namesIn(join(lab.sockets, ".muxguard"))).toEqual([]);
    expect(sshProcesses(lab.folder)).toEqual([]);
    await lab.guard();
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
    expect(lab.logins()).toBe(logins + 1);
    run.stdin?.end();
    await ended(run);
  });

  it("ends also where it is found after its run has ended", async () => {
    const away = lab.path("unwatched");
    mkdirSync(away, { mode: 0o700 });
    const line = ["ssh", "-F", lab.sshConfig, ...SHARED, "-S", join(away, HOST), HOST, "echo in"];
    expect(await lab.muxguard("run", "--", ...line)).toMatchObject({ code: 0, stdout: "in\n" });
    expect(sshProcesses(lab.folder)).toHaveLength(1);
    await lab.muxguard("adopt", away);
    await until(() => sshProcesses(lab.folder).length === 0, "the end of what the run has left");
    expect(inodeOf(join(away, HOST))).toBeUndefined();
  });
});

describeWith(["ssh", "sshd", "bwrap"], "a master of nobody's run", () => {
  const lab = opened(new MuxLab());
  afterEach(() => lab.endMasters());

  it("stays so while a run has a socket of that name, among files of its own", async () => {
    const hides = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", lab.sockets];
    const command = [...hides, PYTHON, "-c", LISTEN, lab.controlPath()];
    const run = lab.start(process.execPath, [MUXGUARD, "run", "--", ...command], { stdio: "pipe" });
    const [said] = await once(run.stdout ?? run, "data");
    expect(String(said)).toContain("listens");
    expect(namesIn(lab.sockets)).not.toContain(HOST);
    expect(await lab.ssh("-o", "ControlPersist=60", HOST, "true")).toMatchObject({ code: 0 });
    await until(() => lab.isAdopted(), "the adoption");
    const logins = lab.logins();
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n", stderr: "" });
    run.stdin?.end();
    await ended(run);
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n", stderr: "" });
    expect(lab.logins()).toBe(logins);
    expect(lab.told).not.toContain("inside of a muxguard run");
  });
});

describeWith(["ssh", "sshd"], "a master that changes while it is looked at", () => {
  const lab = opened(new MuxLab());
  const path = join(lab.path("late"), HOST);
  const registry = new MasterRegistry({ add() {}, addPath() {}, removePath() {}, move() {}, remove() {} });
  const processes = new ProcessTable();
  const another = new OwnListeners();
  beforeAll(() => mkdirSync(dirname(path), { mode: 0o700 }));
  beforeEach(async () => {
    expect(await lab.ssh("-o", "ControlPersist=60", "-S", path, HOST, "true")).toMatchObject({ code: 0 });
  });
  afterEach(() => lab.endMasters());
  afterAll(() => another.close());

  /** @param looked what is seen of runs at each look: the race itself */
  const adoptWhere = (looked: () => Inside | undefined): Promise<string | undefined> =>
    new Adoption({
      registry,
      ending: new Ending(registry, () => 0),
      serve: (socket) => socket.destroy(),
      originOf: (pid) => ({ maker: processes.read(pid), origin: { plain: true }, since: 0 }),
      identify: (pid) => processes.read(pid),
      runAround: looked,
      whereabouts: async () => ({ path: [], forwarded: false }),
      report: () => {},
    }).adopt(path);

  it("is the run's all the same where its maker has ended, and its child was not listed yet", async () => {
    let looks = 0;
    expect(await adoptWhere(() => (looks++ === 0 ? undefined : { id: "run" }))).toBeUndefined();
    expect(registry.at(path)?.inside).toEqual({ id: "run" });
    registry.endRun("run");
    await until(() => sshProcesses(lab.folder).length === 0, "the end of its connection");
  });

  it("is left alone where another socket has come to its place", async () => {
    await another.listen(lab.path("elsewhere.sock"));
    const reason = await adoptWhere(() => {
      if (existsSync(lab.path("elsewhere.sock"))) renameSync(lab.path("elsewhere.sock"), path);
      return undefined;
    });
    expect(reason).toBe("another socket has come to its place");
    expect(registry.at(path)).toBeUndefined();
  });
});

describeWith(["ssh", "sshd"], "a master that a file vouches for", () => {
  const lab = opened(new MuxLab(), VERIFIED);
  afterEach(() => lab.endMasters());

  it("is unverified: a program would have its sessions pass for another host's", async () => {
    expect(await lab.ssh("-o", "ControlPersist=60", HOST, "true")).toMatchObject({ code: 0 });
    await until(() => lab.isAdopted(), "the adoption");
    expect(await lab.ssh(HOST, "echo in")).toMatchObject({ stdout: "in\n" });
    await lab.endGuard("SIGKILL");
    const file = join(lab.path("runtime/muxguard/control"), "masters.json");
    const [, , blob = ""] = readFileSync(lab.knownHosts, "utf8").split(/\s+/);
    const destination = { host: "other.example" };
    const origin = { plain: true, destination, login: { hostKey: blob, user: "root" } };
    const [record] = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify([{ ...record, destination, origin }]));
    await lab.guard();
    const listed = `connection ${lab.controlPath()} (adopted`;
    await until(async () => (await lab.muxguard("status")).stdout.includes(listed), "the second adoption");
    const { result, events } = await lab.logged(() => lab.ssh(HOST, "echo in"));
    expect(result).toMatchObject({ code: 255, stdout: "" });
    expect(events).toMatchObject([
      { kind: "session", decision: "deny", verified: false, claimed: "other.example" },
    ]);
  });
});

describeWith(["ssh", "sshd", "paramiko"], "a master that has become ssh after its login", () => {
  const lab = opened(new MuxLab(), VERIFIED);
  beforeAll(async () => {
    await lab.startServer("other.example", lab.path("me@laptop"));
  });
  afterEach(() => lab.endMasters());

  it("is not what the program before it has logged in to", async () => {
    writeFileSync(lab.path("forge.py"), FORGE);
    const [, port = ""] = /^port (\d+)$/m.exec((await lab.ssh("-G", HOST)).stdout) ?? [];
    const user = process.env.USER ?? "root";
    const ssh = [
      "ssh",
      "-F",
      lab.sshConfig,
      "-M",
      "-N",
      "-S",
      lab.controlPath(),
      "other.example",
      "-o",
      "IPQoS=none",
    ];
    const child = lab.start(PYTHON, [lab.path("forge.py"), port, user, ...ssh], { stdio: "pipe" });
    let said = "";
    child.stderr?.on("data", (text) => {
      said += text;
    });
    await until(
      () => lab.isAdopted(),
      () => `the adoption: ${said}`,
    );
    expect(said).toContain("bound 6, signed 14");
    const { result, events } = await lab.logged(() => lab.ssh(HOST, "echo in"));
    expect(result).toMatchObject({ code: 255, stdout: "" });
    expect(events).toMatchObject([{ kind: "session", decision: "deny", host: "other.example" }]);
    child.kill();
    await ended(child);
  });
});
