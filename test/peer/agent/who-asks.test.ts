/** A program is the file that runs: whoever chooses the text of its path gains nothing that a rule allows. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, realpathSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const perl = realpathSync(execFileSync("perl", ["-e", "print $^X"], { encoding: "utf8" }));
const git = realpathSync(
  execFileSync("/bin/sh", ["-c", "command -v git || command -v true"], { encoding: "utf8" }).trim(),
);

/** Namespaces of users may be forbidden. */
const APART = "unshare --user --map-root-user --mount";
const canMount = (() => {
  try {
    execFileSync("/bin/sh", ["-c", `${APART} true`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();
if (!canMount) console.warn("skipped, as there are no user namespaces: programs in mount namespaces");

describeWith(["ssh", "sshd", "git"], "a rule that allows what one program asks for", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const other = lab.path("other");
  /** A program, in perl, that does nothing but start ssh. */
  const asks = `system(qw(ssh -F ${lab.sshConfig} alpha.example echo in))`;

  beforeAll(async () => {
    copyFileSync(perl, other);
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    lab.policy(`
      default = "deny"

      [[rule]]
      name   = "only git"
      caller = "${git}"
      action = "allow"`);
    await lab.startDaemon();
    lab.environment.SSH_AUTH_SOCK = lab.agentSocket;
  });
  afterAll(() => lab.close());

  it("is passed neither by another program nor by its name", async () => {
    expect((await lab.run(other, ["-e", asks])).stdout).toBe("");
  });

  it.skipIf(!canMount)(
    "is not passed by another program that is mounted at its path, where only it sees that",
    async () => {
      const mounted = `mount --bind '${other}' '${git}' && exec '${git}' -e "$1"`;
      const { result, events } = await lab.logged(() =>
        lab.run("/bin/sh", [
          "-c",
          `exec ${APART} sh -c '${mounted.replaceAll("'", "'\\''")}' sh "$1"`,
          "sh",
          asks,
        ]),
      );
      expect(result.stdout).toBe("");
      expect(events).toMatchObject([{ decision: "deny", by: "default", caller: { container: true } }]);
      expect(events[0]?.caller?.ancestors).toContain(`${git} (claimed)`);
    },
  );

  it.skipIf(!canMount)(
    "nor from outside of that namespace, through the mount that is only there",
    async () => {
      // what runs is in the guard's own namespace, and the kernel writes a path that leads elsewhere
      const script = `
        ${APART} sh -c 'mount --bind "${other}" "${git}" && echo > "$1"; exec sleep 100' sh "$1" > /dev/null 2>&1 &
        export apart=$!
        until [ -e "$1" ]; do :; done
        exec /proc/$apart/root${git} -e "$2; kill 9, \\$ENV{apart}"`;
      const { result, events } = await lab.logged(() =>
        lab.run("/bin/sh", ["-c", script, "sh", lab.path("ready"), asks]),
      );
      expect(result.stdout).toBe("");
      expect(events).toMatchObject([{ decision: "deny", by: "default", caller: { container: false } }]);
      expect(events[0]?.caller?.ancestors).toContain(`${git} (deleted)`);
    },
  );
});

describeWith(["ssh", "sshd"], "a rule on a line of programs", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const tool = lab.path("tool");
  const asks = `system(qw(ssh -F ${lab.sshConfig} alpha.example echo in))`;

  beforeAll(async () => {
    mkdirSync(lab.path("d"));
    for (const path of [tool, lab.path("d/sh")]) copyFileSync(perl, path);
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    const ssh = execFileSync("/bin/sh", ["-c", 'realpath "$(command -v ssh)"'], { encoding: "utf8" }).trim();
    lab.policy(
      `default = "deny"\n[[rule]]\nprograms = ["${ssh}", "${tool}"]\nscope = "r"\naction = "allow"\n`,
    );
    await lab.startDaemon();
  });
  afterAll(() => lab.close());

  const run = (script: string) => lab.muxguard("run", "--scope", "r", "--", tool, "-e", script);

  it("covers what they start through a shell of the system's", async () => {
    expect(
      (await run(`system("/bin/sh", "-c", "ssh -F ${lab.sshConfig} alpha.example echo in; :")`)).stdout,
    ).toBe("in\n");
  });

  it("does not cover a program that lies in a file called sh", async () => {
    expect((await run(asks)).stdout).toBe("in\n");
    // by its words a shell at its prompt: perl reads its script from stdin
    const posing = `open(my $in, "|-") || exec { "${lab.path("d/sh")}" } "sh"; print $in q{${asks}}; close $in`;
    const { result, events } = await lab.logged(() => run(posing));
    expect(events[0]?.caller?.ancestors).toContain(lab.path("d/sh"));
    expect(result.stdout).toBe("");
    expect(events).toMatchObject([{ decision: "deny", by: "default" }]);
  });
});
