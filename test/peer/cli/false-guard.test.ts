/** A program inside of a run that listens where guards of runs do, and has questions of its own making. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd", "tmux"], "a question of a false guard with the id of a true one", () => {
  const lab = new Lab();
  const key = lab.key("work");
  let id: string;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    lab.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
    await lab.startDaemon();
  });
  beforeEach(async () => {
    const { agentSocket: SSH_AUTH_SOCK } = lab;
    lab.run("ssh-add", ["-D"], { environment: { SSH_AUTH_SOCK } }).catch(() => {});
    const [question] = await lab.pending();
    if (!question) throw new Error("no question");
    id = question.id;
    const harmless = { ...question, request: { ...question.request, operation: "unlock" }, asked: "0" };
    const caller = { ...question.caller, name: "\x1b[2Jgit", cmdline: ["\x1b]0;title\x07"] };
    const escapes = { ...harmless, id: "aaaaaa", because: "rule:\x1b[2J", caller };
    lab.script("false-guard.cjs", falseGuard({ pending: [harmless, escapes], answer: true, status }));
    const command = [process.execPath, lab.path("false-guard.cjs")];
    lab.start(process.execPath, [MUXGUARD, "run", "--", ...command], { detached: true, stdio: "ignore" });
    await until(() => existsSync(lab.path("listens")), "the false guard");
  });
  afterAll(() => lab.close());

  const status = { pid: 1, upstream: [], runs: 0, grants: 0, locked: false, pending: 2, masters: [] };
  const falseGuard = (answers: object): string => `
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
          const result = ${JSON.stringify(answers)}[method] ?? null;
          socket.write(\`\${JSON.stringify({ id, result })}\\n\`);
        }
      });
    }).listen(\`\${folder}/daemon.sock\`, () => writeFileSync("${lab.path("listens")}", ""));`;

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
