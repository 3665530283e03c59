/** config.toml: a new one, or what is added to the user's. Nothing that stands there is changed. */
import { type CodingAgent, scopeLines } from "./coding-agents.ts";
import { bytesOf } from "./marked.ts";

export interface ConfigAdditions {
  /** For upstream_agent; empty for none. */
  upstream: readonly string[];
  scopes: readonly CodingAgent[];
  /** The file with the rules of scopes. */
  agentPolicy: string;
}

/** @param present its bytes as latin1; undefined where there is none. @returns undefined for no change */
export function configText(present: string | undefined, additions: ConfigAdditions): string | undefined {
  const { upstream, scopes, agentPolicy } = additions;
  const top = upstream.length > 0 ? [`upstream_agent = ${tomlOf(upstream)}`] : [];
  const tables = scopes.flatMap((agent) => ["", ...scopeLines(agent, agentPolicy)]);
  if (top.length + tables.length === 0) return undefined;
  if (present === undefined || present === "") return bytesOf(lines([HEADER, ...top, ...tables]));
  // before the first table, and behind the last one: both are whatever stands between
  const gap = present.endsWith("\n") ? "" : "\n";
  return `${bytesOf(lines(top))}${present}${tables.length > 0 ? gap : ""}${bytesOf(lines(tables))}`;
}

const HEADER = "# How muxguard works. What may be done is in policy.toml.";

function lines(given: readonly string[]): string {
  return given.map((line) => `${line}\n`).join("");
}

/** JSON's texts are TOML's, too, but for DEL, which no path has. */
function tomlOf([first = "", ...more]: readonly string[]): string {
  return more.length === 0
    ? JSON.stringify(first)
    : `[${[first, ...more].map((one) => JSON.stringify(one)).join(", ")}]`;
}
