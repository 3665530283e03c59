/** What people are usually asked: the cases of docs/questions.md. */
import { describeBriefly } from "../../src/policy/describe/brief.ts";
import { exactRule, formatRule } from "../../src/policy/exact-rule.ts";
import type { Question } from "../../src/policy/question.ts";
import type { Caller, Destination, Host, Process, Request } from "../../src/policy/request.ts";
import { question } from "./guard.ts";

export interface UsualQuestion {
  /** As the document calls it. */
  name: string;
  question: Question;
}

const key = { type: "ssh-ed25519", fingerprint: "SHA256:…", comment: "me@laptop" };
const known = (name: string): Destination => ({
  verified: true,
  names: [name],
  port: 22,
  how: "host key known",
});
const place = { path: [] as Host[], forwarded: false };

function started(by: string, ...cmdline: string[]): Process {
  return { pid: 17, startTime: "1", exe: by, name: by, cmdline };
}

const shell: Process = { ...started("/usr/bin/bash", "-bash"), systemShell: true, leadsTerminal: true };
const tmux: Process = { ...started("/usr/bin/tmux", "tmux"), ofRoot: true };
const claude = started("/usr/bin/node", "node", "/usr/bin/claude");

/** At the prompt of a shell in tmux. The first is what asks. */
function asks(process: Process, ...ancestors: Process[]): Caller {
  const fixed = { cwd: "/home/me/src/site", tty: "/dev/pts/3", session: "login:2", container: false };
  return { ...process, ...fixed, leader: { pid: 9, startTime: "1" }, ancestors: [...ancestors, shell, tmux] };
}

const HOLDER = 16;
/** What holds a run: its line of programs ends there. */
const holder = { ...started("/usr/bin/node", "node", "/usr/bin/muxguard", "run"), pid: HOLDER };
const inRun = (name: string, caller: Caller): Caller => ({ ...caller, run: { name, pid: HOLDER } });
const ssh = (...words: string[]): Process => started("/usr/bin/ssh", "ssh", ...words);
const login = (host: string, user: string): Request => ({
  ...{ kind: "sign", data: "userauth", destination: known(host), user, key },
  ...place,
});
const over = (host: string, user: string, fields: Partial<Request>): Request => ({
  ...{ kind: "session", destination: known(host), user },
  ...place,
  ...fields,
});

const lasting = { choices: ["once", "lasting"] as Question["choices"], lasts: "terminal" as const };
const usual = (
  name: string,
  request: Request,
  caller: Caller,
  more: Partial<Question> = {},
): UsualQuestion => ({
  name,
  question: question({ ...lasting, request, caller, ...more }),
});

/** With the rule that "always" would write, as after two approvals. */
const offered = (name: string, request: Request, caller: Caller): UsualQuestion => {
  const destination = request.destination && { ...request.destination, hostKey: "SHA256:…" };
  const proven = { ...request, ...(destination && { destination }) };
  const rule = exactRule(proven, caller, true);
  if (!rule) throw new Error("no rule");
  const choices: Question["choices"] = ["once", "run", "always"];
  return usual(name, proven, caller, { choices, rule: formatRule(rule), approvals: 2 });
};

const push = started("/usr/bin/git", "git", "push", "origin", "main");
const pushing = "git-receive-pack 'me/site.git'";
const web = Array.from({ length: 20 }, (_, at) => `web${at + 1}`);
/** The executable that Debian 12 has under that name. */
const python = (...words: string[]): Process => started("/usr/bin/python3.11", "/usr/bin/python3", ...words);
const deploy = python("/usr/bin/ansible-playbook", "deploy.yml");
/** The kernel hides its executable and its working directory: no other process may trace it. */
const { cwd: __, ...opening } = asks({
  ...{ pid: 17, startTime: "1", name: "muxguard" },
  cmdline: ["node", "/usr/bin/muxguard", "open", "build"],
});
/** In the background, where nothing is above it. The kernel hides its executable. */
const { tty: _, ...agent } = asks({ pid: 17, startTime: "1", name: "ssh-agent", cmdline: ["ssh-agent"] });

