/**
 * What a guard answers, checked by hand: for programs that are started for one answer, by ssh or for each
 * `muxguard run`. To load zod would take them longer than all the rest.
 */
import type { Check } from "./connection.ts";
import type { AskpassAnswer, OpenedRun, Way } from "./requests.ts";

export const checkedWay: Check<Way> = (value) => {
  const { path, sshConfig } = fieldsOf(value);
  return { path: text(path), ...(sshConfig !== undefined && { sshConfig: text(sshConfig) }) };
};

export const checkedOpenedRun: Check<OpenedRun> = (value) => {
  const { agentSocket, askpassSocket, rideFolder, sshConfig, watched, agents } = fieldsOf(value);
  if (!Array.isArray(watched) || !Array.isArray(agents)) throw notUnderstood();
  return {
    agentSocket: text(agentSocket),
    askpassSocket: text(askpassSocket),
    watched: watched.map(text),
    agents: agents.map(text),
    ...(rideFolder !== undefined && { rideFolder: text(rideFolder) }),
    ...(sshConfig !== undefined && { sshConfig: text(sshConfig) }),
  };
};

export const checkedAskpassAnswer: Check<AskpassAnswer> = (value) => {
  const { answer, denied, here } = fieldsOf(value);
  if (answer !== undefined) return { answer: text(answer) };
  if (denied !== undefined) return { denied: text(denied) };
  if (here === "secret" || here === "text" || here === "notice") return { here };
  throw notUnderstood();
};

export const checkedReach: Check<string | null> = (value) => (value === null ? null : text(value));

export const checkedReport: Check<{ line: string }> = (value) => ({ line: text(fieldsOf(value).line) });

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw notUnderstood();
  return value as Record<string, unknown>;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw notUnderstood();
  return value;
}

function notUnderstood(): Error {
  return new Error("the guard's answer is not understood; is it of another version? restart it");
}
