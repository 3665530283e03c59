/** What is asked for, in one phrase. */
import { unreachable } from "../../unreachable.ts";
import { TEST_PROMPT } from "../openssh-prompt.ts";
import type { Operation, Request } from "../request.ts";
import { inQuotes, named, nameFolded, quoted, visibleEnds } from "../visible.ts";
import { describeHost, describePath } from "./destination.ts";
import { describeNames, FEW } from "./names.ts";
import { describeKey, describeOperation, operations } from "./operation.ts";

/**
 * What is asked for, in one phrase: `log in to github.com as git with key "work"`, `run "uptime" on prod-db
 * as root`.
 */
export function describeRequest(request: Request): string {
  return `${describeAsked(request)}${describePath(request)}`;
}

/** The same without the hops. */
export function describeAsked(request: Request): string {
  switch (request.kind) {
    case "sign":
      return `${describeSigned(request)}${request.key ? ` with ${describeKey(request.key)}` : ""}`;
    case "list":
      return request.key ? `list ${describeKey(request.key)}` : "list the keys of the agent";
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

/** The same, to be described at another host. */
export function atHost(request: Request, name: string): Request {
  return { ...request, destination: { verified: true, names: [name], how: "" } };
}

export function onHosts(request: Request, count: number): Request {
  return atHost(request, `${count} hosts`);
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
      // it is muxguard's own, whoever asks it: a yes gives nothing
      return request.prompt === TEST_PROMPT
        ? "see whether a question reaches you (only a test)"
        : "get a yes to a question that muxguard can't read";
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

/** What is run there: `run "uptime"`, `open a shell`. */
export function describeSession({
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
export function describePurpose({ command, subsystem, forward }: Request): string {
  if (forward) return `, to reach ${named(forward.connect ?? "*", 100)}`;
  const asked = command !== undefined || subsystem !== undefined;
  return asked ? `, to ${describeSession({ command, subsystem })}` : "";
}

/**
 * What a session brings along: ` with X11 forwarding and agent forwarding, setting LANG, LC_ALL, TERM and 2
 * more`.
 */
function describeExtras(request: Request): string {
  const { environment = [] } = request;
  const brought = describeBrought(request);
  return [
    ...(brought === "" ? [] : [brought]),
    ...(environment.length > 0 ? [` setting ${describeNames(environment, FEW)}`] : []),
  ].join(",");
}

/** What lets the host reach back. */
export function describeBrought({ x11, forwardAgent }: Request): string {
  const brought = [...(x11 ? ["X11 forwarding"] : []), ...(forwardAgent ? ["agent forwarding"] : [])];
  return brought.length > 0 ? ` with ${brought.join(" and ")}` : "";
}

export function describeForward(
  {
    forward,
    destination,
    operation,
  }: Pick<Request, "forward" | "destination"> & { operation?: Operation | undefined },
  host = describeHost(destination),
  limit = 100,
): string {
  const there = forward?.kind === "remote";
  const target = forward?.target;
  const behind = target === undefined ? "" : ` (which leads to ${nameFolded(target, limit)})`;
  const listen = nameFolded(forward?.listen ?? "", limit) + (there ? "" : behind);
  const connect = nameFolded(forward?.connect ?? "*", limit) + (there ? behind : "");
  if (forward?.kind === "stdio") return `connect to ${connect} through ${host}`;
  // a proxy client deals with the connections itself
  if (there && forward.connect === undefined) return `accept connections at ${listen} on ${host}`;
  const way = there ? `${listen} on ${host} to ${connect}` : `${listen} to ${connect} through ${host}`;
  const socks = `a SOCKS proxy at ${listen} ${there ? "on" : "through"} ${host}`;
  if (operation === "cancel") return `${operations.cancel} ${connect === "*" ? socks : way}`;
  return connect === "*" ? `open ${socks}` : `forward ${way}`;
}
