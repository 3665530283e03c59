import { spawnSync } from "node:child_process";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { isPlainDestination } from "../../../src/identity/ssh/plain-destination.ts";
import { type Ride, rideCommand } from "../../../src/runs/ride/command.ts";
import { makeFolder } from "../identity/keys.ts";
import { startMuxStub } from "../identity/mux-stub.ts";

function ride(...words: string[]): Ride {
  const command = rideCommand(["ssh", ...words]);
  if (command.kind !== "ride") throw new Error(JSON.stringify(command));
  return command;
}

function refusal(...words: string[]): string {
  const command = rideCommand(["ssh", ...words]);
  return command.kind === "refused" ? command.reason : command.kind;
}

/** What scp, sftp, rsync, git and people run. */
const sessions: string[][] = [
  ["db"],
  ["db", "uptime"],
  ["db", "-t", "top", "-d", "1"],
  ["-tt", "admin@db", "top"],
  ["-T", "db", "--", "ls", "--", "-p", "2222"],
  ["--", "db", "-p", "2222"],
  ["-n", "db", "ls   'a b'", ""],
  ["-A", "db", "true"],
  ["-a", "-X", "db", "true"],
  ["-Ax", "-Y", "db", "true"],
  ["-e", "none", "-tt", "db"],
  ["-tte^b", "db"],
  ["-v", "-E", "/dev/null", "db", "true"],
  ["-q", "-4", "-C", "-k", "db", "true"],
  ["-s", "db", "sftp"],
  ["db", "-s", "sftp"],
  ["-W", "[::1]:22", "-l", "admin", "bastion"],
  ["-Wdb:22", "bastion"],
  ["-L", "8080:web:80", "-R9090:localhost:90", "-D", "1080", "db", "true"],
  ["-fL", "8080:/run/a b", "db", "sleep 1"],
  ["-N", "-L", "*:8080:web:80", "db"],
  ["-O", "check", "db"],
  ["-O", "forward", "-L", "8080:web:80", "db"],
  ["-Ocancel", "-R", "9090:localhost:90", "db"],
  ["-O", "exit", "db"],
  ["-O", "stop", "db"],
  ["-o", "SendEnv=TEST_*", "db", "env"],
  ["-o", "sendenv TEST_ONE TEST_TWO", "-oSetEnv = A=1 'B=2 3'", "db", "env"],
  ["-o", 'RequestTTY "force"', "-oEscapeChar=none", "-o", "LogLevel=QUIET", "db"],
  ["-t", "-oRequestTTY=no", "db", "true"],
  ["-o", "RemoteCommand=echo %r %p %n", "-l", "me", "-p", "2222", "me@DB"],
  ["-o", "REMOTECOMMAND = echo %r", "-o", "User=one", "two@db"],
  ["-o", "LocalForward=8080 web:80", "-o", "ClearAllForwardings=yes", "db", "true"],
  ["-o", "RemoteForward 9090 web:80", "-oExitOnForwardFailure=yes", "db", "true"],
  ["-o", "SessionType=subsystem", "-o", "StdinNull yes", "db", "sftp"],
  ["-oForwardAgent=yes", "-oForwardX11 no", "-oBatchMode=yes", "-oConnectTimeout=5", "db", "true"],
  ["-p", "2222", "-l", "git", "-oSendEnv=GIT_PROTOCOL", "git.example", "git-upload-pack 'a b.git'"],
  ["ssh://git@git.example:2222", "git-receive-pack 'x'"],
  ["-i", "/dev/null", "-m", "hmac-sha2-256", "-c", "aes128-ctr", "-b", "::1", "db", "true"],
  ["-J", "me@bastion:2222", "db", "true"],
  ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "db", "true"],
  [
    ...["-x", "-oPermitLocalCommand=no", "-oClearAllForwardings=yes", "-oRemoteCommand=none"],
    ...["-oRequestTTY=no", "-oForwardAgent=no", "-l", "me", "-p", "2222", "-s", "--", "db", "sftp"],
  ],
];

