/** A host that a rule denies, under each name and address by which ssh reaches it. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab, type Server } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const DENY = '[[rule]]\nname = "no web1"\nhost = "web1"\naction = "deny"\n[[rule]]\naction = "allow"\n';

describeWith(["ssh", "sshd"], "a rule that denies a host by one of its names", () => {
  const lab = new Lab();
  const key = lab.key("me@laptop");
  let server: Server;
  let port: string;
  let plain: string;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    server = await lab.startServer("unused.example", key, { known: "no" });
    port = `${server.port}`;
    plain = `[127.0.0.1]:${port} ${server.hostKey}\n`;
    // before what is said of all hosts
    const aliases = `Host web1 git.lab\n  HostName 127.0.0.1\n  Port ${port}\nHost pool-*\n  HostName 127.0.0.1\n`;
    writeFileSync(lab.sshConfig, `${aliases}${readFileSync(lab.sshConfig, "utf8")}`);
    lab.policy(DENY);
  });
  afterAll(() => lab.close());

  const hashed = (): string => {
    const file = lab.path("to-be-hashed");
    writeFileSync(file, plain);
    execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" });
    return readFileSync(file, "utf8");
  };
  const files: [string, () => string][] = [
    ["plain", () => plain],
    ["hashed", hashed],
    ["with a pattern", () => `[127.0.0.*]:${port} ${server.hostKey}\n`],
    ["under another name, too", () => `${plain}old-name ${server.hostKey}\n`],
  ];
  const spellings: [string, () => string[]][] = [
    ["the alias itself", () => ["web1"]],
    ["another alias", () => ["git.lab"]],
    ["the address", () => ["-p", port, "127.0.0.1"]],
    ["an address that ssh writes otherwise", () => ["-p", port, "127.1"]],
    ["a URI", () => [`ssh://127.0.0.1:${port}`]],
    ["another name with a HostKeyAlias", () => ["-p", port, "-o", "HostKeyAlias=127.0.0.1", "localhost"]],
    ["upper case", () => ["-p", port, "-o", "HostName=127.0.0.1", "WEB1"]],
    ["a dot at the end", () => ["-p", port, "-o", "HostName=127.0.0.1", "web1."]],
    ["what fits a pattern", () => ["-p", port, "pool-7"]],
    ["a name that was thought up", () => ["-p", port, "-o", "HostName=127.0.0.1", "harmless"]],
  ];

  for (const [known, lines] of files)
    it.each(spellings)(`holds for %s, known_hosts ${known}`, async (_, words) => {
      writeFileSync(lab.knownHosts, lines());
      const options = ["-o", "StrictHostKeyChecking=no", "-o", "ControlMaster=no"];
      const { result, events } = await lab.logged(() => lab.guardedSsh(...options, ...words(), "echo in"));
      expect(result.stdout).toBe("");
      expect(events).not.toMatchObject([{ decision: "allow" }]);
      expect(events[0]).toMatchObject({ decision: "deny", by: "rule:no web1", verified: true });
    });

  it("is asked about where ssh_config leaves open whether it is that host", async () => {
    writeFileSync(lab.knownHosts, plain);
    const config = readFileSync(lab.sshConfig, "utf8");
    const condition = `Match originalhost web1 exec "test -e ${lab.path("vpn")}"\n  HostName 10.9.9.9\n`;
    writeFileSync(lab.sshConfig, `${condition}${config}`);
    const { result, events } = await lab.logged(() => lab.guardedSsh("-p", port, "127.0.0.1", "echo in"));
    writeFileSync(lab.sshConfig, config);
    expect(result.stdout).toBe("");
    expect(events).toMatchObject([{ decision: "deny", by: "fault:approver", verified: true }]);
    expect(result.stderr).toContain('this could be web1, which rule "no web1" denies');
  });

  it("shows the alias first, with what it stands for", async () => {
    writeFileSync(lab.knownHosts, plain);
    const { stderr } = await lab.guardedSsh("-p", port, "127.0.0.1", "true");
    expect(stderr).toContain(`log in to web1 (127.0.0.1 port ${port}) with`);
  });
});
