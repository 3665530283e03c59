/** The commands that the README begins with, as they are printed, with servers and programs of a laboratory. */
import type { ChildProcess } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ended, MUXGUARD, type Result, until } from "../../../lab/lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { endOf } from "../../../lab/processes.ts";
import { ASKPASS } from "../../../lab/programs.ts";
import { blockWith } from "../../docs/documents.ts";
import { describeWith } from "../tools.ts";
import { HOST, openWithRepository } from "./repository.ts";

const lines = blockWith("muxguard run -- git push")
  .split("\n")
  .map((line) => line.replace(/\s+#.*$/, ""));

/** The line that begins so. @throws Error if there is none */
function line(start: string): string {
  const found = lines.find((one) => one.startsWith(start));
  if (found === undefined) throw new Error(`the README has no line ${start}`);
  tried.add(found);
  return found;
}

const tried = new Set<string>();

describeWith(["ssh", "sshd", "git"], "a command of the README", () => {
  const lab = new OpenLab({ hasDaemon: false });
  beforeAll(async () => {
    lab.policy('default = "allow"\n');
    await openWithRepository(lab);
    lab.host("prod-db", [`ControlPath ${lab.sockets}/%n`]);
    await lab.startServer("prod-db", lab.path("me@laptop"));
    lab.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
    lab.script("muxguard-askpass", `#!/bin/sh\nexec '${process.execPath}' '${ASKPASS}' "$@"\n`);
    lab.script("claude", `#!/bin/sh\nexec ssh -F '${lab.sshConfig}' ${HOST} 'echo in'\n`);
    const outside = `[ -e '${lab.path("upstream.sock")}' ] && ls /proc/${process.pid} >/dev/null 2>&1`;
    const deploy = "[ \"$1\" = deploy ] && exec ssh prod-db 'echo deployed'";
    lab.script("make", `#!/bin/sh\n${deploy}\n${outside} && echo outside || echo confined\n`);
    lab.environment.PATH = `${lab.folder}:${lab.environment.PATH}`;
  });
  afterAll(async () => {
    await lab.shell(
      "muxguard close prod-db; kill $(muxguard status | sed -n 's/.*pid \\([0-9]*\\).*/\\1/p')",
    );
    await lab.close();
  });

  it("proposes a set-up, which is tried whole in test/peer/setup", async () => {
    const init = line("muxguard init");
    const shown = await lab.shell(`HOME='${lab.folder}' SHELL=/bin/bash ${init} --dry-run`);
    expect(shown, shown.stderr).toMatchObject({ code: 0 });
    expect(shown.stdout).toMatch(/^new file \S*\.bashrc: [\s\S]*nothing was changed$/m);
    expect(await lab.shell(init)).toMatchObject({ code: 64 }); // there is no terminal to ask on
  });

  it("guards one command", async () => {
    const { result, events } = await lab.logged(() =>
      lab.shell(`cd work && git branch -q --set-upstream-to=origin/main 2>/dev/null
        git config push.default current; ${line("muxguard run -- git push")} && git -C ../store.git log --format=%s`),
    );
    expect(result, result.stderr).toMatchObject({ code: 0, stdout: "first\n" });
    expect(events).toMatchObject([{ kind: "sign", host: HOST, caller: { scope: "git" } }]);
  });

  it("guards a program with a scope of its own", async () => {
    const { result, events } = await lab.logged(() => lab.shell(line("muxguard run --scope claude")));
    expect(result, result.stderr).toMatchObject({ code: 0, stdout: "in\n" });
    expect(events).toMatchObject([{ kind: "sign", caller: { scope: "claude" } }]);
  });

  it("lets a program ride", async () => {
    const { result, events } = await lab.logged(() => lab.shell(line("muxguard run --ride")));
    expect(result, result.stderr).toMatchObject({ code: 0, stdout: "deployed\n" });
    expect(events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["connect", "session"]));
  });

  it("confines a program", async () => {
    const command = line("muxguard run --confine");
    expect(await lab.shell(command.slice(command.indexOf("make")))).toMatchObject({ stdout: "outside\n" });
    expect(await lab.shell(command)).toMatchObject({ code: 0, stdout: "confined\n" });
  });

  it("starts a daemon, and leads the login session to it", async () => {
    const { result, events } = await lab.logged(() =>
      lab.shell(`${line("muxguard daemon")}; $ssh ${HOST} 'echo in'; muxguard status; echo $SSH_AUTH_SOCK`),
    );
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(result.stdout).toMatch(/^in\n[\s\S]*pid \d+/);
    expect(result.stdout).toContain(`\n${lab.agentSocket}\n`);
    expect(events).toMatchObject([{ kind: "sign", host: HOST }]);
  });

  it("opens a connection, on which plain ssh rides", async () => {
    const { result, events } = await lab.logged(() =>
      lab.shell(`${line("muxguard open prod-db")} >&2 && $ssh prod-db 'echo in'`),
    );
    expect(result, result.stderr).toMatchObject({ code: 0, stdout: "in\n" });
    expect(events.at(-1)).toMatchObject({ kind: "session", host: "prod-db", command: "echo in" });
  });

  it("makes muxguard the program that ssh-add -c asks", async () => {
    const agent = lab.path("asking.sock");
    const asking = `${line("export SSH_ASKPASS")}; export SSH_ASKPASS_REQUIRE=force; exec ssh-agent -D -a ${agent}`;
    const child: ChildProcess = lab.start("/bin/sh", ["-c", asking], { stdio: "ignore" });
    await until(async () => (await addKey(agent)).code === 0, "the agent");
    const { result, events } = await lab.logged(() =>
      lab.ssh("-oIdentityAgent=".concat(agent), HOST, "echo in"),
    );
    expect(result, result.stderr).toMatchObject({ stdout: "in\n" });
    expect(events).toMatchObject([{ kind: "confirm", decision: "allow" }]);
    await endOf(child);
  });

  const addKey = (agent: string): Promise<Result> =>
    lab.run("ssh-add", ["-c", lab.path("me@laptop")], { environment: { SSH_AUTH_SOCK: agent } });

  it("follows the log", async () => {
    const child = lab.start("/bin/sh", ["-c", `exec ${line("muxguard log --follow")}`], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let told = "";
    child.stdout?.on("data", (text) => {
      told += text;
    });
    await until(() => told.includes("make"), "what was decided before");
    await lab.shell("muxguard run --scope followed -- $ssh prod-db true");
    await until(() => told.includes("followed"), "what came later");
    child.kill("SIGINT");
    await ended(child);
  });

  it("is one of these: each line of the block was tried", () => {
    expect([...tried].sort()).toEqual([...lines].sort());
  });
});
