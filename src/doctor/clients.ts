/** Clients that do not say where they log in, by the log. */
import type { AuditEvent } from "../audit/event.ts";
import { UNBOUND } from "../identity/session-bindings.ts";
import { visible } from "../policy/visible.ts";
import type { Finding } from "./finding.ts";

const MAX_NAMED = 5;

/** @param events the newest of the log */
export function clientFindings(events: readonly Partial<AuditEvent>[]): Finding[] {
  const counts = new Map<string, number>();
  for (const { how, caller } of events) {
    if (how !== UNBOUND) continue;
    const name = caller?.exe ?? caller?.name ?? "a program that is gone";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const most = [...counts].sort(([, one], [, other]) => other - one).slice(0, MAX_NAMED);
  return most.map(([name, count]) => ({
    topic: "clients",
    level: "note",
    what:
      `${visible(name)}: ${count} ${count === 1 ? "login" : "logins"} without session-bind: where it logs in is ` +
      "not proved, and no rule that allows a host by name holds for it",
    mend: "let it use OpenSSH's ssh, or write a rule for its programs and key",
  }));
}
