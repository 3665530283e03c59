/** A week as it was lived. */
import type { AuditEvent } from "../../src/audit/event.ts";

/** Something that was done, and what was asked meanwhile. */
export interface Lived {
  day: number;
  minute: number;
  what: { task: string } | { hostile: string };
  /** Of the person. */
  asked: string[];
  /** How much was asked while nobody was there. */
  missed: number;
  /** What the guard wrote down meanwhile. */
  decided: AuditEvent[];
}

export interface Week {
  lived: Lived[];
  seconds: number;
}
