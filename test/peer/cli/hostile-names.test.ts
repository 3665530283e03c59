/** Names that whoever made a path chose: no terminal obeys anything of what a command prints. */
import { mkdirSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab, MUXGUARD, stderrOf } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const ESCAPES = "\x1b[31m\x9b2J\x07\u202e";
const NEWLINE = "a\nmuxguard: allowed";
/** What a terminal may obey, and a line that begins like one of ours. */
const OBEYED = /(?!\n)[\p{Cc}\p{Cf}]|^muxguard: allowed/mu;

describeWith(["ssh"], "what comes from a path", () => {
  const lab = new Lab();
  const hostile = lab.path(`home${ESCAPES}`);

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", lab.key("work"));
    mkdirSync(hostile);
    // the folder of a run is what its name says to whoever looks for guards
    mkdirSync(`${lab.path("runtime/muxguard")}/run-1`, { recursive: true, mode: 0o700 });
  });
  afterAll(() => lab.close());

  const commands: string[][] = [
    ["adopt", ESCAPES],
    ["adopt", NEWLINE],
    ["close", ESCAPES],
    ["close", NEWLINE],
    ["open", ESCAPES],
    ["approve", ESCAPES],
    ["deny", NEWLINE],
    ["forget", ESCAPES],
    ["log", "--since", ESCAPES],
    ["upstream", lab.path(ESCAPES)],
    ["status"],
    ["pending"],
    ["pending", "--json"],
    ["grants"],
    ["run", "--policy", ESCAPES, "--", "true"],
    ["run", "--", ESCAPES],
    ["run", "--scope", NEWLINE, "--", NEWLINE],
    [`--${ESCAPES}`],
    [NEWLINE],
  ];

  async function walk(environment: NodeJS.ProcessEnv): Promise<void> {
    for (const command of commands) {
      const { stdout, stderr } = await lab.run(process.execPath, [MUXGUARD, ...command], { environment });
      expect(stdout, command.join(" ")).not.toMatch(OBEYED);
      expect(stderr, command.join(" ")).not.toMatch(OBEYED);
    }
  }

  it("is printed as escapes by every command, without a daemon and with one", {
    timeout: 180_000,
  }, async () => {
    await walk({});
    const daemon = await lab.startDaemon();
    const said = stderrOf(daemon);
    await walk({});
    daemon.kill();
    expect(said()).not.toMatch(OBEYED);
  });

  it("is printed as escapes where the home has them in its name", { timeout: 180_000 }, async () => {
    const XDG_RUNTIME_DIR = `${hostile}/r`;
    mkdirSync(XDG_RUNTIME_DIR, { mode: 0o700 });
    const XDG_STATE_HOME = `${hostile}/s`;
    const environment = { HOME: hostile, XDG_RUNTIME_DIR, XDG_STATE_HOME };
    const daemon = lab.start(process.execPath, [MUXGUARD, "daemon", "-D"], {
      env: { ...lab.environment, ...environment },
      detached: true,
    });
    await expect.poll(() => readdirSync(XDG_RUNTIME_DIR).join(), { timeout: 20_000 }).toContain("muxguard");
    await walk(environment);
    daemon.kill();
  });
});
