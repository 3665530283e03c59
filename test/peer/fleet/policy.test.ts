/** A policy for all machines, and what is revoked: signed, numbered, kept, and before the machine's own. */

import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { accepts, type Lab, type Result, until } from "../../../lab/lab.ts";
import { ended, endOf } from "../../../lab/processes.ts";
import { describeWith } from "../tools.ts";
import { forge, pushTo, put, stated, wrong } from "./said.ts";
import { slowKeygen } from "./signatures.ts";

const DENY = '[[rule]]\nname = "no alpha"\nhost = "alpha.example"\naction = "deny"\n';
const ALLOW = '[[rule]]\nname = "alpha"\nhost = "alpha.example"\naction = "allow"\n';
const OWN = 'default = "allow"\n';
/** A number that would count. */
const NEXT = Date.now() + 3_600_000;
/** How long it may take until it is in force everywhere, in milliseconds. */
const SOON = 2000;

describeWith(["nats", "openssl", "ssh", "sshd"], "a fleet's policy", () => {
  const fleet = new FleetLab();
  const machines = ["build1", "build2"];
  const builds: Lab[] = [];
  const daemons = new Map<Lab, ChildProcess>();
  let admin: Lab;
  let sequence = 0;
  const login = (lab: Lab): Promise<Result> =>
    lab.run("sh", ["-c", `ssh -F ${lab.sshConfig} alpha.example echo in; :`], {
      environment: { SSH_AUTH_SOCK: lab.agentSocket },
    });
  const startDaemon = async (lab: Lab): Promise<void> => void daemons.set(lab, await lab.startDaemon());
  const endDaemon = (lab: Lab): Promise<void> => endOf(daemons.get(lab) as ChildProcess);

  beforeAll(async () => {
    await fleet.init([...machines, "laptop"], ["alice"]);
    await fleet.startServerOfFleet();
    for (const name of machines) {
      const lab = await fleet.machine(name);
      const key = lab.key("work");
      await lab.startAgent("upstream.sock", key);
      await lab.startServer("alpha.example", key);
      lab.policy(OWN);
      builds.push(lab);
      await startDaemon(lab);
    }
    admin = await fleet.machine("laptop", "alice");
    await admin.startAgent("alice.sock", fleet.path("alice"));
    for (const lab of builds)
      await until(async () => (await lab.muxguard("status")).stdout.includes(", connected"), "the bus");
  });
  afterAll(() => fleet.close());

  const push = async (text: string, ...more: string[]): Promise<void> => {
    sequence = await pushTo(builds, admin, text, ...more);
  };
  const later = "2036-01-01T00:00:00.000Z";

  it("denies on all machines what their own allow, and no rule of theirs overrules it", async () => {
    const [build] = builds as [Lab];
    expect(await login(build)).toMatchObject({ stdout: "in\n" });
    await push(DENY);
    for (const lab of builds) {
      lab.policy(`${OWN}${ALLOW}`);
      expect(await login(lab)).toMatchObject({ stdout: "" });
      expect(lab.log().at(-1)).toMatchObject({ decision: "deny", by: "rule:fleet: no alpha" });
      expect(lab.log()).toContainEqual(
        expect.objectContaining({
          operation: "fleet-policy",
          decision: "allow",
          reason: expect.stringMatching(/the fleet's policy number \d+, until .*, signed by alice/),
        }),
      );
    }
  });

  it.each<[string, string, () => Promise<object>]>([
    [
      "an older number",
      "is known",
      () => forge(fleet, { v: 1, kind: "policy", sequence: 1, expires: later, toml: OWN }),
    ],
    [
      "a key that nobody knows",
      "does not verify",
      () => {
        fleet.key("mallory");
        return forge(fleet, { v: 1, kind: "policy", sequence: NEXT, expires: later, toml: OWN }, "mallory");
      },
    ],
    [
      "a signature for answers",
      "not for muxguard-policy",
      () =>
        forge(
          fleet,
          { v: 1, kind: "policy", sequence: NEXT, expires: later, toml: OWN },
          "alice",
          "muxguard-approval",
        ),
    ],
    [
      "another text than was signed",
      "does not verify",
      async () => {
        const entry = await forge(fleet, {
          v: 1,
          kind: "policy",
          sequence: NEXT,
          expires: later,
          toml: DENY,
        });
        return { ...entry, signed: entry.signed.replace("deny", "allow") };
      },
    ],
    [
      "a mistake in it",
      "unknown field",
      () => forge(fleet, { v: 1, kind: "policy", sequence: NEXT, expires: later, toml: 'hots = "x"' }),
    ],
    ["nothing of the kind", "what came is none", async () => ({ x: 1 })],
  ])("stays as it is where the bus has one with %s, and says so", async (_, reason, make) => {
    await put(fleet, await make());
    for (const lab of builds) {
      await until(async () => (await wrong(lab)).includes(reason), reason);
      expect(await stated(lab)).toContain(`number ${sequence} `);
      expect(await login(lab)).toMatchObject({ stdout: "" });
    }
  });

  it("is in force from the start on without the bus, and in doubt, with all asked, if its file was altered", async () => {
    const [build] = builds as [Lab];
    await endDaemon(build);
    await fleet.killServer();
    await startDaemon(build);
    expect(await stated(build)).toContain(`number ${sequence} `);
    expect(await login(build)).toMatchObject({ stdout: "" });
    await endDaemon(build);
    const kept = "state/muxguard/fleet-policy.jsonl";
    const text = readFileSync(build.path(kept), "utf8");
    build.write(kept, text.replace('action = \\\\\\"deny\\\\\\"', 'action = \\\\\\"allow\\\\\\"'));
    expect(readFileSync(build.path(kept), "utf8")).not.toBe(text);
    await startDaemon(build);
    expect(await stated(build)).toContain("can't be verified: all is asked");
    const done = login(build);
    const [question] = await build.pending();
    expect(question?.because).toBe("unverified:rule:alpha");
    await build.muxguard("deny", question?.id ?? "");
    expect(await done).toMatchObject({ stdout: "" });
    await endDaemon(build);
    build.write(kept, text);
  });

  it("holds in a run without a daemon, by what was said last", async () => {
    const [build] = builds as [Lab];
    const denied = await build.guardedSsh("alpha.example", "echo", "in");
    expect(denied).toMatchObject({ stdout: "" });
    expect(build.log().at(-1)).toMatchObject({ decision: "deny", by: "rule:fleet: no alpha" });
    await fleet.startServerOfFleet();
  });

  it("asks about what it allowed once it has run out", async () => {
    const [build] = builds as [Lab];
    await startDaemon(build);
    // the other one may wait for a while before it tries again, and a policy of five seconds does not wait for it
    for (const lab of builds)
      await until(
        async () => (await lab.muxguard("status")).stdout.includes(", connected"),
        "the bus",
        40_000,
      );
    build.policy('default = "deny"\n');
    await push(ALLOW, "--expires", "15s");
    expect(await login(build)).toMatchObject({ stdout: "in\n" });
    await until(async () => (await stated(build)).includes("run out"), "the end", 30_000);
    const done = login(build);
    const [question] = await build.pending();
    await build.muxguard("deny", question?.id ?? "");
    expect(await done).toMatchObject({ stdout: "" });
    await push(ALLOW);
    build.policy(OWN);
    await build.muxguard("forget", "--all");
  });

  it("revokes a host within two seconds, with its connections; and takes that back", async () => {
    const [build] = builds as [Lab];
    expect(await login(build)).toMatchObject({ stdout: "in\n" });
    const opened = await build.muxguard("open", "--control-path", build.path("m"), "alpha.example");
    expect(opened).toMatchObject({ code: 0 });
    const masters = async (): Promise<object[]> =>
      JSON.parse((await build.muxguard("status", "--json")).stdout).masters;
    expect(await masters()).toHaveLength(1);
    expect(await admin.muxguard("fleet", "revoke", "alpha.example")).toMatchObject({ code: 0 });
    await sleep(SOON);
    for (const lab of builds) {
      expect(await login(lab)).toMatchObject({ stdout: "" });
      expect(lab.log().at(-1)).toMatchObject({ by: "rule:fleet: host alpha.example is revoked" });
    }
    await until(async () => (await masters()).length === 0, "the end of the connection");
    expect(await admin.muxguard("fleet", "revoke", "--lift", "alpha.example")).toMatchObject({ code: 0 });
    await sleep(SOON);
    for (const lab of builds) expect(await login(lab)).toMatchObject({ stdout: "in\n" });
  });

  it("ends a connection to what was revoked while no daemon was there", async () => {
    const [build] = builds as [Lab];
    const opened = await build.muxguard("open", "--control-path", build.path("m"), "alpha.example");
    expect(opened).toMatchObject({ code: 0 });
    const [master] = JSON.parse((await build.muxguard("status", "--json")).stdout).masters;
    const daemon = daemons.get(build) as ChildProcess;
    daemon.kill("SIGKILL");
    await ended(daemon);
    expect(existsSync(`/proc/${master.pid}`)).toBe(true);
    expect(await admin.muxguard("fleet", "revoke", "alpha.example")).toMatchObject({ code: 0 });
    await startDaemon(build);
    await until(() => !existsSync(`/proc/${master.pid}`), "the end of the connection");
    expect(await admin.muxguard("fleet", "revoke", "--lift", "alpha.example")).toMatchObject({ code: 0 });
    await sleep(SOON);
  });

  it("revokes a key, and a machine, which then denies everything", async () => {
    const [one, two] = builds as [Lab, Lab];
    const { stdout } = await one.run("ssh-keygen", ["-lf", `${one.path("work")}.pub`]);
    await admin.muxguard("fleet", "revoke", stdout.split(" ")[1] ?? "");
    await sleep(SOON);
    expect(await login(one)).toMatchObject({ stdout: "" });
    expect(await login(two)).toMatchObject({ stdout: "in\n" });
    await admin.muxguard("fleet", "revoke", "--machine", "build2");
    await sleep(SOON);
    expect(await login(two)).toMatchObject({ stdout: "" });
    expect(two.log().at(-1)).toMatchObject({ by: "rule:fleet: machine build2 is revoked" });
    expect(await accepts(two.daemonSocket)).toBe(true);
    const { stdout: status } = await two.muxguard("status");
    expect(status).toMatch(/^fleet says .*, 2 revoked, this machine is revoked: everything is denied$/m);
    expect(await stated(one)).not.toContain("this machine");
  });

  it("takes no word more that a revoked key signs, not even that it counts again", async () => {
    const [one] = builds as [Lab];
    const { stdout } = await admin.run("ssh-keygen", ["-lf", `${fleet.path("alice")}.pub`]);
    const fingerprint = stdout.split(" ")[1] ?? "";
    expect(await admin.muxguard("fleet", "revoke", fingerprint)).toMatchObject({
      stderr: expect.stringContaining("that is the key that you sign with"),
    });
    await until(async () => (await stated(one)).endsWith("3 revoked"), "the revocation");
    const before = await stated(one);
    admin.write("fleet.toml", "");
    await admin.muxguard("fleet", "policy", "push", admin.path("fleet.toml"));
    await admin.muxguard("fleet", "revoke", "--lift", fingerprint);
    const refused = (): string[] =>
      one
        .log()
        .flatMap(({ reason }) => (reason?.includes(`${fingerprint}, which is revoked`) ? [reason] : []));
    await until(() => refused().length > 0, "the refusal");
    await sleep(SOON);
    expect(await stated(one)).toBe(before);
    // what was said before holds at the next start, too, however slowly that is verified: the bus is faster
    await endDaemon(one);
    const hurry = slowKeygen(one, 0.5);
    const told = refused().length;
    await startDaemon(one);
    hurry();
    await until(() => refused().length >= told + 2, "both refusals");
    expect(await stated(one)).toBe(before);
  });
});
