/** What decided, in words: for a denial, a log line and a question. */
import { quoted, visible } from "../visible.ts";

/**
 * What decided, and why: `rule "agents ask"`, `you said no, on the terminal; note: "use staging"`, `no answer
 * within 60 seconds`.
 * @param note what a person said with a no
 */
export function describeDecision(by: string, reason?: string, note?: string): string {
  const said = note === undefined ? "" : `; note: ${quoted(note, 300)}`;
  return `${describeReason(by, reason)}${said}`;
}

function describeReason(by: string, reason?: string): string {
  const [what, name] = by.split(/:(.*)/s);
  const because = reason === undefined ? "" : visible(reason, 300);
  switch (what) {
    case "rule":
      return `rule ${quoted(name ?? "", 80)}${because && `; ${because}`}`;
    case "broken":
      return `the policy is broken (muxguard policy check), the old one allows: ${describeDecision(name ?? "")}`;
    case "unverified":
      return `what the fleet says can't be verified (muxguard status), this allows: ${describeDecision(name ?? "")}`;
    case "grant":
      return because || `your answer ${name}`;
    case "approver":
      return `${because || "you"}, ${describePlace(name ?? "")}`;
    case "fault":
      return because || `fault ${name}`;
    default:
      return because || "the default";
  }
}

/** Where a kind of approver asks. */
export function describePlace(kind: string): string {
  return approverPlaces[kind] ?? kind;
}

const approverPlaces: Record<string, string> = {
  notification: "on the desktop",
  terminal: "on the terminal",
  tmux: "in tmux",
  askpass: "in the askpass program",
  command: "through the command of config.toml",
  fleet: "on another machine",
  queue: "with muxguard approve or deny",
};
