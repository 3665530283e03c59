/** bin/muxguard-env: what `muxguard env` prints, without Node where the daemon listens. */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { ended, Lab, MUXGUARD, type Result } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const ENV = join(dirname(MUXGUARD), "muxguard-env");

describeWith(["ssh"], "muxguard-env", () => {
  const lab = new Lab();
  /** Where Node is not: what needs it, fails. */
  const withoutNode = { PATH: lab.path("bin") };

  beforeAll(async () => {
    mkdirSync(lab.path("bin"));
    for (const name of ["grep", "ls", "id", "env", "sh"])
      await lab.run("/bin/sh", ["-c", `ln -s "$(command -v ${name})" '${lab.path("bin")}/'`]);
    await lab.startAgent("upstream.sock", lab.key("work"));
  });
  afterAll(() => lab.close());

  const program = (words: string[], environment: NodeJS.ProcessEnv = {}): Promise<Result> =>
    lab.run(ENV, words, { environment: { SHELL: "/bin/sh", ...environment } });
  const node = (words: string[], environment: NodeJS.ProcessEnv = {}): Promise<Result> =>
    lab.run(process.execPath, [MUXGUARD, "env", ...words], {
      environment: { SHELL: "/bin/sh", ...environment },
    });

  describeWith(["ssh", "csh", "fish"], "beside a daemon", () => {
    beforeAll(async () => {
      const daemon = await lab.startDaemon();
      return async () => {
        daemon.kill("SIGTERM");
        await ended(daemon);
      };
    });
    afterEach(() => chmodSync(lab.path("runtime/muxguard"), 0o700));

    it.each([
      [[], {}],
      [[], { SHELL: "/usr/bin/fish" }],
      [[], { SHELL: "/bin/tcsh" }],
      [[], { SHELL: "/bin/zsh" }],
      [["-s"], { SHELL: "/usr/bin/fish" }],
      [["-c"], {}],
      [["--fish"], {}],
      [["--shell", "fish"], {}],
      [["--shell=/bin/csh", "-q"], {}],
      [["-q"], {}],
    ] as [string[], NodeJS.ProcessEnv][])(
      "prints what muxguard env prints, without Node: %j %j",
      async (words, more) => {
        const fast = await program(words, { ...more, ...withoutNode });
        expect(fast).toMatchObject({ code: 0, stderr: "" });
        expect(fast.stdout).toContain(lab.agentSocket);
        expect(fast.stdout).toBe((await node(words, more)).stdout);
      },
    );

    it.each([
      ["bash", `eval "$(${ENV})"`],
      ["dash", `eval "$(${ENV})"`],
      ["csh", `eval \`${ENV} -c\``],
      ["fish", `eval (${ENV} --shell fish)`],
    ])("changes nothing when it is evaluated again: %s", async (shell, line) => {
      const show = "printenv SSH_AUTH_SOCK; env | sort | grep -v '^_=' | cksum";
      const flags = shell === "csh" ? ["-f", "-c"] : ["-c"];
      const { code, stdout, stderr } = await lab.run(shell, [...flags, `${line}; ${show}; ${line}; ${show}`]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const [socket, sum, ...again] = stdout.trim().split("\n");
      expect(socket).toBe(lab.agentSocket);
      expect(again).toEqual([socket, sum]);
    });

    it("says nothing inside of a run, whose agent stays", async () => {
      const line = `before=$SSH_AUTH_SOCK; eval "$('${ENV}')"; eval "$('${process.execPath}' '${MUXGUARD}' env)"; `;
      const { code, stderr } = await lab.muxguard(
        "run",
        "--",
        "/bin/sh",
        "-c",
        `${line}[ "$SSH_AUTH_SOCK" = "$before" ]`,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    });

    it("leaves what is unusual to Node: a folder that others may enter, which it refuses", async () => {
      chmodSync(lab.path("runtime/muxguard"), 0o755);
      expect(await program([])).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringContaining("is open to others"),
      });
      expect((await program(["--nonsense"])).code).toBe(64);
    });
  });

  it("says what is wrong where no daemon runs, be it that the socket's file is still there", async () => {
    const child = await lab.startDaemon();
    child.kill("SIGKILL");
    await ended(child);
    for (const run of [program, node]) {
      expect(await run([])).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringContaining("no daemon runs"),
      });
      expect(await run(["--quiet"])).toMatchObject({ code: 1, stdout: "", stderr: "" });
    }
    rmSync(lab.agentSocket);
  });
});
