/** What is asked of a master, in the policy's words. */
import type { Forward, Request } from "../../policy/request.ts";
import { unreachable } from "../../unreachable.ts";
import type { MuxForward, MuxNewSession, MuxPort, MuxRequest } from "../../wire/mux/request.ts";

/**
 * The requests that are decided. The others change nothing and tell little: a master's pid, its list of
 * channels.
 */
export type DecidedMuxRequest = Exclude<
  MuxRequest,
  { type: "MUX_MSG_HELLO" | "MUX_C_ALIVE_CHECK" | "MUX_C_EXT_INFO" | "unknown" }
>;

/** A request without where it goes, which the master knows. */
export type MuxFacts = Omit<Request, "destination" | "user" | "path" | "forwarded">;

export function muxFacts(request: DecidedMuxRequest): MuxFacts {
  switch (request.type) {
    case "MUX_C_NEW_SESSION":
      return sessionFacts(request);
    case "MUX_C_NEW_STDIO_FWD":
      return { kind: "forward", forward: { kind: "stdio", connect: address(request.host, request.port) } };
    case "MUX_C_OPEN_FWD":
      return { kind: "forward", forward: forwardFacts(request) };
    case "MUX_C_CLOSE_FWD":
      return { kind: "forward", operation: "cancel", forward: forwardFacts(request) };
    case "MUX_C_TERMINATE":
      return { kind: "terminate", operation: "exit" };
    case "MUX_C_STOP_LISTENING":
      return { kind: "terminate", operation: "stop" };
    case "MUX_C_PROXY":
      return { kind: "proxy" };
    default:
      return unreachable(request);
  }
}

function sessionFacts(request: MuxNewSession): MuxFacts {
  const environment = request.environment.map(variableName);
  return {
    kind: "session",
    ...(request.subsystem ? { subsystem: request.command } : { command: request.command }),
    ...(request.wantTty && { tty: true }),
    ...(request.wantX11 && { x11: true }),
    ...(request.wantAgent && { forwardAgent: true }),
    ...(environment.length > 0 && { environment: [...new Set(environment)].sort() }),
  };
}

function variableName(assignment: string): string {
  const end = assignment.indexOf("=");
  return end < 0 ? assignment : assignment.slice(0, end);
}

function forwardFacts({ forward, listenHost, listenPort, connectHost, connectPort }: MuxForward): Forward {
  const listen = address(listenHost === "" ? "localhost" : listenHost, listenPort);
  if (forward === "dynamic") return { kind: forward, listen };
  // a remote forward that leads to no host in particular is a SOCKS proxy on the far side: `-R 1080`
  const connect = connectPort === 0 ? "*" : address(connectHost, connectPort);
  return { kind: forward, listen, connect };
}

/**
 * `db.internal:5432`, `[::1]:5432`, `/run/db.sock`. A path never reads like a host, nor a host like a path:
 * `./db:5432`, `[/run/db]:5432`.
 */
export function address(host: string, port: MuxPort): string {
  if (port === "path") return /^\.?\//.test(host) ? host : `./${host}`;
  return /[:/]/.test(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
