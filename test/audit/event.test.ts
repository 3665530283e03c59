/** What the log keeps of a request, and what `muxguard log` makes of it. */
import { describe, expect, it } from "vitest";
import { type AuditEvent, auditEvent, eventText } from "../../src/audit/event.ts";
import { describeEvent } from "../../src/cli/log/describe-event.ts";
import { describeProgram } from "../../src/policy/describe/caller.ts";
import { describeRequest } from "../../src/policy/describe/request.ts";
import type { Caller, Request } from "../../src/policy/request.ts";
import { caller, github, gitSignature, login, unverified } from "../support/policy.ts";

/** As it comes back from the file. */
function logged(request: Request, who: Caller = caller): AuditEvent {
  const decided = { time: new Date(0), id: "a", decision: "allow", by: "default", waitedMs: 1.4 } as const;
  return JSON.parse(eventText(auditEvent({ ...decided, request, caller: who })));
}

const place = { destination: github, user: "git", path: [], forwarded: false };
const session: Request = {
  ...place,
  kind: "session",
  command: "printf '\udcff'",
  tty: true,
  x11: true,
  forwardAgent: true,
  environment: ["LANG", "LC_ALL"],
};
const forward: Request = {
  ...place,
  kind: "forward",
  operation: "cancel",
  forward: { kind: "local", listen: "localhost:8080", connect: "db:5432" },
};

describe("the event of a decision", () => {
  it.each(["with who asks, once", "and again", "without"])("is written as JSON has it, %s", (which) => {
    const decided = { time: new Date(0), id: "a", decision: "deny", by: "default", waitedMs: 1.4 } as const;
    const event = auditEvent({
      ...decided,
      request: session,
      caller: which === "without" ? undefined : caller,
    });
    expect(eventText(event)).toBe(JSON.stringify(event));
    const { waitedMs: _, ...short } = event;
    expect(eventText(short)).toBe(JSON.stringify(short));
  });

  it("says who asks as that is, also of another one that looks the same", () => {
    const other = { ...caller, cwd: "/elsewhere" };
    expect([logged(session).caller, logged(session, other).caller?.cwd, logged(session).caller]).toEqual([
      logged(session, { ...caller }).caller,
      "/elsewhere",
      logged(session, { ...caller }).caller,
    ]);
  });

  it("holds what a session wants", () => {
    const { command, tty, x11, forwardAgent, environment } = session;
    expect(logged(session)).toMatchObject({
      kind: "session",
      host: "github.com",
      user: "git",
      ...{ command, tty, x11, forwardAgent, environment },
    });
  });

  it("holds a forward, and what is done with it", () => {
    expect(logged(forward)).toMatchObject({
      kind: "forward",
      operation: "cancel",
      forward: { kind: "local", listen: "localhost:8080", connect: "db:5432" },
    });
  });

  it("leaves out what does not apply", () => {
    const { caller: _, ...event } = logged({ ...place, kind: "session", command: "" });
    expect(event).toEqual({
      time: "1970-01-01T00:00:00.000Z",
      id: "a",
      kind: "session",
      decision: "allow",
      by: "default",
      host: "github.com",
      port: 22,
      hostKey: "SHA256:host-key-of-github",
      verified: true,
      how: "host key known",
      user: "git",
      command: "",
      waitedMs: 1,
    });
  });

  it("keeps bytes that were not UTF-8 as they are, in a line of ASCII", () => {
    expect(logged(session).command).toBe("printf '\udcff'");
    expect(JSON.stringify(logged(session))).toContain("\\udcff");
  });
});

describe("muxguard log reads", () => {
  const requests: Request[] = [
    login,
    gitSignature,
    session,
    { ...place, kind: "session", subsystem: "sftp", destination: { ...unverified, claimed: "prod" } },
    { ...place, kind: "session", command: "" },
    forward,
    { ...place, kind: "forward", forward: { kind: "dynamic", listen: "localhost:1080" } },
    { ...place, kind: "forward", forward: { kind: "stdio", connect: "db:22" } },
    { ...place, kind: "proxy" },
    { ...place, kind: "terminate", operation: "exit" },
    { ...place, kind: "terminate", operation: "stop" },
    { ...place, kind: "connect" },
    { ...login, forwarded: true, path: [{ names: ["bastion"] }] },
  ];

  it.each(requests.map((request) => [describeRequest(request), request] as const))("%s", (words, request) => {
    expect(describeEvent(logged(request))).toContain(` allow  ${words} (the default): ssh`);
  });

  it("names a caller whose executable the kernel hides as it calls itself", () => {
    const { exe: _, ...hidden } = caller;
    expect(describeEvent(logged(login, { ...hidden, name: "ssh-agent" }))).toMatch(
      /: \(ssh-agent\)(?: ← git)?$/,
    );
  });

  it("says where the file of a program was removed or replaced while it ran", () => {
    const deleted = { ...caller, exeDeleted: true } as const;
    expect(logged(login, deleted).caller?.exe).toBe("/usr/bin/ssh (deleted)");
    expect(describeEvent(logged(login, deleted))).toMatch(/: ssh \(deleted\)(?: ← git)?$/);
    expect(describeProgram(deleted)).toBe("git (through ssh (deleted))");
  });
});
