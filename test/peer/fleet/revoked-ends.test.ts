/** What does not go on when a fleet revokes something: connections, and questions that are open. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { Lab, type Result, until } from "../../../lab/lab.ts";
import { isAdopted } from "../../../lab/masters.ts";
import { describeWith, PYTHON } from "../tools.ts";
import { stated } from "./said.ts";

/** What the server says comes a moment later, and not at all while the file "held" is there. */
const LATE = `
import os, socket, sys, threading, time
server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def up():
    while data := os.read(0, 65536):
        server.sendall(data)
threading.Thread(target=up, daemon=True).start()
while data := server.recv(65536):
    time.sleep(0.7)
    while os.path.exists(sys.argv[2]):
        time.sleep(0.05)
    os.write(1, data)
`;

describeWith(["nats", "openssl", "ssh", "sshd", "python"], "what a fleet revokes", () => {
  const fleet = new FleetLab();
  const build = new Lab();
  let admin: Lab;
  let fingerprint = "";
  let revoked: string[] = [];

  beforeAll(async () => {
    await fleet.init(["build1", "laptop"], ["alice"]);
    await fleet.startServerOfFleet();
    mkdirSync(build.path("cm"), { mode: 0o700 });
    await fleet.machine("build1", undefined, `control_dirs = ["${build.path("cm")}"]\n`, build);
    const key = build.key("work");
    const { stdout } = await build.run("ssh-keygen", ["-lf", `${key}.pub`]);
    fingerprint = stdout.split(" ")[1] ?? "";
    await build.startAgent("upstream.sock", key);
    const { port } = await build.startServer("alpha.example", key);
    build.write("late.py", LATE);
    build.host("late.example", [
      ...["HostName 127.0.0.1", "HostKeyAlias alpha.example", `Port ${port}`],
      `ProxyCommand ${PYTHON} ${build.path("late.py")} ${port} ${build.path("held")}`,
    ]);
    build.policy('default = "allow"\n');
    await build.startDaemon();
    admin = await fleet.machine("laptop", "alice");
    await admin.startAgent("alice.sock", fleet.path("alice"));
    await until(async () => (await build.muxguard("status")).stdout.includes("build1, connected"), "the bus");
  });
  afterAll(() => fleet.close());
  afterEach(async () => {
    build.policy('default = "allow"\n');
    await build.muxguard("forget", "--all");
    await lift();
  });

  async function lift(): Promise<void> {
    await admin.muxguard("fleet", "revoke", "--lift", ...revoked);
    await until(async () => !(await stated(build)).includes("revoked"), "the end of it");
  }

  async function revoke(...what: string[]): Promise<void> {
    revoked = what;
    expect(await admin.muxguard("fleet", "revoke", ...what)).toMatchObject({ code: 0 });
    await until(async () => (await stated(build)).includes("1 revoked"), "the revocation");
  }

  async function masters(): Promise<{ pid: number; path: string }[]> {
    return JSON.parse((await build.muxguard("status", "--json")).stdout).masters;
  }

  /** Its process, and what the guard has of it. */
  async function isOver(pid: number | undefined): Promise<void> {
    await until(() => !existsSync(`/proc/${pid}`), "the end of the connection");
    expect(await masters()).toEqual([]);
  }

  const ssh = (...words: string[]): Promise<Result> =>
    build.run("sh", ["-c", 'ssh -F "$0" "$@"; :', build.sshConfig, ...words], {
      environment: { SSH_AUTH_SOCK: build.agentSocket },
    });

  /** Revokes the key once it has signed, and before the server's answer to that has come. */
  async function revokeOnceSigned(before: number): Promise<void> {
    const isSigned = (): boolean =>
      build
        .log()
        .slice(before)
        .some(({ kind, by }) => kind === "sign" && by === "default");
    await until(isSigned, "the signature");
    build.write("held", "");
    await revoke(fingerprint);
    rmSync(build.path("held"));
  }

  /** All that can be revoked of a login. */
  const ways = (): string[][] => [["alpha.example"], [fingerprint], ["--machine", "build1"]];

  it("is nobody's connection any more: one that a ride has made ends, though no path leads to it", async () => {
    for (const what of ways().slice(0, 2)) {
      const ride = await build.muxguard(
        "run",
        "--ride",
        "--no-confine",
        "--",
        "ssh",
        "alpha.example",
        "echo in",
      );
      expect(ride.stdout).toBe("in\n");
      const [master] = await masters();
      expect(master?.path).toBe("to alpha.example");
      await revoke(...what);
      await isOver(master?.pid);
      await lift();
    }
  });

  it("is no connection that ssh has made by itself: one that the guard took over ends, and is used by nobody", async () => {
    const path = build.path("cm/x");
    await ssh("-M", "-S", path, "-N", "-f", "alpha.example");
    await until(() => isAdopted(path), "the adoption");
    const [master] = await masters();
    await revoke(fingerprint);
    await isOver(master?.pid);
    expect(await ssh("-S", path, "alpha.example", "echo over")).toMatchObject({ stdout: "" });
  });

  it("is no connection that takes no more clients: one with a session that goes on after -O stop ends", async () => {
    const path = build.path("cm/stopped");
    const session = ssh("-M", "-S", path, "alpha.example", "sleep 60; echo slept");
    await until(() => isAdopted(path), "the adoption");
    const [master] = await masters();
    await ssh("-S", path, "-O", "stop", "alpha.example");
    await until(() => !existsSync(path), "the stop");
    await revoke("alpha.example");
    await isOver(master?.pid);
    expect(await session).toMatchObject({ stdout: "" });
  });

  it("is no connection that is being opened: its key has signed, and it is refused all the same", async () => {
    const before = build.log().length;
    const opening = build.muxguard("open", "--control-path", build.path("m"), "late.example");
    await revokeOnceSigned(before);
    const { code, stderr } = await opening;
    expect([code, stderr]).toEqual([1, expect.stringContaining("was revoked; try again")]);
    expect(await masters()).toEqual([]);
    expect(existsSync(build.path("m"))).toBe(false);
  });

  it("is no connection that ssh is making by itself: it ends as soon as it is there", async () => {
    const [before, path] = [build.log().length, build.path("cm/late")];
    const making = ssh("-M", "-S", path, "-N", "-f", "late.example");
    await revokeOnceSigned(before);
    await making;
    await until(() => !existsSync(path), "its end");
    expect(await masters()).toEqual([]);
    expect(await ssh("-S", path, "alpha.example", "echo over")).toMatchObject({ stdout: "" });
  });

  it("is let through by nobody's yes: a question that was open is denied by what the fleet says", async () => {
    for (const what of ways()) {
      build.policy('default = "ask"\n');
      const done = ssh("alpha.example", "echo in");
      const [question] = await build.pending();
      await revoke(...what);
      await build.muxguard("approve", "--for", "10m", question?.id ?? "");
      expect(await done).toMatchObject({ stdout: "" });
      const by = expect.stringMatching(/^rule:fleet: .* is revoked$/);
      const reason = "it denies this by now, and the yes came too late";
      expect(
        build
          .log()
          .filter(({ kind }) => kind === "sign")
          .at(-1),
      ).toMatchObject({ decision: "deny", by, reason });
      expect(JSON.parse((await build.muxguard("status", "--json")).stdout).grants).toBe(0);
      await lift();
    }
  });
});
