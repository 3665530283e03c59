/**
 * What a hostile program inside of a ride may try: the run's own socket, other runs' sockets, and forged
 * requests.
 */
import { existsSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ended, until } from "../../../lab/lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { ALLOW, opened, QUEUE } from "../opened.ts";
import { describeWith } from "../tools.ts";

/**
 * Writes what it is told to the ride's socket, and prints what comes back until the guard hangs up or has
 * answered.
 */
const TALK = `
import os, socket, sys
path, kind, body = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else ""
s = socket.socket(socket.AF_UNIX)
s.connect(path)
try:
    if kind == "garbage":
        s.sendall(os.urandom(65536))
        s.shutdown(socket.SHUT_WR)
    while kind == "endless": s.sendall(b"x" * 65536)
    if kind == "request": s.sendall(body.encode() + b"\\n")
    got = b""
    while more := s.recv(65536):
        got += more
        if b'"id":1' in got: break
    print(got.decode().splitlines()[-1] if got else "hung up")
except OSError:
    print("hung up")
`;

function rideRequest(destination: object, purpose: object = { command: "true" }): string {
  return JSON.stringify({ id: 1, method: "ride", params: { destination, purpose } });
}

describeWith(["ssh", "sshd", "python"], "a hostile program inside of a ride", () => {
  const lab = opened(new OpenLab(), ALLOW, QUEUE);
  const marker = lab.path("marker");
  const talk = lab.script("talk", `#!/usr/bin/env python3\n${TALK}`);
  const socket = '"$(dirname $(dirname $(command -v ssh)))/ride.sock"';
  beforeAll(async () => {
    await lab.startServer("other.example", lab.path("me@laptop"));
    lab.hosts.knowAddresses();
  });

  it.each(["garbage", "endless"])("gets nowhere with %s, and others are still served", async (kind) => {
    const { stdout } = await lab.ride(`${talk} ${socket} ${kind}; ssh ${HOST} 'echo in'`);
    expect(stdout).toMatch(/^(?:hung up)?\n?in\n$/);
  });

  it.each<[string, string]>([
    ["no destination", '{"id":1,"method":"ride","params":{}}'],
    ["a host that is an option", rideRequest({ host: `-oProxyCommand=touch ${marker}` })],
    ["a host that is a command", rideRequest({ host: `$(touch ${marker})` })],
    ["a user that is an option", rideRequest({ host: HOST, user: `-oProxyCommand=touch ${marker}` })],
    ["jump hosts with a command", rideRequest({ host: HOST, jump: `a;touch ${marker}` })],
    ["a port that is none", rideRequest({ host: HOST, port: -1 })],
    ["a port that is text", rideRequest({ host: HOST, port: "22 -o x" })],
    ["a purpose that is none", rideRequest({ host: HOST }, { command: 7 })],
    ["options", rideRequest({ host: HOST, options: ["-o", `ProxyCommand=touch ${marker}`] })],
    ["a purpose with options", rideRequest({ host: HOST }, { options: ["-A"] })],
    ["the daemon's own requests", '{"id":1,"method":"openRun","params":{}}'],
    ["an answer to a question", '{"id":1,"method":"answer","params":{"id":"x","answer":{}}}'],
  ])("is refused %s", async (_, body) => {
    const { stdout } = await lab.ride(`${talk} ${socket} request '${body}'`);
    expect(JSON.parse(stdout)).toMatchObject({ id: 1, error: { message: expect.any(String) } });
    expect(existsSync(marker)).toBe(false);
    expect(lab.masters().length).toBeLessThanOrEqual(1); // of the test before
  });

  it("can't have one thing approved and do another", async () => {
    await lab.muxguard("close", HOST);
    await until(() => lab.masters().length === 0, "the master's end");
    lab.policy('default = "ask"\n');
    const body = rideRequest({ host: HOST }, { command: "uptime" });
    const running = lab.ride(
      `${talk} ${socket} request '${body}' > /dev/null
       exec ssh -F ${lab.sshConfig} -S $(find $(dirname ${socket}) -type s ! -name ride.sock) ${HOST} 'echo evil'`,
    );
    const [connect] = await lab.pending();
    expect(connect?.request).toMatchObject({ kind: "connect", command: "uptime" });
    await lab.muxguard("approve", connect?.id ?? "");
    await until(
      async () => (await lab.pending())[0]?.request.kind === "session",
      "the session's own question",
    );
    const [session] = await lab.pending();
    expect(session?.request).toMatchObject({ command: "echo evil" });
    await lab.muxguard("deny", session?.id ?? "");
    expect(await running).toMatchObject({ code: 255, stdout: "" });
    lab.policy('default = "allow"\n');
  });

  it("does not get a session on one host by a question about another one on its address", async () => {
    lab.policy(
      'default = "ask"\n[[rule]]\non = ["connect", "sign"]\nhost = "prod.example"\naction = "allow"\n',
    );
    const body = rideRequest({ host: "other.example" }, { command: "uptime" });
    const running = lab.ride(
      `${talk} ${socket} request '${rideRequest({ host: HOST })}' > /dev/null
       way=$(find $(dirname ${socket}) -type s ! -name ride.sock)
       ${talk} ${socket} request '${body}' > /dev/null
       exec ssh -F ${lab.sshConfig} -S $way ${HOST} 'uptime'`,
    );
    const next = async (kind: string) => {
      await until(async () => (await lab.pending())[0]?.request.kind === kind, `a question about a ${kind}`);
      return (await lab.pending())[0];
    };
    const connect = await next("connect");
    expect(connect?.request).toMatchObject({ destination: { names: ["other.example", "127.0.0.1"] } });
    await lab.muxguard("approve", connect?.id ?? "");
    const session = await next("session");
    expect(session?.request).toMatchObject({ destination: { names: ["prod.example", "127.0.0.1"] } });
    await lab.muxguard("deny", session?.id ?? "");
    expect(await running).toMatchObject({ code: 255, stdout: "" });
    lab.policy('default = "allow"\n');
  });

  it("is bound by its own run's rules at another run's sockets", async () => {
    lab.policy(
      'default = "allow"\n[[rule]]\nname = "not you"\non = ["session"]\nscope = "evil"\naction = "deny"\n',
    );
    const trusted = lab.start(
      process.execPath,
      [
        lab.program,
        "run",
        "--ride",
        "--no-confine",
        "--scope",
        "trusted",
        "--",
        "/bin/sh",
        "-c",
        `ssh ${HOST} true; echo ready; read line`,
      ],
      { detached: true, stdio: "pipe" },
    );
    await new Promise((resolve) => trusted.stdout?.once("data", resolve));
    const [folder] = readdirSync(lab.path("runtime/muxguard")).filter((name) => name.startsWith("ride-"));
    const there = lab.path(`runtime/muxguard/${folder}`);
    const { stdout, stderr } = await lab.ride(
      `${talk} ${there}/ride.sock request '${rideRequest({ host: HOST })}'
       ssh -S none ${HOST} true; echo $?
       /usr/bin/ssh -F ${lab.sshConfig} -S $(find ${there} -type s ! -name ride.sock) ${HOST} 'echo in'; echo $?`,
      "--scope",
      "evil",
    );
    const [answer = "", ...codes] = stdout.trimEnd().split("\n");
    expect(JSON.parse(answer)).toMatchObject({
      error: { message: "muxguard: denied: this is another run's" },
    });
    expect(codes).toEqual(["255", "255"]);
    expect(stderr.match(/\(rule "not you"\)/g)).toHaveLength(2);
    trusted.stdin?.end("\n");
    await ended(trusted);
    lab.policy('default = "allow"\n');
  });

  it("spoils its own run alone when it replaces the shims", async () => {
    const { stdout } = await lab.ride(`
      bin=$(dirname $(command -v ssh)); rm $bin/ssh; ln -s /bin/echo $bin/ssh; ssh mine; rm -r $bin; /bin/sh -c "command -v ssh"`);
    expect(stdout).toBe("mine\n/usr/bin/ssh\n");
    expect(await lab.ride(`ssh ${HOST} 'echo in'`)).toMatchObject({ stdout: "in\n" });
  });
});

describeWith(["ssh", "sshd"], "a run with a guard of its own that was killed", () => {
  const lab = new OpenLab({ hasDaemon: false });
  beforeAll(async () => {
    lab.policy('default = "allow"\n');
    await lab.open();
  });
  afterAll(() => lab.close());

  it("leaves a master, which the next run ends with all else that is left", async () => {
    const line = `ssh ${HOST} true; echo ready; exec sleep 1000`;
    const child = lab.start(
      process.execPath,
      [lab.program, "run", "--ride", "--no-confine", "--", "/bin/sh", "-c", line],
      {
        detached: true,
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    child.kill("SIGKILL");
    await ended(child);
    expect(lab.masters()).toHaveLength(1);
    expect(await lab.muxguard("run", "--", "true")).toMatchObject({ code: 0 });
    await until(() => lab.masters().length === 0, "the end of the master");
    expect(readdirSync(lab.path("runtime/muxguard"))).toEqual([]);
    if (child.pid !== undefined) process.kill(-child.pid); // what it ran
  });
});
