/**
 * Signing in a ride: git's commits and tags, by the rules on signatures, and nothing else of what an agent can
 * do.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { ended, until } from "../../../lab/lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { opened, QUEUE } from "../opened.ts";
import { describeWith } from "../tools.ts";

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
  const git = [
    "export GIT_CONFIG_GLOBAL=$PWD/gitconfig GIT_CONFIG_NOSYSTEM=1",
    'git() { command git -c init.defaultBranch=main "$@"; }',
    "",
  ].join("\n");

  beforeAll(async () => {
    const other = lab.key("other");
    await lab.run("ssh-add", ["-q", other], { environment: { SSH_AUTH_SOCK: lab.path("upstream.sock") } });
    writeFileSync(lab.path("allowed_signers"), `me@example ${readFileSync(pub, "utf8")}`);
    const config = `[user]\nname = Me\nemail = me@example\nsigningkey = ${pub}\n[gpg]\nformat = ssh\n`;
    writeFileSync(
      lab.path("gitconfig"),
      `${config}[gpg "ssh"]\nallowedSignersFile = ${lab.path("allowed_signers")}\n`,
    );
    await lab.shell(`${git} git init -q app`);
  });

  it("has git's commits and tags signed, which then verify", async () => {
    const line = `${git} cd app; git commit -q -S --allow-empty -m first && git tag -s -m one v1 &&
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

  it("shows for which repository and branch git asks, and an approval is none for another", async () => {
    lab.policy('default = "ask"\n');
    const remote = "ssh://git@host.example/me/app";
    const commit = "git commit -q -S --allow-empty -m";
    const lines = `${git} git -C app remote add origin ${remote}; git init -q "oth\u001b[2Jer"
      cd app; ${commit} a; ${commit} b; cd ../oth*; ${commit} c`;
    const ride = lab.startRide(lines);
    const done = ended(ride);
    const [asked] = await lab.pending();
    expect(asked?.request).toMatchObject({ repository: lab.path("app"), branch: "main", remote });
    const { stdout } = await lab.muxguard("pending");
    expect(stdout).toContain(
      `git claims: repository "${lab.path("app")}", branch "main", remote "${remote}"`,
    );
    await lab.muxguard("approve", asked?.id ?? "", "--for", "10m");
    // that covers the second, and not the one in another repository
    const isOther = async () => (await lab.pending())[0]?.request.repository !== lab.path("app");
    await until(isOther, "a question about the other repository");
    const [other] = await lab.pending();
    expect(other?.request.repository).toBe(lab.path("oth\u001b[2Jer"));
    expect((await lab.muxguard("pending")).stdout).toContain("oth\\x1b[2Jer");
    await lab.muxguard("deny", other?.id ?? "");
    await done;
    const of = (name: string) => lab.log().filter(({ repository }) => repository === lab.path(name));
    expect(
      of("app")
        .map(({ decision }) => decision)
        .slice(-2),
    ).toEqual(["allow", "allow"]);
    expect(of("oth\u001b[2Jer").map(({ decision }) => decision)).toEqual(["deny"]);
  });

  it("is allowed what a rule names, by repository and branch", async () => {
    const named = `[[rule]]\nnamespace = "git"\nrepository = "${lab.path("app")}"\nbranch = "main"`;
    lab.policy(`default = "deny"\n${named}\naction = "allow"\n`);
    const commit = "git commit -q -S --allow-empty -m x; echo $?";
    const line = `${git} git init -q third; cd third; ${commit}; cd ../app; ${commit}
      git worktree add -q ../wt -b next; cd ../wt; ${commit}; git checkout -q --detach; ${commit}
      git -C ../app rebase -q --force-rebase -S --root; echo "rebase $?"`;
    const { stdout } = await lab.ride(line);
    expect(stdout).toBe("128\n0\n128\n128\nrebase 0\n");
  });

  it("is asked about a denied repository, whatever git claims, and gets nothing by a FIFO that is no file", async () => {
    const prod = `[[rule]]\nname = "no prod"\nrepository = "/srv/prod"\naction = "deny"\n`;
    lab.policy(`default = "deny"\n${prod}[[rule]]\nnamespace = "git"\naction = "allow"\n`);
    const line = `mkdir -p odd/.git; mkfifo odd/.git/HEAD; cd odd; echo x > x; cp "$(command -v perl)" git
      ./git -e 'system("ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", "${pub}", "x")'`;
    const ride = lab.startRide(line);
    const done = ended(ride);
    const [asked] = await lab.pending();
    expect(asked?.request).not.toHaveProperty("repository");
    expect(asked?.doubt).toMatchObject({ rule: "no prod", action: "deny" });
    await lab.muxguard("deny", asked?.id ?? "");
    await done;
  });
});
