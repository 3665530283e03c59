/**
 * Signing in a ride: git's commits and tags, by the rules on signatures, and nothing else of what an agent can
 * do.
 */
import { writeFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { opened, QUEUE } from "../opened.ts";
import { describeWith } from "../tools.ts";
import { GIT, prepareSigning } from "./signing-lab.ts";

const RULES = `default = "deny"
[[rule]]
name = "no releases"
on = ["sign"]
namespace = "release"
action = "deny"
[[rule]]
name = "signing"
on = ["sign"]
namespace = "git"
key = "me@laptop"
action = "allow"
[[rule]]
name = "every login"
on = ["sign", "connect", "session"]
host = "*"
action = "allow"
[[rule]]
name = "every change"
on = ["admin"]
action = "allow"
`;

describeWith(["ssh", "sshd", "git"], "a ride that signs", () => {
  const lab = opened(new OpenLab(), RULES, QUEUE);
  const pub = lab.path("me@laptop.pub");

  beforeAll(async () => {
    const other = lab.key("other");
    await lab.run("ssh-add", ["-q", other], { environment: { SSH_AUTH_SOCK: lab.path("upstream.sock") } });
    await prepareSigning(lab);
  });

  it("has git's commits and tags signed, which then verify", async () => {
    const line = `${GIT} cd app; git commit -q -S --allow-empty -m first && git tag -s -m one v1 &&
      git verify-commit HEAD 2>&1 && git verify-tag v1 2>&1`;
    const { result, events } = await lab.logged(() => lab.ride(line));
    expect(result.code).toBe(0);
    expect(result.stdout.match(/Good "git" signature for me@example/g)).toHaveLength(2);
    expect(events.map(({ decision, by, namespace }) => [decision, by, namespace])).toEqual([
      ["allow", "rule:signing", "git"],
      ["allow", "rule:signing", "git"],
    ]);
  });

  it("is denied another purpose by its namespace, and what no rule allows", async () => {
    for (const namespace of ["release", "file"]) {
      const line = `echo text > text; ssh-keygen -Y sign -n ${namespace} -f ${pub} text; echo "code $?"`;
      const { stdout, stderr } = await lab.ride(line);
      expect(stdout).not.toContain("code 0\n");
      expect(stderr).toContain(`muxguard: denied: sign for "${namespace}" with key "me@laptop" (`);
    }
  });

  it("is listed the keys alone that it may sign with, although a rule allows logins with others", async () => {
    const plain = await lab.run("ssh-add", ["-l"], {
      environment: { SSH_AUTH_SOCK: lab.path("upstream.sock") },
    });
    expect(plain.stdout.match(/^.*$/gm)?.filter((line) => line !== "")).toHaveLength(2);
    const { stdout } = await lab.ride("ssh-add -l");
    expect(stdout).toMatch(/^\d+ SHA256:\S+ me@laptop \(ED25519\)\n$/);
  });

  it("logs in nowhere by its agent, although the rules allow that login to the guard", async () => {
    const line = `$(command -v -p ssh) -F none -o IdentitiesOnly=no -o BatchMode=yes`;
    const to = `-o UserKnownHostsFile=${lab.path("known_hosts")} -o HostKeyAlias=${HOST} -p ${lab.port} 127.0.0.1`;
    const { result, events } = await lab.logged(() =>
      lab.ride(`${line} ${to} echo in; ssh ${HOST} echo rides`),
    );
    expect(result.stdout).toBe("rides\n");
    expect(result.stderr).toContain("logs in by no key of its own");
    expect(events.filter(({ by }) => by === "fault:ride")).toMatchObject([
      { kind: "sign", decision: "deny", data: "userauth" },
    ]);
  });

  it("changes no agent", async () => {
    const added = lab.key("added");
    const line = `ssh-add -q ${added}; ssh-add -q -d ${pub}; ssh-add -q -D; echo end`;
    const { result, events } = await lab.logged(() => lab.ride(line));
    expect(result.stderr.match(/a run with --ride changes no agent/g)?.length).toBeGreaterThanOrEqual(3);
    expect(events.every(({ by, kind }) => by === "fault:ride" && kind === "admin")).toBe(true);
    const { stdout } = await lab.run("ssh-add", ["-l"], {
      environment: { SSH_AUTH_SOCK: lab.path("upstream.sock") },
    });
    expect(stdout).toContain("me@laptop");
    expect(stdout).not.toContain("added");
  });

  it("is bound by that in a run inside, too", async () => {
    const inner = `"${process.execPath}" "${lab.program}" run --policy ${lab.path("open.toml")} --`;
    writeFileSync(lab.path("open.toml"), 'default = "allow"\n');
    const { stdout, stderr } = await lab.ride(`${inner} sh -c 'ssh-add -l; ssh-add -q -D; echo end'`);
    expect(stdout).toMatch(/^\d+ SHA256:\S+ me@laptop \(ED25519\)\nend\n$/);
    expect(stderr).toContain("changes no agent");
  });
});
