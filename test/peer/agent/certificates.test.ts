/** A certificate is about a key or a host: rules that deny those hold for what comes with one. */
import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MuxLab } from "../../../lab/mux-lab.ts";
import { describeWith } from "../tools.ts";

const keygen = (...words: string[]) => execFileSync("ssh-keygen", ["-q", ...words], { encoding: "utf8" });

describeWith(["ssh", "sshd"], "a rule that denies", () => {
  const lab = new MuxLab();
  const authority = lab.key("ca");
  const key = lab.key("certified");
  const fingerprint = keygen("-l", "-f", `${key}.pub`).split(" ")[1] ?? "";

  beforeAll(async () => {
    keygen("-s", authority, "-I", "me", "-n", userInfo().username, `${key}.pub`);
    lab.policy('default = "allow"\n');
    const trusted = [`TrustedUserCAKeys ${authority}.pub`];
    await lab.open();
    // it lets nobody in by a key alone
    lab.key("nobody");
    await lab.startServer("ca.hop", lab.path("nobody"), { config: trusted });
    execFileSync("ssh-add", ["-q", key], { env: { ...lab.environment }, stdio: "ignore" });
  });
  afterAll(() => lab.close());

  describe("a key, by its fingerprint or its comment", () => {
    const login = (...options: string[]) =>
      lab.logged(() => lab.ssh("-o", "IdentitiesOnly=yes", ...options, "ca.hop", "echo in"));
    const type = "ssh-ed25519-cert-v01@openssh.com";
    /** ssh signs for a certificate of a file with the agent's plain key. */
    const ways: [string, string, string[]][] = [
      ["that ssh-add has loaded beside it", type, ["-i", `${key}-cert.pub`]],
      ["of CertificateFile", "ssh-ed25519", ["-i", `${key}.pub`, "-o", `CertificateFile=${key}-cert.pub`]],
    ];

    it.each(ways)("is about the certificate %s", async (_, signer, options) => {
      lab.policy('default = "allow"\n');
      const allowed = await login(...options);
      expect(allowed.result.stdout).toBe("in\n");
      expect(allowed.events).toMatchObject([{ key: { type: signer, fingerprint } }]);
      for (const name of [fingerprint, "certified"]) {
        const rule = `[[rule]]\nname = "not that"\nkey = "${name}"\naction = "deny"\n`;
        lab.policy(`default = "allow"\n${rule}`);
        const unlisted = await login(...options);
        expect(unlisted).toMatchObject({ result: { code: 255, stdout: "" }, events: [] });
        // listed, so that it is tried
        lab.policy(`default = "allow"\n[[rule]]\non = ["list"]\naction = "allow"\n${rule}`);
        const { result, events } = await login(...options);
        expect(result).toMatchObject({ code: 255, stdout: "" });
        expect(events).toMatchObject([{ kind: "sign", decision: "deny", by: "rule:not that" }]);
      }
    });
  });

  describe("a host", () => {
    const algorithms = "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com";
    let port: number;
    const login = (...words: string[]) => lab.logged(() => lab.ssh("-o", algorithms, ...words));

    beforeAll(async () => {
      const hostKeyFile = lab.key("cert.hop.certified");
      keygen("-s", authority, "-I", "host", "-h", "-n", "cert.hop", `${hostKeyFile}.pub`);
      const config = [`HostKey ${hostKeyFile}`, `HostCertificate ${hostKeyFile}-cert.pub`];
      ({ port } = await lab.startServer("cert.hop", lab.path("me@laptop"), { config }));
      // the plain keys are not known, so that it is the certificate that counts
      writeFileSync(lab.knownHosts, readFileSync(lab.knownHosts, "utf8").replace(/^cert\.hop .*\n/m, ""));
      const own = readFileSync(`${authority}.pub`, "utf8");
      appendFileSync(lab.knownHosts, `@cert-authority *.hop ${own}`);
      const here = ["HostName 127.0.0.1", `Port ${port}`];
      lab.host("other-name", [...here, "HostKeyAlias cert.hop"]);
      lab.host("by-address", [...here, "StrictHostKeyChecking no", "UserKnownHostsFile /dev/null"]);
    });

    it.each(["cert.hop", "other-name", "by-address"])(
      "is about the one that its certificate names, called %s",
      async (name) => {
        lab.policy('default = "allow"\n');
        expect((await login(name, "echo in")).result.stdout).toBe("in\n");
        lab.policy('default = "allow"\n[[rule]]\nname = "not there"\nhost = "cert.hop"\naction = "deny"\n');
        const { result, events } = await login(name, "echo in");
        expect(result).toMatchObject({ code: 255, stdout: "" });
        expect(events.at(-1)).toMatchObject({ decision: "deny", by: "rule:not there" });
      },
    );

    it("is about sessions over a shared connection, too", async () => {
      lab.policy('default = "allow"\n');
      const path = `${lab.sockets}/cert.hop`;
      await lab.startMaster("cert.hop", "-o", algorithms, "-S", path);
      expect((await lab.ssh("-S", path, "cert.hop", "echo in")).stdout).toBe("in\n");
      lab.policy('default = "allow"\n[[rule]]\nname = "not there"\nhost = "cert.hop"\naction = "deny"\n');
      const { result, events } = await lab.logged(() => lab.ssh("-S", path, "cert.hop", "echo in"));
      expect(result).toMatchObject({ code: 255, stdout: "" });
      expect(events).toMatchObject([{ kind: "session", decision: "deny", by: "rule:not there" }]);
    });
  });
});
