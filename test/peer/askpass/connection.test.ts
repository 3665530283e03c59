/**
 * What ssh itself asks through muxguard-askpass: `ControlMaster autoask`, and whether a host key is right.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { AskpassLab } from "../../../lab/askpass-lab.ts";
import { type Result, until } from "../../../lab/lab.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { describeWith } from "../tools.ts";

const HOST = "prod.example";

const allow = (fields: string): string =>
  `default = "deny"\n[[rule]]\nname = "yes"\n${fields}\naction = "allow"\n`;

describeWith(["ssh", "sshd"], "a master that asks, with ControlMaster autoask", () => {
  const lab = new AskpassLab();
  const ssh = (...args: string[]): Promise<Result> => lab.run("ssh", ["-F", lab.sshConfig, ...args]);
  beforeAll(async () => {
    const key = lab.key("work");
    await lab.startAgent("upstream.sock", key);
    lab.host(HOST, [`ControlPath ${lab.path("%n.mux")}`, "ControlMaster autoask", "ControlPersist yes"]);
    await lab.startServer(HOST, key, { config: ["AllowStreamLocalForwarding yes"] });
  });
  afterAll(async () => {
    lab.policy('default = "allow"\n');
    await ssh("-O", "exit", HOST);
    await lab.close();
  });
  beforeEach(async () => {
    lab.policy(""); // the first login makes the master, and asks nothing
    if ((await ssh("-O", "check", HOST)).code !== 0) await ssh(HOST, "true");
  });

  it.each<[string, string[], string, object]>([
    ["a session", [HOST, "echo in"], "share", { claimed: "127.0.0.1" }],
    [
      "a forward",
      ["-O", "forward", "-L", "/tmp/muxguard-none:/run/none", HOST],
      "forward",
      { forward: { kind: "local", listen: "/tmp/muxguard-none", connect: "/run/none" } },
    ],
    ["-D", ["-O", "forward", "-D", "127.0.0.1:39517", HOST], "forward", { forward: { kind: "dynamic" } }],
    [
      "-R",
      ["-O", "forward", "-R", "0:db.internal:5432", HOST],
      "forward",
      { forward: { kind: "remote", listen: "localhost:0", connect: "db.internal:5432" } },
    ],
    ["-W", ["-W", "localhost:1", HOST], "forward", { forward: { kind: "stdio", connect: "localhost:1" } }],
    ["-O proxy", ["-O", "proxy", HOST], "proxy", {}],
    ["-O stop", ["-O", "stop", HOST], "stop", { claimed: "127.0.0.1" }],
    ["-O exit", ["-O", "exit", HOST], "exit", { claimed: "127.0.0.1" }],
  ])("has %s decided by policy", async (_, args, operation, facts) => {
    for (const [policy, decision] of [
      ['default = "deny"\n', "deny"],
      [allow(`operation = ["${operation}"]`), "allow"],
    ] as const) {
      lab.policy(policy);
      const { events } = await lab.logged(() => ssh("-o", "BatchMode=yes", ...args));
      expect(events.slice(0, 1)).toMatchObject([{ kind: "confirm", operation, decision, ...facts }]);
      expect(events[0]?.caller?.exe).toMatch(/\/ssh$/);
    }
  });

  it("opens what a rule allows by the host that ssh names, though nobody has proved it", async () => {
    lab.policy(allow('host = "127.0.0.1"'));
    expect((await lab.logged(() => ssh(HOST, "true"))).events[0]).toMatchObject({ decision: "deny" });
    lab.policy(allow('host = "127.0.0.1"\nverified = false'));
    expect(await ssh(HOST, "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
  });
});

describeWith(["ssh", "sshd", "python"], "a host key that is new", () => {
  const lab = new AskpassLab();
  const args = (): string[] => [
    "-F",
    lab.sshConfig,
    "-o",
    "StrictHostKeyChecking=ask",
    "new.example",
    "echo in",
  ];
  beforeAll(async () => {
    const key = lab.key("work");
    await lab.startAgent("upstream.sock", key);
    // the first value counts
    lab.host("new.example", [
      "BatchMode no",
      "StrictHostKeyChecking ask",
      `UserKnownHostsFile ${lab.path("new_hosts")}`,
    ]);
    await lab.startServer("new.example", key, { known: "no" });
  });
  afterAll(() => lab.close());

  it("is refused even where everything is allowed, if nobody can be asked", async () => {
    lab.policy('default = "allow"\n');
    const { result, events } = await lab.logged(() => lab.run("ssh", args()));
    expect(result.code).toBe(255);
    expect(events).toMatchObject([{ operation: "trust-host-key", decision: "deny", by: "fault:approver" }]);
    expect(events[0]).toMatchObject({ claimed: "new.example", verified: false });
    expect(events[0]?.hostKey).toMatch(/^SHA256:/);
  });

  it("is trusted when the user says so on the terminal of ssh, and not remembered by us", async () => {
    const terminal = new Pty(lab, "ssh", ...args());
    await terminal.shows('ssh: trust the host key that it was given by "new.example"?');
    await terminal.shows("allow once");
    expect(terminal.text).not.toContain("allow for");
    await until(() => {
      terminal.type("\x1b[B\r"); // keys of the first second don't count
      return terminal.text.includes("muxguard: allowed once");
    }, "the answer");
    expect(await terminal.end()).toBe(0);
    expect(readFileSync(lab.path("new_hosts"), "utf8")).toContain("new.example ");
  });
});
