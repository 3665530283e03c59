import { describe, expect, it } from "vitest";
import { confirmRequest, promptKind } from "../../src/policy/openssh-prompt.ts";
import type { Request } from "../../src/policy/request.ts";

const REAL = "SHA256:sbyCmnlu0E4fzqEnQ9I/whxonWrgCcOHEoOUueBdzKQ";
const FAKE = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const OTHER_HOSTS = "This key is not known by any other names.";
const SURE = "Are you sure you want to continue connecting (yes/no/[fingerprint])? ";
const LISTED = 'public key authentication request for user "git" to listed host';

const permission = (text: string): Request => confirmRequest(text, "confirm", "ssh");
const useKey = (comment: string, more = ""): string =>
  `Allow use of key ${comment}?\nKey fingerprint ${REAL}.${more}`;
const hostKey = (host: string, line = `ED25519 key fingerprint is ${REAL}.`): string =>
  `The authenticity of host '${host}' can't be established.\n${line}\n${OTHER_HOSTS}\n${SURE}`;

describe("a question of OpenSSH's is a request", () => {
  it.each<[string, string, Partial<Request>]>([
    ["ssh-add -c", useKey("work"), { operation: "use-key", key: { fingerprint: REAL, comment: "work" } }],
    [
      "a key without a comment",
      useKey(""),
      { operation: "use-key", key: { fingerprint: REAL, comment: "" } },
    ],
    [
      "a comment with a question mark",
      useKey("me? (yes)"),
      { operation: "use-key", key: { fingerprint: REAL, comment: "me? (yes)" } },
    ],
    ["a key for certain hosts (10.0)", useKey("work", `\n${LISTED}`), { operation: "use-key", user: "git" }],
    ["a session", "Allow shared connection to prod.example? ", { operation: "share" }],
    ["-O exit", "Terminate shared connection to prod.example? ", { operation: "exit" }],
    ["-O stop", "Disable further multiplexing on shared connection to prod.example? ", { operation: "stop" }],
    ["-O proxy", "Allow multiplex proxy connection?", { operation: "proxy" }],
    ["AddKeysToAgent ask", "Add key /home/me/.ssh/id (me@laptop) to agent?", { operation: "add" }],
    [
      "-L",
      "Open local forward LOCALHOST:8080 -> db:5432 on prod?",
      { operation: "forward", forward: { kind: "local", listen: "localhost:8080", connect: "db:5432" } },
    ],
    [
      "-L for everybody, to IPv6",
      "Open local forward *:8080 -> ::1:5432 on prod?",
      { forward: { kind: "local", listen: "*:8080", connect: "[::1]:5432" } },
    ],
    [
      "-L of sockets",
      "Open local forward /run/a:-2 -> /run/b:-2 on prod?",
      { forward: { kind: "local", listen: "/run/a", connect: "/run/b" } },
    ],
    [
      "-D",
      "Open dynamic forward LOCALHOST:1080 -> * on prod?",
      { forward: { kind: "dynamic", listen: "localhost:1080" } },
    ],
    [
      "-R as a SOCKS proxy",
      "Open remote forward LOCALHOST:1080 -> (null):0 on prod?",
      { forward: { kind: "remote", listen: "localhost:1080", connect: "*" } },
    ],
    ["-W", "Allow forward to [db]:22? ", { forward: { kind: "stdio", connect: "db:22" } }],
    ["-W (9.2)", "Allow forward to db:22? ", { forward: { kind: "stdio", connect: "db:22" } }],
    ["-W to IPv6 (9.2)", "Allow forward to ::1:22? ", { forward: { kind: "stdio", connect: "[::1]:22" } }],
    [
      "-W to a socket (9.2)",
      "Allow forward to /run/db:4294967294? ",
      { forward: { kind: "stdio", connect: "/run/db" } },
    ],
    ["-W to IPv6", "Allow forward to [::1]:22? ", { forward: { kind: "stdio", connect: "[::1]:22" } }],
    [
      "-W to a socket (10.0)",
      "Allow forward to path /run/db",
      { forward: { kind: "stdio", connect: "/run/db" } },
    ],
  ])("%s", (_, text, expected) => {
    expect(permission(text)).toMatchObject({ kind: "confirm", prompt: text, ...expected });
    expect(permission(text).data).toBeUndefined();
    expect(promptKind(text, "confirm")).toBe("confirm");
  });

  it.each<[string, string]>([
    ["9.2", hostKey("prod (10.0.0.1)")],
    ["10.0", hostKey("prod (10.0.0.1)", `ED25519 key fingerprint is: ${REAL}`)],
    ["with a jump host", hostKey("prod (<no hostip for proxy command>)")],
    [
      "drawn",
      hostKey(
        "prod (10.0.0.1)",
        `ED25519 key fingerprint is ${REAL}.\n+--[ED25519 256]--+\n|  .o.  |\n+---+`,
      ),
    ],
    ["before 8.0", hostKey("prod (10.0.0.1)").replace("/[fingerprint]", "")],
  ])("a new host key, %s", (_, text) => {
    expect(promptKind(text, undefined)).toBe("confirm");
    expect(confirmRequest(text, undefined, "ssh")).toMatchObject({
      operation: "trust-host-key",
      destination: { verified: false, names: [], claimed: "prod", hostKey: REAL },
    });
  });

  it("a host with a port of its own, and host keys that are to be updated", () => {
    const other = confirmRequest(hostKey("[127.0.0.1]:2222 ([127.0.0.1]:2222)"), undefined, "ssh");
    expect(other.destination?.claimed).toBe("[127.0.0.1]:2222");
    const update = "Accept updated hostkeys? (yes/no): ";
    expect(promptKind(update, undefined)).toBe("confirm");
    expect(confirmRequest(update, undefined, "ssh").operation).toBe("update-host-keys");
  });

  it("whose host is what the program says, and nothing more", () => {
    const { destination } = permission("Allow shared connection to prod? ");
    expect(destination).toEqual({
      verified: false,
      names: [],
      claimed: "prod",
      how: "as ssh says; nobody has checked it",
    });
  });
});

