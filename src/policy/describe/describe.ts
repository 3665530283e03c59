/** The words of a prompt, of a denial and of a log line. All text from a request goes through visible(). */
import { unreachable } from "../../unreachable.ts";
import { describeDuration } from "../duration.ts";
import type { Remember } from "../grants.ts";
import type { Answer, Question } from "../question.ts";
import type { Caller, Destination, Operation, Request } from "../request.ts";
import { inQuotes, named, quoted, visible, visibleEnds } from "../visible.ts";
import {
  describeActor,
  describeCaller,
  describeCommandLines,
  describeForwarder,
  hostName,
  programName,
} from "./caller.ts";
import { describeCoverage } from "./coverage.ts";
import { describeKey, describeOperation, describeType, operations } from "./operation.ts";

/**
 * What is asked for, in one phrase: `log in to github.com as git with key "work"`, `run "uptime" on prod-db
 * as root`.
 */
export function describeRequest(request: Request): string {
  return `${describeAsked(request)}${describePath(request)}`;
}

function describeAsked(request: Request): string {
  switch (request.kind) {
    case "sign":
      return `${describeSigned(request)}${request.key ? ` with ${describeKey(request.key)}` : ""}`;
    case "admin":
      return describeOperation(request);
    case "session":
      return `${describeSession(request)} on ${describeLogin(request)}${describeExtras(request)}`;
    case "forward":
      return describeForward(request);
    case "proxy":
      return `use the whole connection to ${describeHost(request.destination)} (proxy)`;
    case "terminate":
      return `${operations[request.operation === "stop" ? "stop" : "exit"]} ${describeHost(request.destination)}`;
    case "connect":
      return `connect to ${describeLogin(request)}${describePurpose(request)}`;
    case "confirm":
      return describeConfirm(request);
    default:
      return unreachable(request.kind);
  }
}

/** What a yes to OpenSSH's own question is good for. */
function describeConfirm(request: Request): string {
  const { operation, key, user, destination } = request;
  const host = destination?.claimed === undefined ? "" : ` to ${quoted(destination.claimed, 100)}`;
  switch (operation) {
    case "use-key":
      return `have ${key ? describeKey(key) : "a key"} used${user === undefined ? "" : ` to log in as ${named(user)}`}`;
    case "share":
      return `share its connection${host}`;
    case "forward":
      return describeForward({ ...request, operation: undefined }, `its connection${host}`);
    case "proxy":
      return "share its whole connection (proxy)";
    case "exit":
      return `end its shared connection${host}`;
    case "stop":
      return `stop sharing its connection${host}`;
    case "add":
      return "add a key to the agent";
    case "trust-host-key":
      return `trust the host key that it was given by ${quoted(destination?.claimed ?? "", 100)}`;
    case "update-host-keys":
      return "trust further host keys of a server";
    default:
      return "get a yes to a question that muxguard can't read";
  }
}

function describeSigned(request: Request): string {
  switch (request.data) {
    case "userauth":
      return `log in to ${describeLogin(request)}`;
    case "sshsig":
      return `sign for ${quoted(request.namespace ?? "", 64)}`;
    default:
      return "sign data of unknown shape";
  }
}

function describeLogin({ destination, user }: Request): string {
  return `${describeHost(destination)}${user === undefined ? "" : ` as ${named(user)}`}`;
}

function describeSession({
  command,
  subsystem,
}: {
  command?: string | undefined;
  subsystem?: string | undefined;
}): string {
  if (subsystem !== undefined) return `use the subsystem ${quoted(subsystem, 64)}`;
  if (command === undefined) return "open a session";
  return command === "" ? "open a shell" : `run ${inQuotes(visibleEnds(command, 160))}`;
}

/** What a connection is for, as whoever asks for it says. */
function describePurpose({ command, subsystem, forward }: Request): string {
  if (forward) return `, to reach ${named(forward.connect ?? "*", 100)}`;
  const asked = command !== undefined || subsystem !== undefined;
  return asked ? `, to ${describeSession({ command, subsystem })}` : "";
}

/**
 * What a session brings along: ` with X11 forwarding and agent forwarding, setting LANG, LC_ALL, TERM and 2
 * more`.
 */
function describeExtras({ x11, forwardAgent, environment = [] }: Request): string {
  const extras = [...(x11 ? ["X11 forwarding"] : []), ...(forwardAgent ? ["agent forwarding"] : [])];
  return [
    ...(extras.length > 0 ? [` with ${extras.join(" and ")}`] : []),
    ...(environment.length > 0 ? [` setting ${describeNames(environment, FEW)}`] : []),
  ].join(",");
}

/** How many variables a phrase names; a question has a line for more. */
const FEW = 3;
const MANY = 16;

function describeNames(names: readonly string[], limit: number): string {
  const shown = names.slice(0, limit).map((name) => named(name, 32));
  return `${shown.join(", ")}${names.length > limit ? ` and ${names.length - limit} more` : ""}`;
}

