/** One master in the file that a guard leaves to the next one, checked by hand: a schema would cost a start. */
import type { PlainDestination } from "../identity/ssh/plain-destination.ts";
import type { ProcessId } from "../policy/request.ts";

export interface MasterRecord extends ProcessId {
  /** Opened by the guard: its socket has no name. */
  opened: boolean;
  /** Where the guard listens for it. */
  paths: string[];
  /** Where it was told to connect to. */
  destination?: PlainDestination;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => Number.isSafeInteger(value);
const isFlag: Check = (value) => typeof value === "boolean";
const isPid: Check = (value) => isNumber(value) && Number(value) > 1;
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);

const isDestination = fields({ host: isText }, { user: isText, port: isNumber, jump: isText });
const isRecord = fields(
  { pid: isPid, startTime: isText, opened: isFlag, paths: isTexts },
  { destination: isDestination },
);

export function isMasterRecord(value: unknown): value is MasterRecord {
  return isRecord(value);
}

/** An object that has the fields of the first, and may have those of the second, or a later version's. */
function fields(required: Record<string, Check>, optional: Record<string, Check>): Check {
  const known = new Map(Object.entries({ ...required, ...optional }));
  return (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.keys(required).every((key) => Object.hasOwn(value, key)) &&
    Object.entries(value).every(([key, field]) => known.get(key)?.(field) ?? true);
}