describe("a ride", async () => {
  const stub = await startMuxStub(join(makeFolder(), "mux"));
  afterAll(() => stub.close());

  it.each(sessions.map((words) => [words]))("asks of a master what ssh %j asks", async (words) => {
    const { clientArguments } = ride(...words);
    expect(await stub.ask(["-o", "ProxyCommand=false", ...clientArguments])).toEqual(await stub.ask(words));
  });

  it("would see the difference", async () => {
    expect(await stub.ask(["db", "true"])).not.toEqual(await stub.ask(["-A", "db", "true"]));
    expect(await stub.ask(["db", "true"])).toHaveLength(2);
  });
});

/** How ssh itself reads the destination. */
function askSsh(words: string[]): string[] {
  const { stdout } = spawnSync("ssh", ["-G", "-F", "none", ...words], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => /^(hostname|user|port|proxyjump) /.test(line));
}

const destinations: [string[], Ride["destination"]][] = [
  [["db"], { host: "db" }],
  [["-l", "me", "you@db"], { host: "db", user: "me" }],
  [["me@db", "-l", "you"], { host: "db", user: "me" }],
  [["-oUser=me", "you@db"], { host: "db", user: "me" }],
  [["-o", "user = 'me' # not you", "db"], { host: "db", user: "me" }],
  [["me@realm@db"], { host: "db", user: "me@realm" }],
  [["-p", "2222", "-oPort=23", "db"], { host: "db", port: 2222 }],
  [["-p", "022", "db"], { host: "db", port: 22 }],
  [["ssh://me@db:2222"], { host: "db", user: "me", port: 2222 }],
  [["ssh://m%65;x=y@db"], { host: "db", user: "me" }],
  [["fe80::1"], { host: "fe80::1" }],
  [["-J", "bastion", "db"], { host: "db", jump: "bastion" }],
  [["-Jme@bastion:2222,[::1]:22,10.0.0.1", "db"], { host: "db", jump: "me@bastion:2222,[::1]:22,10.0.0.1" }],
  [["-J", "bastion", "-oProxyJump=other", "db"], { host: "db", jump: "bastion" }],
  [["-J", "ssh://m%65@bastion:2222/,b", "db"], { host: "db", jump: "me@bastion:2222,b" }],
  [["-J", "a,b,c", "db"], { host: "db", jump: "a,b,c" }],
  [["-oproxyjump bastion ", "db"], { host: "db", jump: "bastion" }],
  [["-J", "NONE", "db"], { host: "db", jump: "none" }],
  [["-oProxyJump=none", "-oProxyJump=b", "db"], { host: "db", jump: "none" }],
];

