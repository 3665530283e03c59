/**
 * A deployment on 20 hosts, one after the other: how often it asks, and that the first line of each question says
 * where to. Those that come together are one question: test/peer/cli/gathering.test.ts.
 */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";
import { documented } from "../../support/usual-questions.ts";
import { describeWith, PYTHON } from "../tools.ts";

const user = userInfo().username;
const hosts = Array.from({ length: 20 }, (_, at) => `web${at + 1}`);

describeWith(["ssh", "sshd", "python"], "a deployment on 20 hosts", () => {
  const lab = new Lab();

  beforeAll(async () => {
    const key = lab.key("me@laptop");
    await lab.startAgent("upstream.sock", key);
    const config = [`SetEnv HOME=${lab.folder}`]; // without anybody's start-up files
    await Promise.all(hosts.map((host) => lab.startServer(host, key, { config })));
    const person = `#!/bin/sh\ncat >> ${lab.path("asked")}; echo >> ${lab.path("asked")}\necho '{"decision": "allow"}'\n`;
    lab.config(`approvers = ["command"]\ncommand = "${lab.script("person", person)}"\n`);
    await lab.startDaemon();
  });
  afterAll(() => lab.close());

  const asked = (): { title: string; brief: string[] }[] =>
    readFileSync(lab.path("asked"), "utf8")
      .split("\n")
      .flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));

  it("asks about each by its name", async () => {
    const ssh = `["ssh", "-n", "-F", "${lab.sshConfig}", f"web{n}", f"echo web{n}"]`;
    const text = `import subprocess\nfor n in range(1, 21): subprocess.run(${ssh}, check=True)\n`;
    const environment = { SSH_AUTH_SOCK: lab.agentSocket };
    const { stdout } = await lab.run(PYTHON, [lab.script("deploy.py", text)], { environment });
    expect(stdout.trim().split("\n")).toEqual(hosts);
    const [, said = ""] = documented("a deployment, one host after the other");
    for (const [at, { title, brief }] of asked().entries()) {
      expect(title).toMatch(new RegExp(`^python3\\S* "deploy.py" → ${hosts[at]} as ${user}\\?$`));
      expect(brief[0]).toBe(said);
    }
    expect(asked()).toHaveLength(hosts.length);
  });
});
