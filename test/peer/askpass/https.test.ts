/**
 * git over HTTPS: who may know the password is asked on the terminal, once the server has shown who it is.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ASKPASS, AskpassLab } from "../../../lab/askpass-lab.ts";
import { GitServer } from "../../../lab/servers/git-server.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { describeWith } from "../tools.ts";

/** A certificate authority of the laboratory's, another one, and a server that the first one vouches for. */
function certificates(lab: AskpassLab): { authority: string; other: string; key: Buffer; cert: Buffer } {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: lab.folder, stdio: "pipe" });
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  for (const name of ["ca", "other"])
    openssl(...made, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.pem`);
  const issued = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"];
  const names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  openssl(...made, ...issued, ...names, "-keyout", "server.key", "-out", "server.pem");
  const [key, cert] = ["server.key", "server.pem"].map((name) => readFileSync(lab.path(name)));
  const tls = { key: key ?? Buffer.alloc(0), cert: cert ?? Buffer.alloc(0) };
  return { authority: lab.path("ca.pem"), other: lab.path("other.pem"), ...tls };
}

describeWith(["git", "openssl", "python"], "git over HTTPS", () => {
  const lab = new AskpassLab();
  let server: GitServer;
  let origin: string;
  let otherAuthority: string;

  beforeAll(async () => {
    const { authority, other, ...tls } = certificates(lab);
    otherAuthority = other;
    server = new GitServer(lab, tls);
    await server.listen();
    origin = `https://127.0.0.1:${server.port}`;
    fill();
    Object.assign(lab.environment, {
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_SYSTEM: "/dev/null",
      GIT_TERMINAL_PROMPT: "0", // git itself never asks
      GIT_ASKPASS: ASKPASS,
      GIT_SSL_CAINFO: authority,
      SSH_ASKPASS: "",
    });
    for (const name of ["http_proxy", "https_proxy", "all_proxy"]) {
      delete lab.environment[name];
      delete lab.environment[name.toUpperCase()];
    }
  });
  afterAll(async () => {
    server.close();
    await lab.close();
  });

  /** A commit, for the clone to bring along. */
  function fill(): void {
    const git = (...args: string[]) =>
      execFileSync("git", args, { cwd: lab.path("repo.git"), encoding: "utf8", input: "" }).trim();
    const tree = git("mktree");
    const as = ["-c", "user.name=me", "-c", "user.email=me@example"];
    git("update-ref", "HEAD", git(...as, "commit-tree", "-m", "the beginning", tree));
  }

  const clone = (into: string) =>
    new Pty(lab, "git", "clone", "--progress", `${origin}/repo.git`, lab.path(into));

  it("clones with the name and the password that are typed on the terminal, and neither is kept", async () => {
    const terminal = clone("clone");
    await terminal.shows(`Username for '${origin}':`);
    terminal.type("me\r");
    await terminal.shows(`Password for 'https://me@127.0.0.1:${server.port}':`);
    terminal.type(`${GitServer.PASSWORD}\r`);
    expect(await terminal.end(), terminal.text).toBe(0);
    expect(terminal.text).not.toContain("horse");
    const subject = ["-C", lab.path("clone"), "log", "--format=%s"];
    expect(execFileSync("git", subject, { encoding: "utf8" })).toBe("the beginning\n");
    expect(lab.log()).toEqual([]);
    const found = await lab.run("grep", [
      "-rl",
      "-e",
      "correct horse",
      "-e",
      "Y29ycmVjdCBob3JzZ",
      lab.folder,
    ]);
    expect(found).toMatchObject({ code: 1, stdout: "" });
  });

  it("is given nothing more after a wrong password", async () => {
    const terminal = clone("refused");
    await terminal.shows(`Username for '${origin}':`);
    terminal.type("me\r");
    await terminal.shows(`Password for 'https://me@127.0.0.1:${server.port}':`);
    terminal.type("wrong horse\r");
    expect(await terminal.end()).toBe(128);
    expect(terminal.text).toContain("Authentication failed");
    expect(terminal.text).not.toContain("wrong horse");
  });

  it("asks for nothing where the server is not who it says", async () => {
    const environment = { GIT_SSL_CAINFO: otherAuthority };
    const { code, stderr } = await lab.run("git", ["clone", `${origin}/repo.git`, lab.path("elsewhere")], {
      environment,
    });
    expect(code).toBe(128);
    expect(stderr).toMatch(/certificate verif/);
    expect(stderr).not.toContain("nobody can be asked");
    expect(existsSync(lab.path("elsewhere"))).toBe(false);
  });
});
