import { describe, expect, it } from "vitest";
import { fifoSession } from "../../../../src/runs/ride/fifo/session.ts";

const destination = { host: "a" };
const environment = { GIT_PROTOCOL: "version=2", LC_ALL: "C", OTHER: "x" };
const sessionOf = (...words: string[]) => fifoSession(words, { destination }, environment);

describe("a command line over named pipes", () => {
  it.each<[string[], object]>([
    [["a", "ls", "-l"], { kind: "session", command: "ls -l", subsystem: false, environment: [] }],
    [["-T", "a"], { kind: "session", command: "", subsystem: false }],
    [["-s", "a", "sftp"], { kind: "session", command: "sftp", subsystem: true }],
    [["-o", "SessionType=subsystem", "a", "sftp"], { command: "sftp", subsystem: true }],
    [["-o", "SendEnv=GIT_PROTOCOL", "a", "x"], { environment: ["GIT_PROTOCOL=version=2"] }],
    [["-oSendEnv LC_* GIT_?ROTOCOL", "a", "x"], { environment: ["GIT_PROTOCOL=version=2", "LC_ALL=C"] }],
    [["-oSendEnv=*", "-oSendEnv=-LC_*", "-oSendEnv=-O*", "a"], { environment: ["GIT_PROTOCOL=version=2"] }],
    [["-oSendEnv=.*", "a", "x"], { environment: [] }],
    [["-W", "b:22", "a"], { kind: "stdio", host: "b", port: 22 }],
    [["-W", "[::1]:22", "a"], { kind: "stdio", host: "::1", port: 22 }],
    [["-W", "/run/b.sock", "a"], { kind: "stdio", host: "/run/b.sock" }],
    [["-x", "-a", "-oClearAllForwardings=yes", "-L1:b:2", "-oForwardAgent=no", "a", "x"], { command: "x" }],
    [["-oRemoteCommand=none", "-oRequestTTY=no", "a", "x"], { command: "x" }],
  ])("%j", (words, asks) => {
    expect(sessionOf(...words).asks).toMatchObject(asks);
  });

  it.each([
    [["-n", "a"], { noInput: true, quiet: false, wantsTerminal: false }],
    [["-oStdinNull=yes", "-q", "-t", "a"], { noInput: true, quiet: true, wantsTerminal: true }],
    [["-tT", "a"], { noInput: false, wantsTerminal: false }],
  ])("%j: its input, and what it says", (words, said) => {
    expect(sessionOf(...words)).toMatchObject(said);
  });

  it.each([
    ["-tt", "a"],
    ["-t", "-t", "a"],
    ["-oRequestTTY=force", "a"],
    ["-A", "a"],
    ["-oForwardAgent=/run/agent.sock", "a"],
    ["-X", "a"],
    ["-Y", "a"],
    ["-oForwardX11=yes", "a"],
    ["-L", "1:b:2", "a"],
    ["-R", "1:b:2", "a"],
    ["-D", "1", "a"],
    ["-oLocalForward=1 b:2", "a"],
    ["-N", "a"],
    ["-oSessionType=none", "a"],
    ["-f", "a", "x"],
    ["-oForkAfterAuthentication=yes", "a", "x"],
    ["-O", "check", "a"],
    ["-oRemoteCommand=x", "a"],
  ])("refuses %s %s %s", (...words) => {
    expect(() => sessionOf(...words.filter((word) => word !== undefined))).toThrow(
      /^muxguard: denied: .* is not to be had where no Unix sockets are$/,
    );
  });

  it.each(["b", "b:0", "b:65536", "b:x", "", ":22", "[::1]"])("refuses -W %j", (target) => {
    expect(() => sessionOf("-W", target, "a")).toThrow(/-W: not a host and its port$/);
  });
});