function describeForward(
  {
    forward,
    destination,
    operation,
  }: Pick<Request, "forward" | "destination"> & { operation?: Operation | undefined },
  host = describeHost(destination),
): string {
  const [listen, connect] = [named(forward?.listen ?? "", 100), named(forward?.connect ?? "*", 100)];
  if (forward?.kind === "stdio") return `connect to ${connect} through ${host}`;
  const there = forward?.kind === "remote";
  // a proxy client deals with the connections itself
  if (there && forward.connect === undefined) return `accept connections at ${listen} on ${host}`;
  const way = there ? `${listen} on ${host} to ${connect}` : `${listen} to ${connect} through ${host}`;
  const socks = `a SOCKS proxy at ${listen} ${there ? "on" : "through"} ${host}`;
  if (operation === "cancel") return `${operations.cancel} ${connect === "*" ? socks : way}`;
  return connect === "*" ? `open ${socks}` : `forward ${way}`;
}

/** The host's name, or that it is unknown and what the caller says of it. */
function describeHost(destination: Destination | undefined): string {
  if (!destination?.verified) {
    const claimed = destination?.claimed;
    return claimed === undefined
      ? "an unknown destination"
      : `an unknown destination (it says ${quoted(claimed, 100)})`;
  }
  return hostName(destination);
}

/**
 * Where to, and how that is known: `github.com, host key known (also known as gh)`, `unknown host key
 * SHA256:…`.
 */
function describeProof(destination: Destination, { kind }: Request): string {
  const { how, verified, hostKey, claimed, names } = destination;
  if (verified) return `${hostName(destination)}, ${visible(how)}${describeAliases(names.slice(1))}`;
  if (kind !== "confirm") return hostKey === undefined ? visible(how) : `${visible(how)} ${hostKey}`;
  const name = claimed === undefined ? [] : [quoted(claimed, 100)];
  return [...name, ...(hostKey === undefined ? [] : [`host key ${hostKey}`]), visible(how)].join(", ");
}

function describeAliases(names: readonly string[]): string {
  return names.length === 0 ? "" : ` (also known as ${describeNames(names, MANY)})`;
}

function describePath({ path }: Request): string {
  return path.length > 0 ? `, forwarded through ${path.map(hostName).join(" → ")}` : "";
}

export function describeRemember(remember: Remember): string {
  if (typeof remember === "object") return `for ${describeDuration(remember.milliseconds)}`;
  return lengths[remember];
}

const lengths: Record<Remember & string, string> = {
  once: "once",
  run: "until this run ends",
  session: "until this session ends",
  always: "always",
};

/** The answers that a person may choose from, the safest first. */
export function answersTo({ choices, denyFor, hosts }: Question): { name: string; value: Answer }[] {
  const deny: Answer = { decision: "deny", reason: "you said no" };
  const allowed = choices.map((remember) => ({
    name: `allow ${describeRemember(remember)}`,
    value: { decision: "allow", remember } satisfies Answer,
  }));
  const apart: Answer = { decision: "apart" };
  const answers = [
    { name: "deny", value: deny },
    ...allowed,
    ...(hosts ? [{ name: "ask about each host on its own", value: apart }] : []),
  ];
  if (denyFor === undefined) return answers;
  const remember = { milliseconds: denyFor };
  return [...answers, { name: `deny ${describeRemember(remember)}`, value: { ...deny, remember } }];
}

/** What is left on a screen where a question stood. Why it was denied is said by the denial itself. */
export function describeAnswer(answer: Answer): string {
  if (answer.decision === "apart") return "each host is asked about on its own";
  return answer.decision === "allow"
    ? `allowed ${describeRemember(answer.remember)}`
    : `denied${answer.remember ? ` ${describeRemember(answer.remember)}` : ""}`;
}

/**
 * What decided, and why: `rule "agents ask"`, `you said no, on the terminal`, `no answer within 60 seconds`.
 */
export function describeDecision(by: string, reason?: string): string {
  const [what, name] = by.split(/:(.*)/s);
  const because = reason === undefined ? "" : visible(reason, 300);
  switch (what) {
    case "rule":
      return `rule ${quoted(name ?? "", 80)}`;
    case "grant":
      return `your answer ${name}`;
    case "approver":
      return `${because || "you"}, ${approverPlaces[name ?? ""] ?? name}`;
    case "fault":
      return because || `fault ${name}`;
    default:
      return because || "the default";
  }
}

const approverPlaces: Record<string, string> = {
  notification: "on the desktop",
  terminal: "on the terminal",
  tmux: "in tmux",
  askpass: "in the askpass program",
  command: "through the command of config.toml",
  queue: "with muxguard approve or deny",
};

/** The same, to be described at another host. */
export function atHost(request: Request, name: string): Request {
  return { ...request, destination: { verified: true, names: [name], how: "" } };
}

export function onHosts(request: Request, count: number): Request {
  return atHost(request, `${count} hosts`);
}

