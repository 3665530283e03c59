/**
 * The question in one line, which every approver shows first: `git "push" → github.com as git, in run
 * "claude"?`. What a request or a caller says of itself stands in quotes here too. So `git push` without
 * them is what the host is asked to run, and `git "push"` what git's own command line says.
 */
import type { Question } from "../question.ts";
import type { Caller, Process, Request } from "../request.ts";
import { folded, inQuotes, named, nameFolded, visible } from "../visible.ts";
import { actorOf, hostName, programName, shortName } from "./caller.ts";
import { describeHost } from "./destination.ts";
import { describeKey } from "./operation.ts";
import { describeAsked, describeBrought, describeForward, onHosts } from "./request.ts";

/** The longest of each thing, in characters: the line is to be seen whole. */
const LONGEST = { program: 40, command: 32, host: 48, user: 24, end: 40, key: 32, run: 24 };

export function describeTitle(question: Question): string {
  const { machine } = question;
  return machine === undefined ? ownTitle(question) : `${named(machine, 64)}: ${ownTitle(question)}`;
}

function ownTitle({ request, caller, hosts }: Question): string {
  const asked = hosts ? onHosts(request, hosts.length) : request;
  if (request.kind === "confirm") return `${askerName(request, caller)}: ${whatIsConfirmed(request)}?`;
  const run = caller.run ? `, in run ${inQuotes(folded(caller.run.name, LONGEST.run))}` : "";
  return `${whoAndWhat(asked, caller)}${where(asked)}${run}?`;
}

/** Whether the title has another word for what is asked, or not all of it. */
export function isMoreThanItsTitle(request: Request): boolean {
  const { kind, command = "" } = request;
  if (kind === "session")
    return gitCommand(command) !== undefined || visible(command).length > LONGEST.command;
  return kind === "forward" && describeForward(request) !== shortForward(request);
}

/** An ssh-agent or a master: what started it is not who wants something. */
function askerName({ operation }: Request, caller: Caller): string {
  const isHidden = operation === "use-key" && caller.exe === undefined;
  return isHidden ? named(caller.name, 32) : programName(caller, LONGEST.program);
}

function whatIsConfirmed(request: Request): string {
  const { operation, key, user } = request;
  if (operation !== "use-key") return describeAsked(request);
  const purpose = user === undefined ? "" : ` to log in as ${nameFolded(user, LONGEST.user)}`;
  return `may ${key ? describeKey(key, LONGEST.key) : "a key"} be used${purpose}`;
}

function whoAndWhat(request: Request, caller: Caller): string {
  const { forwarded, path } = request;
  if (forwarded) {
    const place = hostName(path.at(-1) ?? { names: [] }, LONGEST.host);
    return saying(`something on ${place}`, whatIn(request));
  }
  const actor = actorOf(caller);
  const git = request.kind === "session" ? gitCommand(request.command) : undefined;
  if (git !== undefined) {
    return isGit(actor)
      ? `${programName(actor, LONGEST.program)} ${git}`
      : saying(actorName(actor), `git ${git}`);
  }
  return saying(actorName(actor), whatIn(request));
}

/** `sftp` alone is enough. */
function saying(who: string, what: string | undefined): string {
  return what === undefined || what === who ? who : `${who}: ${what}`;
}

/** With what git says that it does. */
function actorName(actor: Process): string {
  const claimed = isGit(actor) ? claimedCommand(actor) : undefined;
  const name = shortName(actor, LONGEST.program);
  return claimed === undefined ? name : `${name} ${inQuotes(claimed)}`;
}

/** Undefined for a login, which is what an arrow alone stands for. */
function whatIn(request: Request): string | undefined {
  const { kind, data, key } = request;
  const withKey = key ? ` with ${describeKey(key, LONGEST.key)}` : "";
  switch (kind) {
    case "connect":
      return undefined;
    case "sign":
      return data === "userauth" ? undefined : `${signature(request)}${withKey}`;
    case "session":
      return session(request);
    case "forward":
      return shortForward(request);
    default:
      return describeAsked(request);
  }
}

function signature({ data, namespace = "" }: Request): string {
  return data === "sshsig"
    ? `sign for ${inQuotes(folded(namespace, LONGEST.end))}`
    : "sign data of unknown shape";
}

function session({ command, subsystem }: Request): string {
  if (subsystem !== undefined)
    return subsystem === "sftp" ? "sftp" : `subsystem ${inQuotes(folded(subsystem, LONGEST.end))}`;
  if (command === undefined) return "a session";
  return command === "" ? "a shell" : `run ${inQuotes(folded(command, LONGEST.command))}`;
}

function shortForward(request: Request): string {
  return describeForward(request, describeHost(request.destination, LONGEST.host), LONGEST.end);
}

function where(request: Request): string {
  const { kind, data, destination, user } = request;
  const isThere = kind === "session" || kind === "connect" || (kind === "sign" && data === "userauth");
  if (!isThere) return "";
  const as = user === undefined ? "" : ` as ${nameFolded(user, LONGEST.user)}`;
  return ` → ${describeHost(destination, LONGEST.host)}${as}${describeBrought(request)}`;
}

/**
 * What git has its server run, with one word that no shell reads (connect.c of git). Anything more could be
 * another command beside it.
 */
const serverCommands = /^git[- ](receive-pack|upload-pack|upload-archive) '[^'\n]*'$/;
const gitWords = { "receive-pack": "push", "upload-pack": "fetch", "upload-archive": "archive" } as const;

function gitCommand(command = ""): string | undefined {
  const [, program] = serverCommands.exec(command) ?? [];
  return program === undefined ? undefined : gitWords[program as keyof typeof gitWords];
}

function isGit({ exe, exeForeign }: Process): boolean {
  return exe !== undefined && !exeForeign && exe.endsWith("/git");
}

/** Git's options before its command that take the next word (git.c). */
const takingNext: ReadonlySet<string> = new Set([
  "-C",
  "-c",
  "--git-dir",
  "--work-tree",
  "--namespace",
  "--super-prefix",
  "--config-env",
]);

/** `push` of `git -C site push origin`. */
function claimedCommand({ cmdline }: Process): string | undefined {
  for (let at = 1; at < cmdline.length; at++) {
    const word = cmdline[at] ?? "";
    if (takingNext.has(word)) at++;
    else if (!word.startsWith("-")) return /^[a-z][a-z-]{0,24}$/.test(word) ? word : undefined;
  }
  return undefined;
}
