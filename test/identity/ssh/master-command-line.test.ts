import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MasterCommand, masterCommandLine } from "../../../src/identity/ssh/master-command-line.ts";

function read(...words: string[]): MasterCommand | undefined {
  return masterCommandLine(["ssh", ...words]);
}

describe("masterCommandLine", () => {
  it.each([
    [["-M", "db"], { host: "db" }],
    [
      ["-MNf", "-l", "me", "-p2222", "-J", "ssh://you@bastion:23,b", "db"],
      { host: "db", user: "me", port: 2222, jump: "you@bastion:23,b" },
    ],
    [
      ["-oControlMaster=auto", "-oControlPath=/a b", "-oControlPersist=yes", "me@db", "ls", "-F", "x"],
      { host: "db", user: "me" },
    ],
    [
      ["-o", "ControlMaster auto", "-oUser=me", "-oPort 22", "-oProxyJump=none", "db"],
      { host: "db", user: "me", port: 22, jump: "none" },
    ],
    [
      [
        "-S/sock",
        "-ftTnqvv46CAaXxYgE",
        "log",
        "-L1:a:2",
        "-R",
        "1:a:2",
        "-D1",
        "-Wa:1",
        "-e~",
        "-ikey",
        "db",
      ],
      { host: "db" },
    ],
    [
      [
        "-oBatchMode=yes",
        "-oLogLevel=QUIET",
        "-oServerAliveInterval=5",
        "-oIdentityFile=k",
        "-oIdentitiesOnly=yes",
        "db",
      ],
      { host: "db" },
    ],
    [
      [
        "-oCheckHostIP=no",
        "-oSendEnv=A B",
        "-oForwardAgent=yes",
        "-oPreferredAuthentications=publickey",
        "db",
      ],
      { host: "db" },
    ],
    [["-p", "1", "-p", "2", "ssh://me@db:3"], { host: "db", user: "me", port: 1 }],
  ] as [string[], Omit<MasterCommand, "plain">][])("finds ssh %j plain", (words, expected) => {
    expect(read(...words)).toEqual({ ...expected, plain: true });
  });

  it.each([
    ["-oHostName=elsewhere"],
    ["-ohostname elsewhere"],
    ["-oHostKeyAlias=other"],
    ["-oProxyCommand=nc evil 22"],
    ["-tMoProxyCommand=nc evil 22"],
    ["-oProxyUseFdpass=yes"],
    ["-oUserKnownHostsFile=/dev/null"],
    ["-oGlobalKnownHostsFile=/dev/null"],
    ["-oStrictHostKeyChecking=no"],
    ["-oKnownHostsCommand=x"],
    ["-oNoHostAuthenticationForLocalhost=yes"],
    ["-oVerifyHostKeyDNS=yes"],
    ["-oCanonicalizeHostname=yes"],
    ["-oHostKeyAlgorithms=x"],
    ["-oCASignatureAlgorithms=x"],
    ["-oRevokedHostKeys=none"],
    ["-oPKCS11Provider=x"],
    ["-oBindAddress=x"],
    ["-oTag=x"],
    ["-oUser=a\\ b"],
    ["-oUser=%h"],
    ["-oNoSuchKeyword=x"],
    ['-o"HostName" elsewhere'],
    ["-oHostName"],
    ["-Fother"],
    ["-MF", "other"],
    ["-Fnone"],
    ["-Px"],
    ["-Kx"],
    ["-bx"],
    ["-Bx"],
    ["-Ix"],
    ["-mx"],
    ["-cx"],
    ["-w0"],
    ["-pssh"],
    ["-Ja;b"],
    ["-l-x"],
  ])("does not find ssh -M %s db plain, wherever it stands", (...words) => {
    expect(read("-M", ...words, "db")).toMatchObject({ host: "db", plain: false });
    expect(read("-M", "db", ...words, "ls")).toMatchObject({ host: "db", plain: false });
  });

  it("does not find a host plain that is not", () => {
    expect(read("-M", "me@a;b")).toEqual({ host: "a;b", user: "me", plain: false });
  });

  it("wants the configuration that the guard reads, and no other", () => {
    const plain = (...words: string[]) => masterCommandLine(["ssh", ...words], "/etc/guard")?.plain;
    expect(plain("-F", "/etc/guard", "-M", "db")).toBe(true);
    expect(plain("-M", "db", "-F/etc/guard")).toBe(true);
    expect(plain("-F/other", "-F/etc/guard", "db")).toBe(true);
    expect(plain("-F/etc/guard", "-F/other", "db")).toBe(false);
    expect(plain("-F/etc/../etc/guard", "db")).toBe(false);
    expect(plain("-M", "db")).toBe(false);
  });

  it.each([
    ["a master that renamed itself", ["ssh: /home/me/.ssh/a b/git@host:22 [mux]"]],
    ["one with padding", ["ssh: /home/me/.ssh/git@host:22 [mux]", "", "", ""]],
    ["no words", []],
    ["no host", ["ssh", "-M"]],
    ["an unknown option", ["ssh", "-M", "-!", "db"]],
    ["an option without its argument", ["ssh", "-M", "db", "-p"]],
    ["a control command", ["ssh", "-O", "exit", "db"]],
    ["a question", ["ssh", "-G", "db"]],
    ["a user without a host", ["ssh", "-M", "me@"]],
  ])("finds nothing in %s", (_name, words) => {
    expect(masterCommandLine(words)).toBeUndefined();
  });

  it("never throws", () => {
    const word = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("-M", "--", "-o", "-J", "db", "a@b"),
    );
    fc.assert(fc.property(fc.array(word), (words) => void masterCommandLine(words)));
  });
});