/** What OpenSSH asks on its own behalf. The rest is on behalf of programs that it doesn't name. */
const ownQuestions: ReadonlySet<Request["operation"]> = new Set([
  "trust-host-key",
  "update-host-keys",
  "add",
]);

function describePrompt(prompt: string, { operation }: Request): string[] {
  // a line break is told from what looks like one
  const text = prompt.includes(" / ") ? prompt : prompt.trim().replaceAll("\n", " / ");
  const unknown = "for whom: it does not say. Any program that reaches it may have asked";
  const byWhom = "by whom: any program that reaches it may have asked";
  const whom = ownQuestions.has(operation) ? [] : [operation === "use-key" ? byWhom : unknown];
  return [`it says: ${inQuotes(visibleEnds(text.trim(), 400))}`, ...whom];
}

/** Who wants what, in one line: `git (through ssh) wants to log in to github.com as git with key "work"`. */
function describeHeadline({ request, caller, hosts }: Question): string {
  if (request.kind === "confirm") return describeAsker(request, caller);
  const asked = hosts ? onHosts(request, hosts.length) : request;
  if (!request.forwarded) return `${describeActor(caller)} wants to ${describeRequest(asked)}`;
  const { path } = request;
  const who = describeForwarder(caller, hostName(path.at(-1) ?? { names: [] }));
  return `${who} wants to ${path.length > 1 ? describeRequest(asked) : describeAsked(asked)}`;
}

/**
 * An ssh-agent or a master asks for somebody that it doesn't name: what started it, long ago, is not who
 * wants something.
 */
function describeAsker(request: Request, caller: Caller): string {
  const { operation, key, user } = request;
  if (operation !== "use-key") return `${programName(caller)} wants to ${describeRequest(request)}`;
  const name = caller.exe === undefined ? named(caller.name, 32) : programName(caller);
  const purpose = user === undefined ? "" : ` to log in as ${named(user)}`;
  return `${name} asks: may ${key ? describeKey(key) : "a key"} be used${purpose}? It does not say by whom`;
}

function describeWhere({ request, hosts }: Question): string[] {
  const { destination } = request;
  if (hosts) return [`hosts, all with a known key: ${hosts.map(({ name }) => name).join(", ")}`];
  return destination ? [`destination: ${describeProof(destination, request)}`] : [];
}

function describeWho({ request, caller, hosts }: Question): string[] {
  const claimed = describeCommandLines(caller, request);
  const lines = [`${request.forwarded ? "forwarded" : "asked"} by: ${describeCaller(caller)}`];
  if (claimed !== "") lines.push(`command line${hosts ? " of the first" : ""} (claimed): ${claimed}`);
  return lines;
}

/** Why it is asked. */
function describeBecause({ because }: Question): string {
  return because === "default" ? 'no rule says otherwise (default = "ask")' : describeDecision(because);
}

function describeWaiting({ count, hosts, caller }: Question): string[] {
  if (count <= (hosts?.length ?? 1)) return [];
  return [`${count} requests from ${programName(caller)} wait for the answer`];
}

/** The lines of a prompt: who wants what, where, and why it is asked. */
export function describeQuestion(question: Question): string[] {
  const { request, caller } = question;
  const { environment = [] } = request;
  const lines = [describeHeadline(question), ...describeWhere(question)];
  if (request.key) lines.push(`key: ${describeType(request.key.type)}${request.key.fingerprint}`);
  if (request.prompt !== undefined) lines.push(...describePrompt(request.prompt, request));
  lines.push(...describeWho(question));
  if (caller.cwd !== undefined) lines.push(`working directory: ${quoted(caller.cwd, 100)}`);
  if (environment.length > FEW) lines.push(`variables: ${describeNames(environment, MANY)}`);
  lines.push(...describeWaiting(question));
  lines.push(`because: ${describeBecause(question)}`);
  lines.push(`an approval covers: ${describeCoverage(question)}`);
  if (question.approvals !== undefined && question.rule)
    lines.push(
      `you have allowed this ${question.approvals} times; "allow always" writes a rule to approved.toml:`,
      ...question.rule.map((line) => `  ${visible(line, 300)}`),
    );
  return lines;
}

/**
 * The same for where there is little room: what matters most comes first, and what the request itself says
 * last.
 */
export function describeShortly(question: Question): string[] {
  const { request } = question;
  const { key, environment = [] } = request;
  return [
    describeHeadline(question),
    ...describeWhere(question),
    `an approval covers: ${describeCoverage(question)}`,
    ...describeWaiting(question),
    `because: ${describeBecause(question)}`,
    ...(request.prompt === undefined ? [] : describePrompt(request.prompt, request)),
    ...describeWho(question),
    ...(environment.length > FEW ? [`variables: ${describeNames(environment, MANY)}`] : []),
    ...(key && key.comment === undefined ? [`key: ${describeType(key.type)}${key.fingerprint}`] : []),
  ];
}
