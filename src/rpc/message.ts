/**
 * A message of the RPC: one JSON object on a line. What it is shows in its fields, and it has no others:
 *
 *     {"id":1,"method":"lock","params":true}               a request
 *     {"id":1,"result":{"was":false}}                      its answer
 *     {"id":1,"error":{"code":1,"message":"refused"}}      or why there is none
 *     {"cancel":1}                                         the answer is no longer wanted
 *     {"method":"report","params":{"line":"denied"}}       a notification, which has no answer
 *
 * Both sides may ask. Each counts its own requests.
 */
import { attempt } from "../attempt.ts";
import { unreachable } from "../unreachable.ts";

export type Message =
  | { kind: "request"; id: number; method: string; params: unknown }
  | { kind: "result"; id: number; result: unknown }
  | { kind: "error"; id: number; code: number; message: string }
  | { kind: "cancel"; id: number }
  | { kind: "notification"; method: string; params: unknown };

/** @throws Error for a line that is no message */
export function parseMessage(line: string): Message {
  const value = attempt((): unknown => JSON.parse(line));
  const message = isObject(value) ? fromFields(value) : undefined;
  if (!message) throw new Error("a line that is no message");
  return message;
}

/** A line, with its end. */
export function encodeMessage(message: Message): string {
  return `${JSON.stringify(toFields(message))}\n`;
}

type Fields = Record<string, unknown>;

function fromFields(fields: Fields): Message | undefined {
  const { id, method, params, result, error, cancel } = fields;
  switch (Object.keys(fields).sort().join()) {
    case "id,method,params":
      return isId(id) && isText(method) ? { kind: "request", id, method, params } : undefined;
    case "id,result":
      return isId(id) ? { kind: "result", id, result } : undefined;
    case "error,id":
      return isId(id) && isObject(error) ? errorOf(id, error) : undefined;
    case "cancel":
      return isId(cancel) ? { kind: "cancel", id: cancel } : undefined;
    case "method,params":
      return isText(method) ? { kind: "notification", method, params } : undefined;
    default:
      return undefined;
  }
}

function errorOf(id: number, { code, message }: Fields): Message | undefined {
  return Number.isSafeInteger(code) && isText(message)
    ? { kind: "error", id, code: code as number, message }
    : undefined;
}

function toFields(message: Message): Fields {
  switch (message.kind) {
    case "request":
      return { id: message.id, method: message.method, params: message.params };
    case "result":
      return { id: message.id, result: message.result };
    case "error":
      return { id: message.id, error: { code: message.code, message: message.message } };
    case "cancel":
      return { cancel: message.id };
    case "notification":
      return { method: message.method, params: message.params };
    default:
      return unreachable(message);
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
