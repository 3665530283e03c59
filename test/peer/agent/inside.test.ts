/** What is inside of a run, and comes to the socket of those who are in none. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab, until } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "a program inside of a run that is denied everything", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const run = ["run", "--scope", "agent", "--"];
  const attempt = `SSH_AUTH_SOCK=${lab.agentSocket} ssh -F ${lab.sshConfig} alpha.example echo in; echo ended`;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    lab.policy(`
      [[rule]]
      name   = "no agents"
      scope  = "agent"
      action = "deny"

      [[rule]]
      name   = "outside of runs"
      scope  = ""
      action = "allow"`);
    await lab.startDaemon();
  });
  afterAll(() => lab.close());

  it("gets nothing at the login session's socket either: its run decides", async () => {
    const { result, events } = await lab.logged(() => lab.muxguard(...run, "sh", "-c", attempt));
    expect(result.stdout).toBe("ended\n");
    expect(events).toMatchObject([{ decision: "deny", by: "rule:no agents" }]);
  });

  it("gets nothing where its line of ancestors is too long to show the run", async () => {
    const deep = lab.script(
      "deep",
      `#!/bin/sh\nif [ "$1" -gt 0 ]; then "$0" $(($1 - 1)); else ${attempt}; fi; :\n`,
    );
    const { result, events } = await lab.logged(() => lab.muxguard(...run, deep, "70"));
    expect(result.stdout).toBe("ended\n");
    expect(events).toMatchObject([
      { decision: "deny", reason: expect.stringContaining("inside of a muxguard") },
    ]);
  });

  it("gets nothing after it has killed the process that held it", async () => {
    const out = lab.path("out");
    const later = lab.script("later", `#!/bin/sh\nwhile kill -0 $1; do :; done; { ${attempt}; } > ${out}\n`);
    const { events } = await lab.logged(async () => {
      await lab.muxguard(...run, "sh", "-c", `setsid ${later} $PPID & kill -9 $PPID`);
      await until(() => existsSync(out) && readFileSync(out, "utf8").endsWith("ended\n"), "its end");
    });
    expect(readFileSync(out, "utf8")).toBe("ended\n");
    expect(events).toMatchObject([
      { decision: "deny", reason: expect.stringContaining("inside of a muxguard") },
    ]);
  });
});
