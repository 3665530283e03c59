/** Logins with real ssh and sshd: where they go to, who they are for, and over which hosts. */
import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab, type Server } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const user = userInfo().username;

describeWith(["ssh", "sshd"], "a login through the guard", () => {
  const lab = new Lab();
  const key = lab.key("me@laptop");
  let alpha: Server;

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    alpha = await lab.startServer("alpha.example", key);
    await lab.startServer("beta.example", key);
    await lab.startServer("gamma.example", key);
    await lab.startServer("hashed.example", key, { known: "hashed" });
    await lab.startServer("stranger.example", key, { known: "no" });
  });
  afterAll(() => lab.close());

  it("is allowed by a rule that names its verified host and user", async () => {
    lab.policy(
      `default = "deny"\n[[rule]]\nname = "alpha"\nhost = "alpha.example"\nuser = "${user}"\naction = "allow"\n`,
    );
    const { result, events } = await lab.logged(() => lab.guardedSsh("alpha.example", "echo in"));
    expect(result).toMatchObject({ code: 0, stdout: "in\n" });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      kind: "sign",
      decision: "allow",
      by: "rule:alpha",
      host: "alpha.example",
      verified: true,
      how: "host key known",
      user,
      key: { type: "ssh-ed25519", comment: "me@laptop" },
      caller: {
        scope: "ssh",
        cmdline: expect.arrayContaining(["-F", lab.sshConfig, "alpha.example", "echo in"]),
      },
    });
    expect(events[0]?.caller?.exe).toMatch(/\/ssh$/);
  });

  it("is denied where no rule allows it, and says why on stderr", async () => {
    const { result, events } = await lab.logged(() => lab.guardedSsh("beta.example", "echo in"));
    expect(result.code).toBe(255);
    expect(result.stdout).toBe("");
    // as whom is not known yet: the key is not even listed
    expect(result.stderr).toContain(
      `muxguard: denied: log in to beta.example with key "me@laptop" (no rule allows it)`,
    );
    expect(events).toMatchObject([{ decision: "deny", by: "default", host: "beta.example" }]);
  });

  it("is a question without a policy, and denied where nobody can be asked", async () => {
    lab.policy("");
    const { result, events } = await lab.logged(() => lab.guardedSsh("alpha.example", "true"));
    expect(result.code).toBe(255);
    expect(result.stderr).toContain("nobody can be asked");
    expect(events).toMatchObject([{ decision: "deny", by: "fault:approver" }]);
  });

  it("goes to a host that known_hosts has under a hashed name", async () => {
    expect(readFileSync(lab.knownHosts, "utf8")).not.toContain("hashed.example");
    lab.policy('default = "deny"\n[[rule]]\nname = "h"\nhost = "hashed.example"\naction = "allow"\n');
    const { result, events } = await lab.logged(() => lab.guardedSsh("hashed.example", "true"));
    expect(result.code).toBe(0);
    expect(events).toMatchObject([{ by: "rule:h", host: "hashed.example", verified: true }]);
  });

  it("is known by an alias of ssh_config that leads to the proven host", async () => {
    const config = readFileSync(lab.sshConfig, "utf8").match(/Host alpha\.example\n(?: .*\n)*/)?.[0] ?? "";
    appendFileSync(lab.sshConfig, config.replace("Host alpha.example", "Host a"));
    lab.policy('default = "deny"\n[[rule]]\nname = "by alias"\nhost = "a"\naction = "allow"\n');
    const { events } = await lab.logged(() => lab.guardedSsh("a", "true"));
    expect(events).toMatchObject([{ by: "rule:by alias", host: "a", verified: true }]);
  });

  it("never matches a rule that names the host if known_hosts does not know its key", async () => {
    lab.policy('default = "deny"\n[[rule]]\nname = "named"\nhost = "*"\naction = "allow"\n');
    const { result, events } = await lab.logged(() => lab.guardedSsh("stranger.example", "true"));
    expect(result.code).toBe(255);
    expect(events).toMatchObject([
      { by: "default", verified: false, how: "unknown host key", claimed: "stranger.example" },
    ]);
    expect(events[0]).not.toHaveProperty("host");
    expect(events[0]?.hostKey).toMatch(/^SHA256:/);
  });

  it("is not fooled by a known_hosts file or a host key alias of the caller's choice", async () => {
    const forged = lab.path("forged_known_hosts");
    writeFileSync(forged, `alpha.example ${readFileSync(lab.path("stranger.example.hostkey.pub"), "utf8")}`);
    lab.policy('default = "deny"\n[[rule]]\nname = "named"\nhost = "alpha.example"\naction = "allow"\n');
    const options = ["-o", `UserKnownHostsFile=${forged}`, "-o", "HostKeyAlias=alpha.example"];
    const { result, events } = await lab.logged(() => lab.guardedSsh(...options, "stranger.example", "true"));
    expect(result.code).toBe(255);
    expect(events).toMatchObject([{ by: "default", verified: false }]);
  });

  it("is verified by a host certificate whose authority known_hosts trusts", async () => {
    const authority = lab.key("ca");
    const hostKeyFile = lab.key("certified.hostkey");
    const sign = ["-q", "-s", authority, "-I", "cert", "-h", "-n", "cert.example", `${hostKeyFile}.pub`];
    execFileSync("ssh-keygen", sign);
    const config = [`HostKey ${hostKeyFile}`, `HostCertificate ${hostKeyFile}-cert.pub`];
    await lab.startServer("cert.example", key, { config });
    // the plain key is not known, so that it is the certificate that counts
    writeFileSync(lab.knownHosts, readFileSync(lab.knownHosts, "utf8").replace(/^cert\.example .*\n/m, ""));
    const trusted = readFileSync(`${authority}.pub`, "utf8");
    appendFileSync(lab.knownHosts, `@cert-authority *.example ${trusted}`);
    lab.policy('default = "deny"\n[[rule]]\nname = "certified"\nhost = "cert.example"\naction = "allow"\n');
    const options = ["-o", "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com"];
    const { result, events } = await lab.logged(() => lab.guardedSsh(...options, "cert.example", "true"));
    expect(result).toMatchObject({ code: 0 });
    expect(events).toMatchObject([
      { by: "rule:certified", host: "cert.example", verified: true, how: "host certificate known" },
    ]);
  });

  it("over two hops is shown with its path, and matched by forwarded = true", async () => {
    lab.policy(
      'default = "deny"\n[[rule]]\nname = "last hop"\nhost = "gamma.example"\nforwarded = true\naction = "allow"\n' +
        '[[rule]]\nname = "on the way"\nhost = "beta.example"\nforwarded = true\naction = "allow"\n' +
        '[[rule]]\nname = "first hop"\nhost = "alpha.example"\nforwarded = false\naction = "allow"\n',
    );
    const ssh = `ssh -F ${lab.sshConfig}`;
    const { result, events } = await lab.logged(() =>
      lab.guardedSsh("-A", "alpha.example", `${ssh} -A beta.example ${ssh} gamma.example echo arrived`),
    );
    expect(result).toMatchObject({ code: 0, stdout: "arrived\n" });
    expect(events).toMatchObject([
      { by: "rule:first hop", host: "alpha.example" },
      { by: "rule:on the way", host: "beta.example", forwarded: true, path: ["alpha.example"] },
      {
        by: "rule:last hop",
        host: "gamma.example",
        forwarded: true,
        path: ["alpha.example", "beta.example"],
      },
    ]);
    expect(events[0]).not.toHaveProperty("forwarded");
    expect(events[2]).toMatchObject({ verified: true, user });
  });

  it("does not let a forwarded request pass for a local one", async () => {
    lab.policy(
      'default = "deny"\n[[rule]]\nname = "first hop"\nhost = "alpha.example"\naction = "allow"\n' +
        '[[rule]]\nname = "from here"\nhost = "beta.example"\nforwarded = false\naction = "allow"\n',
    );
    const { result, events } = await lab.logged(() =>
      lab.guardedSsh("-A", "alpha.example", `ssh -F ${lab.sshConfig} beta.example echo arrived`),
    );
    expect(result.stdout).toBe("");
    expect(events.at(-1)).toMatchObject({ decision: "deny", host: "beta.example", path: ["alpha.example"] });
  });

  it("shows an SSHSIG that a forwarded host asks for with its way", async () => {
    lab.policy('default = "deny"\n[[rule]]\nname = "login"\nhost = "alpha.example"\naction = "allow"\n');
    const sign = `cd /tmp && echo text | ssh-keygen -Y sign -n git -f ${key}.pub`;
    const { events } = await lab.logged(() => lab.guardedSsh("-A", "alpha.example", sign));
    expect(events.at(-1)).toMatchObject({
      decision: "deny",
      data: "sshsig",
      namespace: "git",
      forwarded: true,
      path: ["alpha.example"],
    });
  });

  it("keeps destination constraints of the agent working", async () => {
    lab.policy('default = "allow"\n');
    const constrained = lab.key("constrained");
    const authorised = readFileSync(`${constrained}.pub`, "utf8");
    appendFileSync(`${key}.pub`, authorised);
    const socket = await lab.startAgent("constrained.sock");
    const env = lab.environment;
    const add = ["-q", "-H", lab.knownHosts, "-h", "alpha.example", constrained];
    const added = await lab.muxguard("run", "--", "ssh-add", ...add);
    expect(added.code, added.stderr).toBe(0);
    expect(
      execFileSync("ssh-add", ["-L"], { env: { ...env, SSH_AUTH_SOCK: socket }, encoding: "utf8" }),
    ).toContain("constrained");
    expect(await lab.guardedSsh("alpha.example", "echo in")).toMatchObject({ code: 0, stdout: "in\n" });
    const { result, events } = await lab.logged(() => lab.guardedSsh("beta.example", "echo in"));
    expect(result.code).toBe(255);
    expect(events.filter(({ kind }) => kind === "sign")).toEqual([]);
    expect(alpha.name).toBe("alpha.example");
  });
});
