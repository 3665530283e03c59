/**
 * What happens to the guard itself, and is told everywhere: its log, its stderr and that of each run, the
 * desktop, and `muxguard status` for as long as it lasts.
 */
import { messageOf } from "../errors.ts";
import { describeBroken } from "../policy/describe/broken-policy.ts";
import type { GuardEvent } from "../policy/request.ts";
import type { WatchedPolicy } from "../settings/policy-reader.ts";
import { Findings } from "./findings.ts";

export interface AlarmsParts {
  /** Writes it to the log. Throws if that can't be. */
  record(event: GuardEvent, reason: string | undefined): void;
  /** Whom a line is told: each once. */
  reports(): Iterable<(line: string) => void>;
  /** Shows it on the desktop. */
  show(text: string): void;
}

export class Alarms {
  readonly findings = new Findings((line) => this.tell(line));
  readonly #parts: AlarmsParts;
  /** By what they are followed as. */
  readonly #followed = new Map<WatchedPolicy, string>();

  constructor(parts: AlarmsParts) {
    this.#parts = parts;
  }

  /** Is told once for each text, until it is settled. */
  raise(about: string, event: GuardEvent, text: string): void {
    if (this.findings.set(about, text)) this.#record(event, text);
  }

  /** All is well again. */
  settle(about: string, event: GuardEvent): void {
    if (this.findings.set(about, undefined)) this.#record(event, undefined);
  }

  /** What is over as soon as it is told. */
  tell(line: string): void {
    for (const report of new Set(this.#parts.reports())) report(`muxguard: ${line}`);
    this.#parts.show(line);
  }

  /** Raises its mistakes. @param name whose it is, for one that is not the user's own */
  followPolicy(policy: WatchedPolicy, name = ""): void {
    if (this.#followed.has(policy)) return;
    const about = `policy ${name}`;
    this.#followed.set(policy, about);
    policy.listen((broken) => {
      if (broken) this.raise(about, "policy-broken", `${describeBroken(broken)} (muxguard policy check)`);
      else this.settle(about, "policy-mended");
    });
  }

  /** It is nobody's any more. */
  leavePolicy(policy: WatchedPolicy): void {
    const about = this.#followed.get(policy);
    if (about === undefined) return;
    policy.listen(() => {});
    this.#followed.delete(policy);
    this.findings.set(about, undefined);
  }

  #record(event: GuardEvent, reason: string | undefined): void {
    try {
      this.#parts.record(event, reason);
    } catch (error) {
      this.tell(`the log can't be written: ${messageOf(error)}`);
    }
  }
}
