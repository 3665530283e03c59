/** What a run tells of as it starts, with keys and shells that are real. */
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeEach, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";
import { isBareKey } from "../../../src/runs/unguarded/key-files.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "a run", () => {
  const lab = new Lab();
  lab.environment.HOME = lab.folder;
  beforeEach(() => {
    rmSync(lab.path("state/muxguard/told.json"), { force: true });
    lab.policy('default = "deny"\n');
  });
  afterAll(() => lab.close());

  it("says that a key file needs no guard, before its command begins", async () => {
    const key = lab.key("bare");
    await lab.startServer("alpha.example", key);
    await lab.startAgent();
    lab.host("alpha.example", [`IdentityFile ${key}`]);
    const { stdout, stderr } = await lab.guardedSsh("alpha.example", "echo in");
    expect(stdout).toBe("in\n"); // so there is something to tell of
    expect(stderr).toMatch(/^muxguard: not guarded: \S*bare: a key without a passphrase/);
    execFileSync("ssh-keygen", ["-q", "-p", "-N", "secret", "-f", key]);
    rmSync(lab.path("state/muxguard/told.json"));
    expect((await lab.muxguard("run", "--", "true")).stderr).toBe("");
  });

  it("says that a login shell sets another agent; a ride says what that means for it", async () => {
    writeFileSync(lab.path(".bash_profile"), "export SSH_AUTH_SOCK=/run/other\n");
    const plain = await lab.muxguard("run", "--", "bash", "-lc", "echo $SSH_AUTH_SOCK");
    expect(plain.stdout).toBe("/run/other\n");
    expect(plain.stderr).toMatch(
      /^muxguard: not guarded: \S*\.bash_profile:1 sets SSH_AUTH_SOCK: .* in a run /,
    );
    const ride = await lab.muxguard("run", "--ride", "--no-confine", "--", "true");
    expect(ride.stderr).toMatch(/ in a ride reaches that agent/);
    rmSync(lab.path(".bash_profile"));
  });

  it("says it of a file that the profile reads, and waits for no FIFO there", async () => {
    execFileSync("mkfifo", [lab.path(".fifo")]);
    writeFileSync(lab.path(".agent_env"), "SSH_AUTH_SOCK=/run/other; export SSH_AUTH_SOCK;\n");
    writeFileSync(lab.path(".bash_profile"), '[ -n "$NEVER" ] && . ~/.fifo\n. "$HOME/.agent_env"\n');
    const { stdout, stderr } = await lab.muxguard("run", "--", "bash", "-lc", "echo $SSH_AUTH_SOCK");
    expect(stdout).toBe("/run/other\n"); // so there is something to tell of
    expect(stderr).toMatch(
      /^muxguard: not guarded: \S*\.bash_profile:2 reads \S*\.agent_env:1, which sets SSH_AUTH_SOCK: /,
    );
    rmSync(lab.path(".bash_profile"));
  });
});

describeWith(["ssh", "openssl"], "keys as the programs write them", () => {
  const lab = new Lab();
  afterAll(() => lab.close());

  it.each([
    ["ed25519", []],
    ["rsa", ["-t", "rsa", "-b", "2048"]],
    ["rsa in PEM", ["-t", "rsa", "-b", "2048", "-m", "PEM"]],
    ["ecdsa in PKCS #8", ["-t", "ecdsa", "-m", "PKCS8"]],
  ])("%s: with a passphrase or without", (name, options) => {
    const key = lab.key(name.replaceAll(/[ #]/g, ""), ...options);
    const head = (): string => execFileSync("head", ["-c", "1024", key], { encoding: "latin1" });
    expect(isBareKey(head())).toBe(true);
    execFileSync("ssh-keygen", [
      "-q",
      "-p",
      "-N",
      "secret",
      "-f",
      key,
      ...options.slice(-2).filter(() => options.includes("-m")),
    ]);
    expect(isBareKey(head())).toBe(false);
  });
});