describe("the destination of a ride", () => {
  it.each(destinations)("of ssh %j is read as ssh reads it", (words, expected) => {
    const { destination } = ride(...words);
    const { host, user, port, jump } = destination;
    const said = [user && `-l${user}`, port && `-p${port}`, jump && `-J${jump}`, host];
    expect(destination).toEqual(expected);
    expect(isPlainDestination(destination)).toBe(true);
    const printed = askSsh(said.filter((word) => typeof word === "string"));
    // ssh prints hops before the last as they were typed
    expect(printed.map((line) => line.replace("me@", "m%65@"))).toEqual(
      askSsh(words).map((line) => line.replace(/ssh:\/\/|\//g, "").replace("me@", "m%65@")),
    );
  });

  it.each([
    ["-oProxyCommand=touch x"],
    ["a;b"],
    ["$(x)"],
    ["a b"],
    ["a\nb"],
    ["a/b"],
    [".."],
    ["[::1]"],
    ["-x@db"],
    ["ssh://a%3btouch@db"],
    ["ssh://%2doProxyCommand=x@db"],
    ["ssh://me@d%62"],
    ["ssh://me@db/path"],
    ["ssh://db:https"],
    [""],
    ["@db"],
    ["me@"],
    ["../../me@db"],
    ["%h@db"],
    ["DOMAIN\\me@db"],
    ["`x`@db"],
  ])("is refused if it is %j", (word) => {
    expect(refusal("--", word)).toMatch(/not plain|malformed|not a number/);
  });

  it.each([
    ["-l", "-oProxyCommand=x"],
    ["-l", "a b"],
    ["-l", ""],
    ["-o", "User=%h"],
    ["-o", "User=a\\ b"],
    ["-o", "User=me you"],
    ["-o", 'User="me'],
    ["-p", "0"],
    ["-p", "65536"],
    ["-p", "-1"],
    ["-p", "0x16"],
    ["-p", "https"],
    ["-p", ""],
    ["-o", "Port=22 23"],
    ["-J", ""],
    ["-J", "a,"],
    ["-J", "a;touch x"],
    ["-J", "$(x)"],
    ["-J", "a,b|c,d"],
    ["-J", "a b"],
    ["-J", "-oProxyCommand=x"],
    ["-J", "-x@a"],
    ["-J", "a%h"],
    ["-J", "%r@a"],
    ["-J", "::1"],
    ["-J", "a:0"],
    ["-J", "a:b"],
    ["-J", "a#,b"],
    ["-J", "ssh://none"],
    ["-J", "ssh://m%2ce@a"],
    ["-J", "ssh://m%24(x)@a"],
    ["-J", "ssh://a/b"],
    ["-J", Array.from({ length: 17 }, () => "a").join()],
    ["-o", "ProxyJump='a'"],
    ["-o", "ProxyJump=a # b"],
  ])("is refused with %s %j", (...words) => {
    expect(refusal(...words, "db")).toMatch(/not plain|malformed|not a number|more than one plain word/);
  });
});

describe("rideCommand", () => {
  it("keeps what is about the session, and names what is not", () => {
    expect(ride("-tvF", "evil", "-i", "key", "-o", "StrictHostKeyChecking no", "-Cg", "me@db", "ls")).toEqual(
      {
        kind: "ride",
        destination: { host: "db", user: "me" },
        clientArguments: ["-t", "-v", "-l", "me", "--", "db", "ls"],
        dropped: ["-F", "-i", "-o StrictHostKeyChecking=no", "-g"],
      },
    );
  });

  it("tells which control command it is", () => {
    expect(ride("-Oexit", "db").control).toBe("exit");
    expect(ride("db").control).toBeUndefined();
  });

  it.each([[["-N"]], [["-fNL1:a:2"]], [["-osessiontype none"]]])(
    "tells that %j wants no session",
    (words) => {
      expect(ride(...words, "db").noSession).toBe(true);
      expect(ride("db", ...words).noSession).toBe(true);
      expect(ride(...words, "-Wa:1", "db").noSession).toBeUndefined();
      expect(ride("db", "ls", ...words).noSession).toBeUndefined();
    },
  );

  it("can ask for the forwards of such a command line alone", async () => {
    const { clientArguments } = ride("-N", "-L8080:web:80", "-fn", "db");
    const other = await startMuxStub(join(makeFolder(), "mux"));
    expect(await other.ask(["-O", "forward", ...clientArguments])).toHaveLength(1);
    expect(await other.ask(clientArguments)).toHaveLength(3);
    other.close();
  });

  it.each([
    [["-oProxyCommand=touch x"], "-o ProxyCommand=touch x"],
    [["-o", "proxycommand touch x"], "-o proxycommand=touch x"],
    [["-to", "PROXYCOMMAND\t=\ttouch x"], "-o PROXYCOMMAND=touch x"],
    [["-o", "LogLevelx=ProxyCommand=x"], "-o LogLevelx=ProxyCommand=x"],
    [["-oLocalCommand=x"], "-o LocalCommand=x"],
    [["-oPermitLocalCommand=yes"], "-o PermitLocalCommand=yes"],
    [["-oKnownHostsCommand=x"], "-o KnownHostsCommand=x"],
    [["-oUserKnownHostsFile=/dev/null"], "-o UserKnownHostsFile=/dev/null"],
    [["-oIdentityAgent=x"], "-o IdentityAgent=x"],
    [["-oIdentityFile=x"], "-o IdentityFile=x"],
    [["-oPKCS11Provider=x"], "-o PKCS11Provider=x"],
    [["-oHostKeyAlias=x"], "-o HostKeyAlias=x"],
    [["-oControlPath=x"], "-o ControlPath=x"],
    [["-oXAuthLocation=x"], "-o XAuthLocation=x"],
    [["-oMatch=exec x"], "-o Match=exec x"],
    [["-oInclude=x"], "-o Include=x"],
    [["-tF/dev/null"], "-F"],
    [["-S", "none"], "-S"],
    [["-I", "x"], "-I"],
    [["-b", "x"], "-b"],
    [["-B", "x"], "-B"],
    [["-c", "x"], "-c"],
    [["-m", "x"], "-m"],
    [["-i", "--"], "-i"],
  ])("drops %j before the host and after it", (words, dropped) => {
    for (const { clientArguments, ...rest } of [ride(...words, "db"), ride("db", ...words, "ls")]) {
      expect(rest.dropped).toEqual([dropped]);
      expect(clientArguments.join(" ")).toMatch(/^(-t )?-- db( ls)?$/);
    }
  });

  it("takes no option from the command", () => {
    const words = ["ls", "-oProxyCommand=x", "-F", "x", "--", "-l", "me"];
    expect(ride("db", ...words)).toEqual({
      kind: "ride",
      destination: { host: "db" },
      clientArguments: ["--", "db", ...words],
      dropped: [],
    });
  });

  it.each([
    ["-M", "-M"],
    ["-tM", "-M"],
    ["-oControlMaster=yes", "ControlMaster"],
    ["-oControlMaster ask", "ControlMaster"],
    ["-ocontrolmaster=no no", "ControlMaster"],
    ["-oTunnel=yes", "Tunnel"],
    ["-w0:0", "-w"],
    ["-oHostName=elsewhere", "HostName"],
    ['-o"ProxyCommand" touch x', "not a keyword"],
    ["-o=ProxyCommand=touch x", "not a keyword"],
    ['-oLogLevel"x"', "not a keyword"],
    ["-oForwardAgent", "not a keyword"],
    ["-oForwardAgent=", "not a keyword"],
    ["-oLogLevel\u00a0x", "not a keyword"],
    ["-o ", "not a keyword"],
    ["-Oproxy", "-O proxy"],
    ["-Px", "-P"],
    ["-Z", "-Z"],
    ["-1", "protocol 1"],
    ["-!", "ssh doesn't have"],
    ["--help", "ssh doesn't have"],
  ])("refuses %s, before the host and after it", (word, reason) => {
    expect(refusal(word, "db")).toContain(reason);
    expect(refusal("db", word)).toContain(reason);
  });

  it("refuses two -J, an option without its argument, and no host", () => {
    expect(refusal("-J", "a", "-Jb", "db")).toContain("more than one -J");
    expect(refusal("db", "-p")).toContain("-p without its argument");
    expect(refusal()).toBe("no host");
    expect(refusal("-v", "--")).toBe("no host");
  });

  it.each([["-oControlMaster=no"], ["-oControlMaster 'No'"], ["-oControlMaster auto"], ["-otunnel=false"]])(
    "rides with %s",
    (word) => {
      expect(ride(word, "db")).toMatchObject({ clientArguments: ["--", "db"], dropped: [] });
    },
  );

  it.each([
    [["-V"]],
    [["-vV", "-M"]],
    [["-Q", "cipher"]],
    [["-Qkey"]],
    [["-G", "db"]],
    [["-G", "-oControlMaster=yes", "db"]],
    [["db", "-G"]],
  ])("leaves %j to ssh", (words) => {
    expect(rideCommand(["ssh", ...words])).toEqual({ kind: "local" });
  });

  it.each([
    [["db", "ls", "-V"]],
    [["--", "db", "-G"]],
    [["-l", "-V", "db"]],
    [["-P", "db", "other", "-G"]],
    [["-G"]],
  ])("does not leave %j to ssh", (words) => {
    expect(rideCommand(["ssh", ...words]).kind).not.toBe("local");
  });

  it("never throws, and hands on nothing that is not plain", () => {
    const word = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "-",
        "--",
        "-p",
        "-l",
        "-o",
        "-J",
        "-tt",
        "db",
        "a@b",
        "ssh://%zz@h",
        "Port=",
        "User=-x",
      ),
    );
    fc.assert(
      fc.property(fc.array(word), (words) => {
        const command = rideCommand(["ssh", ...words]);
        if (command.kind === "ride") expect(isPlainDestination(command.destination)).toBe(true);
      }),
    );
  });
});
