/** Requests, callers and rules to begin from: a test says only what it is about. */
import type { Policy, Rule } from "../../src/policy/policy.ts";
import type { Caller, Destination, Request } from "../../src/policy/request.ts";

export const github: Destination = {
  verified: true,
  names: ["github.com"],
  port: 22,
  hostKey: "SHA256:host-key-of-github",
  how: "host key known",
};

/** Nobody proved anything: a client without session-bind. */
export const unverified: Destination = { verified: false, names: [], how: "no session-bind" };

/** A login at github.com as git. */
export const login: Request = {
  kind: "sign",
  data: "userauth",
  destination: github,
  user: "git",
  key: { type: "ssh-ed25519", fingerprint: "SHA256:fingerprint-of-work", comment: "work" },
  path: [],
  forwarded: false,
};

/** A signature for git, and where there is no host. */
export const gitSignature: Request = {
  kind: "sign",
  data: "sshsig",
  namespace: "git",
  key: { type: "ssh-ed25519", fingerprint: "SHA256:fingerprint-of-work", comment: "work" },
  path: [],
  forwarded: false,
};

export const caller: Caller = {
  pid: 4711,
  startTime: "100",
  exe: "/usr/bin/ssh",
  name: "ssh",
  cmdline: ["ssh", "git@github.com", "git-upload-pack 'repo.git'"],
  cwd: "/home/someone/repo",
  tty: "/dev/pts/3",
  session: "login:2",
  ancestors: [
    { pid: 4710, startTime: "99", exe: "/usr/bin/git", name: "git", cmdline: ["git", "fetch"] },
    { pid: 4000, startTime: "50", exe: "/usr/bin/bash", systemShell: true, name: "bash", cmdline: ["-bash"] },
  ],
  container: false,
};

export function rule(fields: Partial<Rule>): Rule {
  return { name: "a rule", action: "allow", ...fields };
}

export function policy(rules: Partial<Rule>[], more: Partial<Policy> = {}): Policy {
  return { default: "ask", rules: rules.map(rule), approved: [], ...more };
}