export const usualQuestions: readonly UsualQuestion[] = [
  usual(
    "git push by an agent, in a run",
    login("github.com", "git"),
    inRun("claude", asks(ssh("git@github.com", pushing), push, claude, holder)),
  ),
  offered(
    "the same for the third time",
    login("github.com", "git"),
    inRun("claude", asks(ssh("git@github.com", pushing), push, claude, holder)),
  ),
  usual(
    "the same over a shared connection",
    over("github.com", "git", { command: pushing }),
    inRun("claude", asks(ssh("git@github.com", pushing), push, claude, holder)),
    { lasts: "connection" },
  ),
  usual("a deployment on 20 hosts", login("web1", "root"), asks(ssh("root@web1", "true"), deploy), {
    hosts: web.map((name) => ({ id: name, name })),
    count: 20,
  }),
  usual(
    "a deployment, one host after the other",
    login("web1", "root"),
    asks(ssh("root@web1", "true"), python("deploy.py")),
  ),
  usual("a login (ssh HOST)", login("staging", "me"), asks(ssh("staging"))),
  usual("a shell over a shared connection", over("prod-web", "me", { command: "" }), asks(ssh("prod-web")), {
    lasts: "connection",
  }),
  usual(
    "a login over a forwarded agent (ssh -A)",
    { ...login("db", "root"), forwarded: true, path: [{ names: ["bastion"] }] },
    asks(ssh("-A", "bastion")),
  ),
  usual(
    "a login to a host that is not in known_hosts",
    {
      ...login("new-box", "me"),
      destination: {
        ...{ verified: false, names: [], how: "unknown host key" },
        ...{ hostKey: "SHA256:…", claimed: "new-box" },
      },
    },
    asks(ssh("new-box")),
  ),
  usual(
    "a login by a program that proves no host (paramiko)",
    { ...login("", "me"), destination: { verified: false, names: [], how: "no session-bind" } },
    asks(python("backup.py")),
  ),
  usual(
    "a tunnel (ssh -L)",
    over("prod-db", "me", {
      kind: "forward",
      forward: { kind: "local", listen: "localhost:5432", connect: "db.internal:5432" },
    }),
    asks(ssh("-L", "5432:db.internal:5432", "prod-db")),
    { lasts: "connection" },
  ),
  usual(
    "a jump (ssh -W)",
    over("prod-db", "me", { kind: "forward", forward: { kind: "stdio", connect: "db.internal:22" } }),
    asks(ssh("-W", "db.internal:22", "prod-db")),
    { lasts: "connection" },
  ),
  usual(
    "rsync over a shared connection",
    over("prod-db", "me", { command: "rsync --server -logDtpre.iLsfxCIvu . site/" }),
    asks(
      ssh("prod-db", "rsync", "--server"),
      started("/usr/bin/rsync", "rsync", "-a", "./", "prod-db:site/"),
    ),
    { lasts: "connection" },
  ),
  usual(
    "sftp over a shared connection",
    over("prod-db", "me", { subsystem: "sftp" }),
    asks(ssh("-s", "prod-db", "sftp"), started("/usr/bin/sftp", "sftp", "prod-db")),
    { lasts: "connection" },
  ),
  usual(
    "a signed commit",
    {
      ...{ kind: "sign", data: "sshsig", namespace: "git", key, ...place },
      ...{ repository: "/home/me/src/site", branch: "main", remote: "git@github.com:me/site.git" },
    },
    asks(
      started("/usr/bin/ssh-keygen", "ssh-keygen", "-Y", "sign", "-n", "git"),
      started("/usr/bin/git", "git", "commit", "-S", "-m", "Mend the footer"),
    ),
  ),
  usual(
    "muxguard open",
    {
      ...over("build", "me", { kind: "connect" }),
      destination: { ...known("build"), how: "host key checked by ssh" },
    },
    opening,
  ),
  usual(
    "ssh-add -c, asked by ssh-agent",
    {
      ...{ kind: "confirm", operation: "use-key", key: { fingerprint: "SHA256:…", comment: "me@laptop" } },
      ...{ prompt: "Allow use of key me@laptop?\nKey fingerprint SHA256:….", ...place },
    },
    { ...agent, ancestors: [] },
  ),
];

/** The lines that the document has for a case. */
export function documented(name: string): string[] {
  const usual = usualQuestions.find((one) => one.name === name);
  if (!usual) throw new Error(`no usual question ${name}`);
  return describeBriefly(usual.question);
}
