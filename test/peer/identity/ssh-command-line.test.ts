import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SshDestination, sshDestination } from "../../../src/identity/ssh/command-line.ts";

/** The same question to ssh itself: what does it make of these words? */
function askSsh(words: string[]): SshDestination | undefined {
  const { status, stdout } = spawnSync("ssh", ["-G", "-F", "none", ...words], { encoding: "utf8" });
  const value = (keyword: string): string => new RegExp(`^${keyword} (.*)$`, "m").exec(stdout)?.[1] ?? "";
  if (status !== 0) return undefined;
  return { host: value("hostname"), port: Number(value("port")), user: value("user") };
}

const defaults = askSsh(["host"]);

const commandLines: [string[], SshDestination | undefined][] = [
  [["host"], { host: "host" }],
  [["host", "uptime"], { host: "host" }],
  [["user@host"], { host: "host", user: "user" }],
  [["user@realm@host"], { host: "host", user: "user@realm" }],
  [["@host"], undefined],
  [[], undefined],
  [["-v"], undefined],
  [["-p", "2222", "host"], { host: "host", port: 2222 }],
  [["-p2222", "host"], { host: "host", port: 2222 }],
  [["-tp2222", "host"], { host: "host", port: 2222 }],
  [["-tp", "2222", "host"], { host: "host", port: 2222 }],
  [["-vvvl", "user", "host"], { host: "host", user: "user" }],
  [["-luser", "host"], { host: "host", user: "user" }],
  [["-l", "user", "other@host"], { host: "host", user: "user" }],
  [["host", "-p", "2222", "uptime"], { host: "host", port: 2222 }],
  [["user@host", "-l", "other"], { host: "host", user: "user" }],
  [["-p", "1", "host", "-p", "2"], { host: "host", port: 1 }],
  [["host", "uptime", "-p", "2222"], { host: "host" }],
  [["host", "--", "-p", "2222"], { host: "host" }],
  [["--", "host", "-p", "2222"], { host: "host" }],
  [["-v", "--", "host", "-p", "2222"], { host: "host" }],
  [["-i", "--", "host", "-p", "2222"], { host: "host" }],
  [["-J", "bastion", "host"], { host: "host" }],
  [["-o", "Port=2222", "host"], { host: "host", port: 2222 }],
  [["-oPort 2222", "host"], { host: "host", port: 2222 }],
  [["-o", 'port = "2222"', "host"], { host: "host", port: 2222 }],
  [["-o", "User=user", "-o", "User=other", "host"], { host: "host", user: "user" }],
  [["-p", "2222", "-oPort=23", "host"], { host: "host", port: 2222 }],
  [["-oSendEnv=GIT_PROTOCOL", "git@host", "git-upload-pack 'x'"], { host: "host", user: "git" }],
  [["-W", "[db]:22", "-l", "user", "bastion"], { host: "bastion", user: "user" }],
  [["-p"], undefined],
  [["host", "-p"], undefined],
  [["-p", "0", "host"], undefined],
  [["-p", "65536", "host"], undefined],
  [["--help"], undefined],
  [["-!", "host"], undefined],
  [["host", "-!"], undefined],
  [["ssh://host"], { host: "host" }],
  [["ssh://host/"], { host: "host" }],
  [["ssh://user@host:2222"], { host: "host", user: "user", port: 2222 }],
  [["ssh://user;fingerprint=x@host:2222/"], { host: "host", user: "user", port: 2222 }],
  [["ssh://us%65r%40realm@host"], { host: "host", user: "user@realm" }],
  [["-p", "2222", "ssh://host:23"], { host: "host", port: 2222 }],
  [["ssh://host/path"], undefined],
  [["ssh://@host"], undefined],
  [["ssh://host..example"], undefined],
  [["ssh://host:0"], undefined],
  [["ssh://"], undefined],
  [["::1"], { host: "::1" }],
];

describe("sshDestination", () => {
  it.each(commandLines)("reads ssh %j as ssh does", (words, expected) => {
    const { host, port = defaults?.port, user = defaults?.user } = expected ?? {};
    expect(sshDestination(["ssh", ...words])).toEqual(expected);
    expect(askSsh(words)).toEqual(expected && { host, port, user });
  });

  it.each([
    ["no words at all", []],
    ["a master that renamed itself", ["ssh: /home/user/.ssh/sockets/git@host:22 [mux]"]],
    ["a name and padding", ["ssh", ""]],
    ["a user without a host", ["ssh", "user@"]],
  ])("finds nothing in %s", (_name, words) => {
    expect(sshDestination(words)).toBeUndefined();
  });

  it("claims no port for the name of a service", () => {
    expect(sshDestination(["ssh", "-p", "https", "host"])).toEqual({ host: "host" });
  });

  it.each([
    ["spaces", `Port${" ".repeat(200_000)}`],
    ["spaces and an end", `Port=${" ".repeat(200_000)}22x${" ".repeat(200_000)}y`],
    ["signs", `Port ${"=".repeat(200_000)}`],
    ["quotes", `Port ${'"'.repeat(200_000)}`],
  ])("reads a line of %s in no time", (_name, line) => {
    const started = performance.now();
    expect(sshDestination(["ssh", "-o", line, "host"])).toEqual({ host: "host" });
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it("never throws, and finds a host that was there", () => {
    const word = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("-", "--", "-p", "-l", "-o", "-tt", "host", "a@b", "ssh://", "ssh://%zz@h", "Port="),
    );
    fc.assert(
      fc.property(fc.array(word), (words) => {
        const destination = sshDestination(words);
        if (destination) expect(words.join(" ")).toContain(destination.host);
      }),
    );
  });
});
