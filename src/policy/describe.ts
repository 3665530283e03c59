/** The words of a prompt, of a denial and of a log line. All text from a request goes through visible(). */
import { unreachable } from "../unreachable.ts";
import { isPlainShell, ownLine } from "./coverage.ts";
import { describeDuration } from "./duration.ts";
import type { Remember } from "./grants.ts";
import type { Answer, Question } from "./question.ts";
import type {
  AdminOperation,
  Caller,
  ControlOperation,
  connectionOperations,
  Destination,
  Host,
  KeyFacts,
  Operation,
  Process,
  Request,
} from "./request.ts";
import { visible, visibleEnds } from "./visible.ts";

/** What is asked for, in one phrase: `log in to github.com as git with key "work"`, `run "uptime" on prod-db as root`. */
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

/** What a session brings along: ` with X11 forwarding and agent forwarding, setting LANG, LC_ALL, TERM and 2 more`. */
function describeExtras({ x11, forwardAgent, environment = [] }: Request): string {
  const extras = [...(x11 ? ["X11 forwarding"] : []), ...(forwardAgent ? ["agent forwarding"] : [])];
  return [
    ...(extras.length > 0 ? [` with ${extras.join(" and ")}`] : []),
    ...(environment.length > 0 ? [` setting ${describeNames(environment, FEW)}`] : []),
  ].join(",");
}

/** How many variables a phrase names; a question has a line for more. */
const FEW = 3;

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

/** As it is if it can only be a name or an address, otherwise in quotes: it must not read like more words of the question. */
function named(text: string, limit = 64): string {
  return text.length <= limit && /^[\w.@+:*%/[\]-]+$/.test(text) ? text : quoted(text, limit);
}

function quoted(text: string, limit: number): string {
  return inQuotes(visible(text, limit));
}

