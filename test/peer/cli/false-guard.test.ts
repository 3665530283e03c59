/** A program inside of a run that listens where guards of runs do, and has questions of its own making. */
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import type { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { describeWith } from "../tools.ts";

const status = { pid: 1, upstream: [], runs: 0, grants: 0, locked: false, pending: 2, masters: [] };

/** A program for node that listens where the guard of a run does. @param answers by the names of requests */
function falseGuard(lab: Lab, answers: object): string {
  return `
    const { createServer } = require("node:net");
    const { mkdirSync, writeFileSync } = require("node:fs");
    const folder = \`${lab.path("runtime/muxguard")}/run-\${process.pid}\`;
    process.title = "muxguard run";
    mkdirSync(folder);
    createServer((socket) => {
      let received = "";
      socket.on("error", () => {}).on("data", (data) => {
        received += data;
        const lines = received.split("\\n");
        received = lines.pop();
        for (const { id, method } of lines.map((line) => JSON.parse(line))) {
          const answer = ${JSON.stringify(answers)}[method] ?? { result: null };
          socket.write(\`\${JSON.stringify({ id, ...answer })}\\n\`);
        }
      });
    }).listen(\`\${folder}/daemon.sock\`, () => writeFileSync("${lab.path("listens")}", \`\${process.pid}\`));`;
}

describeWith(["ssh", "tmux"], "a question of a false guard with the id of a true one", () => {
  let lab: Lab;
  let id: string;

  beforeEach(async () => {
    lab = new Lab();
    await lab.startAgent("upstream.sock", lab.key("work"));
    lab.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
    await lab.startDaemon();
    const { agentSocket: SSH_AUTH_SOCK } = lab;
    lab.run("ssh-add", ["-D"], { environment: { SSH_AUTH_SOCK } }).catch(() => {});
    const [question] = await lab.pending();
    if (!question) throw new Error("no question");
    id = question.id;
    const harmless = { ...question, request: { ...question.request, operation: "unlock" }, asked: "0" };
    const caller = { ...question.caller, name: "\x1b[2Jgit", cmdline: ["\x1b]0;title\x07"] };
    const escapes = { ...harmless, id: "aaaaaa", because: "rule:\x1b[2J", caller };
    lab.script(
      "false-guard.cjs",
      falseGuard(lab, {
        pending: { result: [harmless, escapes] },
        answer: { result: true },
        status: { result: status },
      }),
    );
    const command = [process.execPath, lab.path("false-guard.cjs")];
    lab.start(process.execPath, [MUXGUARD, "run", "--", ...command], { detached: true, stdio: "ignore" });
    await until(() => existsSync(lab.path("listens")), "the false guard");
  });
  afterEach(() => lab.close());

  it("is not shown, and stands in nobody's way", async () => {
    const env = { ...lab.environment, PATH: `${lab.folder}:${process.env.PATH}` };
    const terminal = new Terminal(env, lab.folder, undefined, 200, 40);
    terminal.enter("muxguard watch 2> /dev/null");
    await terminal.shows(`❯ ${id}`);
    await terminal.shows("remove all keys from the agent");
    terminal.press("q");
    terminal.close();
    const { stdout, stderr } = await lab.muxguard("pending");
    expect(stdout).not.toContain("unlock the agent");
    for (const control of ["\x1b", "\x07"]) expect(stdout + stderr).not.toContain(control);
    expect(stderr).toMatch(
      /^muxguard: \S+\/run-\d+\/daemon\.sock is passed over: what listens there \(pid \d+\) is no guard of yours\n$/,
    );
    expect(await lab.muxguard("deny", id)).toMatchObject({ code: 0 });
    await until(() => lab.log().length > 0, "the entry");
    expect(lab.log()).toMatchObject([{ id, decision: "deny", by: "approver:queue" }]);
    expect(await lab.muxguard("lock")).toMatchObject({ code: 0 });
  });
});

describeWith(["ssh"], "a program inside of a run that poses as the daemon", () => {
  const lab = new Lab();
  afterAll(() => lab.close());

  it("is passed over", async () => {
    const listen = `require("node:net").createServer().listen(${JSON.stringify(lab.daemonSocket)}, () => console.log("listens")); setTimeout(() => {}, 60_000)`;
    const run = lab.start(process.execPath, [MUXGUARD, "run", "--", process.execPath, "-e", listen], {
      detached: true,
    });
    await once(run.stdout as Readable, "data");
    const passedOver = expect.stringContaining("is no guard of yours");
    expect(await lab.muxguard("status")).toMatchObject({ code: 3, stderr: passedOver });
    expect(await lab.muxguard("run", "--", "true")).toMatchObject({ code: 0, stderr: passedOver });
  });
});

/** It is in no run, and called as what holds one: nothing tells it from a guard. */
describeWith(["ssh"], "a program outside of runs that poses as a guard", () => {
  const lab = new Lab();
  const ESCAPES = "\x1b[2J\x9b2J\x07\u202e\r";
  const process_ = { pid: 9, startTime: "1", exe: ESCAPES, name: ESCAPES, cmdline: [ESCAPES] };
  const question = {
    id: "aaaaaa",
    request: {
      kind: "session",
      destination: { names: [ESCAPES], verified: false, how: ESCAPES, claimed: ESCAPES },
      user: ESCAPES,
      key: { type: ESCAPES, fingerprint: "SHA256:x", comment: ESCAPES },
      command: ESCAPES,
      environment: [ESCAPES],
      path: [{ names: [ESCAPES], hostKey: "SHA256:x" }],
      forwarded: true,
    },
    caller: {
      ...process_,
      cwd: ESCAPES,
      tty: ESCAPES,
      session: "1",
      ancestors: [process_],
      container: false,
      run: { name: ESCAPES, pid: 9 },
    },
    because: `rule:${ESCAPES}`,
    count: 1,
    choices: ["once", "always"],
    yes: "once",
    rule: [ESCAPES],
    asked: new Date().toISOString(),
    timeout: 600_000,
  };
  let posing: number | undefined;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", lab.key("work"));
    await lab.startDaemon();
    const { agentSocket: SSH_AUTH_SOCK } = lab;
    lab.run("ssh-add", ["-D"], { environment: { SSH_AUTH_SOCK } }).catch(() => {});
    await lab.pending();
  });
  afterEach(() => {
    if (posing !== undefined) process.kill(posing);
    posing = undefined;
  });
  afterAll(() => lab.close());

  /** @param start turns a command into what starts it */
  async function pose(answers: object, start = (command: string) => command): Promise<void> {
    const listens = lab.path("listens");
    rmSync(listens, { force: true });
    lab.script("false-guard.cjs", falseGuard(lab, answers));
    const command = start(`exec '${process.execPath}' '${lab.path("false-guard.cjs")}'`);
    lab.start("/bin/sh", ["-c", command], { stdio: "ignore" });
    await until(() => existsSync(listens) && readFileSync(listens, "utf8") !== "", "the false guard");
    posing = Number(readFileSync(listens, "utf8"));
  }

  it.each<[string, object, RegExp]>([
    ["questions full of escapes", { result: [question] }, /aaaaaa {2}/],
    ["an id that is an escape", { result: [{ ...question, id: `a${ESCAPES}` }] }, /is not understood/],
    [
      "a pid that is an escape",
      { result: [{ ...question, caller: { ...question.caller, pid: ESCAPES } }] },
      /is not understood/,
    ],
    ["no message", { error: ESCAPES }, /is cut off/],
  ])(
    "gets nothing onto the terminal that it obeys, and hides no true question: %s",
    async (_, answer, shown) => {
      await pose({ pending: answer });
      const { code, stdout, stderr } = await lab.muxguard("pending");
      expect(code).toBe(0);
      expect(stdout + stderr).toMatch(shown);
      expect(stdout).toContain("remove all keys from the agent");
      for (const control of ESCAPES.match(/[^2J[]/g) ?? []) expect(stdout + stderr).not.toContain(control);
    },
  );

  it("refuses in words that no terminal obeys, and stands in nobody's way", async () => {
    await pose({ pending: { error: { code: 1, message: `no${ESCAPES}` } } });
    const { code, stdout, stderr } = await lab.muxguard("pending");
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: "muxguard: no\\x1b[2J\\u{9b}2J\\x07\\u{202e}\\x0d\n",
    });
    expect(stdout).toContain("remove all keys from the agent");
  });

  it("is not believed where it was started in a run, and has killed what held that", async () => {
    const inRun = (command: string): string =>
      `exec '${process.execPath}' '${MUXGUARD}' run -- /bin/sh -c "kill -9 \\$PPID; ${command}"`;
    await pose({ pending: { result: [question] } }, inRun);
    const { stdout, stderr } = await lab.muxguard("pending");
    expect(stdout).not.toContain("aaaaaa");
    expect(stdout).toContain("remove all keys from the agent");
    expect(stderr).toMatch(/is no guard of yours\n$/);
  });
});
