/** What lives in another pid namespace: nobody can tell what has started it, so it answers nothing. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab, MUXGUARD } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const containers: [string, string[]][] = [
  ["with a pid namespace of its own", ["--pid", "--fork"]],
  ["that sees no processes but its own", ["--pid", "--fork", "--mount-proc"]],
  ["that an ordinary user starts", ["--user", "--map-current-user", "--pid", "--fork", "--mount-proc"]],
];

/** Namespaces but those of users take root, and those of users may be forbidden. */
function canStart(options: readonly string[]): boolean {
  try {
    execFileSync("unshare", [...options, "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describeWith(["ssh", "sshd"], "a container", () => {
  const lab = new Lab();
  const key = lab.key("work");

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    await lab.startDaemon();
  });
  afterAll(() => lab.close());

  for (const [what, options] of containers) {
    const isPossible = canStart(options);
    if (!isPossible) console.warn(`skipped, as this user may not start it here: a container ${what}`);

    it.skipIf(!isPossible)(
      `${what} answers and changes nothing, and that it tried is in the log`,
      async () => {
        const asking = lab.run("ssh", ["-F", lab.sshConfig, "alpha.example", "echo", "in"], {
          environment: { SSH_AUTH_SOCK: lab.agentSocket },
        });
        const [question] = await lab.pending();
        const id = question?.id ?? "";
        const { events } = await lab.logged(async () => {
          for (const command of [["approve", id], ["deny", id], ["lock"], ["forget", "--all"]]) {
            const muxguard = [process.execPath, MUXGUARD, ...command];
            const result = await lab.run("unshare", [...options, "--kill-child", ...muxguard]);
            expect(result).toMatchObject({ code: 1, stdout: "" });
            expect(result.stderr).toMatch(/^muxguard: refused: /);
          }
        });
        const attempt = { kind: "admin", decision: "deny", by: "fault:inside", caller: { container: true } };
        expect(events).toMatchObject(
          ["approve", "deny", "lock-all", "forget"].map((operation) => ({ ...attempt, operation })),
        );
        expect(await lab.pending()).toMatchObject([{ id }]);
        expect(await lab.muxguard("approve", id, "--once")).toMatchObject({ code: 0 });
        expect(await asking).toMatchObject({ code: 0, stdout: "in\n" });
      },
    );
  }
});