function inQuotes(shown: string): string {
  return `"${shown.replaceAll('"', '\\"')}"`;
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

export function hostName(host: Host): string {
  const name = visible(host.names[0] ?? host.hostKey ?? "hosts that nobody can name", 100);
  return host.port === undefined || host.port === 22 ? name : `${name} port ${host.port}`;
}

/** How the destination is known: `host key known`, `unknown host key SHA256:…`. */
function describeProof({ how, verified, hostKey }: Destination): string {
  return verified || hostKey === undefined ? visible(how) : `${visible(how)} ${hostKey}`;
}

function describePath({ path }: Request): string {
  return path.length > 0 ? `, forwarded through ${path.map(hostName).join(" → ")}` : "";
}

function describeKey({ type, fingerprint, comment }: KeyFacts): string {
  return comment === undefined ? `key ${describeType(type)}${fingerprint}` : `key ${quoted(comment, 80)}`;
}

function describeType(type: string | undefined): string {
  return type === undefined ? "" : `${visible(type, 60)} `;
}

const operations: Record<AdminOperation | (typeof connectionOperations)[number] | ControlOperation, string> =
  {
    add: "add",
    remove: "remove",
    "remove-all": "remove all keys from the agent",
    "add-smartcard": "load keys from",
    "remove-smartcard": "remove the keys of",
    lock: "lock the agent",
    unlock: "unlock the agent",
    exit: "end the shared connection to",
    stop: "stop sharing the connection to",
    cancel: "end the forward of",
    approve: "approve a question of muxguard",
    deny: "answer a question of muxguard",
    forget: "make muxguard forget its answers",
    "lock-all": "lock muxguard",
    "unlock-all": "unlock muxguard",
  };

function describeOperation({ operation, key, provider, constraints = [] }: Request): string {
  const words = operation && operation in operations ? operations[operation as AdminOperation] : "change";
  const object = key ? describeKey(key) : provider === undefined ? "" : `the library ${visible(provider)}`;
  const limits =
    constraints.length === 0 ? "" : ` (${constraints.map((limit) => visible(limit, 60)).join(", ")})`;
  return object === "" ? words : `${words} ${object}${limits}`;
}

/** The names of the line of programs, up to the run: what is the same twice in a row is named once. */
function ownPrograms(caller: Caller): string[] {
  const line = ownLine(caller).filter(({ pid }) => pid !== 1);
  const names = line
    .filter((process) => process.pid === caller.pid || !isPlainShell(process))
    .map(programName);
  return names.filter((name, at, all) => name !== all[at - 1]).slice(0, 6);
}

/** The program that asks, and those that started it, up to the run that it belongs to: `ssh (pid 17), started by git ← sh, in run "make"`. */
export function describeCaller(caller: Caller): string {
  const holder = caller.ancestors.findIndex(({ pid }) => pid === caller.run?.pid);
  // the first process of the system started everything: it says nothing
  const above = caller.ancestors.slice(0, holder < 0 ? undefined : holder).filter(({ pid }) => pid !== 1);
  const names = above.map(programName).filter((name, at, all) => name !== all[at - 1]);
  const started = names.length > 0 ? `, started by ${names.slice(0, 6).join(" ← ")}` : "";
  const run = caller.run ? `, in run ${quoted(caller.run.name, 40)}` : "";
  return `${programName(caller)} (pid ${caller.pid})${started}${run}${caller.container ? ", in a container" : ""}`;
}

/** Who asks, in one word. */
export function describeProgram(caller: Caller): string {
  const run = caller.run ? ` in run ${quoted(caller.run.name, 40)}` : "";
  return `${programName(caller)}${run}`;
}

/** Whoever makes a file or a process names it as it likes. */
function programName({ exe, name }: Process): string {
  return exe === undefined ? `(${named(name, 32)})` : named(exe.slice(exe.lastIndexOf("/") + 1));
}

export function describeRemember(remember: Remember): string {
  if (typeof remember === "object") return `for ${describeDuration(remember.milliseconds)}`;
  return lengths[remember];
}

const lengths: Record<Remember & string, string> = {
  once: "once",
  run: "until this run ends",
  session: "until this login session ends",
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

/** What is left on a screen where a question stood. */
export function describeAnswer(answer: Answer): string {
  if (answer.decision === "apart") return "each host is asked about on its own";
  return answer.decision === "allow"
    ? `allowed ${describeRemember(answer.remember)}`
    : `denied${answer.remember ? ` ${describeRemember(answer.remember)}` : ""}: ${answer.reason}`;
}

/** What decided, and why: `rule "agents ask"`, `you said no, on the terminal`, `no answer within 60 seconds`. */
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

/** What is compared when an approval is remembered, in words: `this command, as this user, on this host, by ssh ← git ← claude, in this run`. */
function describeCoverage({ request, caller, hosts, longest }: Question): string {
  if (longest === 0) return "this request alone";
  const { destination, key, user, path, kind } = request;
  const host = hosts
    ? "on each of these hosts"
    : destination?.verified
      ? "on this host"
      : "wherever it leads";
  return [
    describeThing(request),
    ...(key && kind === "sign" ? ["with this key"] : []),
    ...(user === undefined ? [] : ["as this user"]),
    ...(destination ? [host] : []),
    ...(path.length > 0 ? ["over these hops"] : []),
    `by ${ownPrograms(caller).join(" ← ")}`,
    caller.run ? "in this run" : "in this login session",
  ].join(", ");
}

function describeThing(request: Request): string {
  const { kind, data, command, subsystem } = request;
  if (kind === "sign") return data === "userauth" ? describeLogins(request) : "signatures for this purpose";
  if (kind !== "session") return things[kind];
  return subsystem !== undefined ? "this subsystem" : command === "" ? "a shell" : "this command";
}

/** Sessions are covered where the connection is the caller's own, to a host that proved its key. */
function describeLogins({ forwarded, destination }: Request): string {
  return forwarded || !destination?.verified ? "logins" : "logins and plain sessions over them";
}

const things: Record<Exclude<Request["kind"], "sign" | "session">, string> = {
  forward: "this forward",
  proxy: "the whole connection",
  terminate: "the end of this connection",
  connect: "this connection",
  admin: "this change to the agent",
  confirm: "this question, from this very process",
};

/** What OpenSSH asks on its own behalf. The rest is on behalf of programs that it doesn't name. */
const ownQuestions: ReadonlySet<Request["operation"]> = new Set([
  "trust-host-key",
  "update-host-keys",
  "add",
]);

function describePrompt(prompt: string, { operation }: Request): string[] {
  const unknown = "for whom: it does not say. Any program that reaches it may have asked";
  return [`it says: ${visibleEnds(prompt.trim(), 400)}`, ...(ownQuestions.has(operation) ? [] : [unknown])];
}

/** The lines of a prompt: who wants what, where, and why it is asked. */
export function describeQuestion(question: Question): string[] {
  const { request, caller, hosts } = question;
  const { environment = [] } = request;
  const claimed = visibleEnds(caller.cmdline.join(" "), 160);
  const lines = [
    `${programName(caller)} wants to ${describeRequest(hosts ? onHosts(request, hosts.length) : request)}`,
  ];
  if (hosts) lines.push(`hosts, all with a known key: ${hosts.map(({ name }) => name).join(", ")}`);
  else if (request.destination) lines.push(`destination: ${describeProof(request.destination)}`);
  if (request.key) lines.push(`key: ${describeType(request.key.type)}${request.key.fingerprint}`);
  if (request.prompt !== undefined) lines.push(...describePrompt(request.prompt, request));
  lines.push(`asked by: ${describeCaller(caller)}`);
  if (claimed !== "") lines.push(`command line${hosts ? " of the first" : ""} (claimed): ${claimed}`);
  if (caller.cwd !== undefined) lines.push(`working directory: ${visible(caller.cwd, 100)}`);
  if (environment.length > FEW) lines.push(`variables: ${describeNames(environment, 16)}`);
  if (question.count > (hosts?.length ?? 1))
    lines.push(`${question.count} requests from ${programName(caller)} wait for the answer`);
  lines.push(`because: ${describeDecision(question.because)}`);
  lines.push(`an approval covers: ${describeCoverage(question)}`);
  if (question.approvals !== undefined && question.rule)
    lines.push(
      `you have allowed this ${question.approvals} times; "allow always" writes a rule to approved.toml:`,
      ...question.rule.map((line) => `  ${visible(line, 300)}`),
    );
  return lines;
}