describe("a question that others may have written into is opaque", () => {
  /** What ask_permission() makes of it: 1,023 bytes and no more. */
  const cut = (text: string): string => Buffer.from(text).subarray(0, 1023).toString();

  const forged = (user: string): string =>
    `Allow use of key work?\nKey fingerprint ${FAKE}.\n${LISTED.replace("git", user)}`;

  it.each<[string, string]>([
    ["a comment with another key's fingerprint", useKey(`work?\nKey fingerprint ${FAKE}.`)],
    ["a comment with a newline", useKey("wo\nrk")],
    ["a comment that ends the question", useKey(`work?\nKey fingerprint ${FAKE}.\n${LISTED}`)],
    [
      "a comment that opens a user name",
      useKey(`x?\nKey fingerprint ${FAKE}.\npublic key authentication request for user "y`),
    ],
    [
      "a comment so long that the real fingerprint is cut off",
      cut(`${forged("x".repeat(1023 - forged("").length))}?\nKey fingerprint ${REAL}.`),
    ],
    ["a long comment", cut(useKey("x".repeat(2000)))],
    [
      "a user name with a quote",
      useKey("work", `\n${LISTED.replace("git", 'git" to listed host or "root')}`),
    ],
    ["a user name with a newline", useKey("work", `\n${LISTED.replace("git", "git\nroot")}`)],
    ["an MD5 fingerprint", `Allow use of key work?\nKey fingerprint MD5:${"aa:".repeat(15)}aa.`],
    ["something behind it", `${useKey("work")} `],
    ["another version's words", "May the key work be used?"],
    ["nothing", ""],
    ["yes", "yes"],
    ["a host with a space", "Allow shared connection to prod? or to staging? "],
    ["a host with a newline", "Allow shared connection to prod\nor staging? "],
    ["a host with an escape", "Allow shared connection to \x1b[2Jprod? "],
    ["a forward with an arrow in its address", "Open local forward a:1 -> b:2 -> c:3 on prod?"],
    ["a forward with another host in its address", "Open local forward a:1 -> b:2 on staging on prod?"],
    ["a forward whose address was cut off", `Open local forward ${"a".repeat(200)}:1 -> b:2 on prod?`],
    ["a forward to a relative path", "Open local forward run/a:-2 -> b:2 on prod?"],
    ["a path with a port", "Open local forward LOCALHOST:1 -> /run/b:2 on prod?"],
    ["a dynamic forward that leads somewhere", "Open dynamic forward LOCALHOST:1 -> b:2 on prod?"],
    ["a local forward to everywhere", "Open local forward LOCALHOST:1 -> * on prod?"],
    ["-W with more in its brackets", "Allow forward to [db]:22 or [x]:22? "],
    ["-W with two addresses", "Allow forward to db:22? or x:22? "],
    ["a path with a space", "Allow forward to path /run/db or not"],
  ])("%s", (_, text) => {
    const { data, operation, key, destination, forward, prompt } = permission(text);
    expect({ data, prompt }).toEqual({ data: "opaque", prompt: text });
    expect([operation, key, destination, forward]).toEqual([undefined, undefined, undefined, undefined]);
  });

  it.each<[string, string]>([
    ["a quote in the host's name", hostKey(`a' can't be (b)`)],
    ["a newline in the host's name", hostKey("a\nb (10.0.0.1)")],
    [
      "a line before the fingerprint",
      hostKey("prod (10.0.0.1)", `Never mind.\nED25519 key fingerprint is ${FAKE}.`),
    ],
    ["the server's own words", `(me@prod) ${hostKey("prod (10.0.0.1)")}`],
  ])("and is asked in words where it comes without a hint: %s", (_, text) => {
    expect(promptKind(text, undefined)).toBe("text");
  });
});

it("which it would not be for a byte less: the forged one is then whole", () => {
  const short = `Allow use of key work?\nKey fingerprint ${FAKE}.\n${LISTED}`;
  const user = "x".repeat(1022 - short.length + "git".length);
  expect(permission(short.replace("git", user))).toMatchObject({ operation: "use-key", user });
});

describe("without a hint", () => {
  it.each<[string, string]>([
    ["Enter passphrase for /home/me/.ssh/id: ", "secret"],
    ["me@prod's password: ", "secret"],
    ["(me@prod) Verification code: ", "secret"],
    ["Password for 'https://me@github.com': ", "secret"],
    ["[sudo] password for me: ", "secret"],
    ["Enter PIN for authenticator: ", "secret"],
    [useKey("work"), "secret"],
    ["Allow shared connection to prod? ", "secret"],
    ["Username for 'https://github.com': ", "text"],
    ["Please type 'yes', 'no' or the fingerprint: ", "text"],
    ["Store key in cache? (yes/no) ", "secret"],
    ["Really delete it (yes/no)? ", "text"],
  ])("%j wants a %s", (text, kind) => {
    expect(promptKind(text, undefined)).toBe(kind);
  });

  it("but none is a notice, whatever it says", () => {
    expect(promptKind(useKey("work"), "none")).toBe("notice");
  });
});
