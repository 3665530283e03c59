/** The coding agents that are known by name, and what a run of theirs is to be: docs/agents. */

export interface CodingAgent {
  /** As it is called. */
  name: string;
  /** It makes a sandbox of its own. */
  nested?: true;
  /** What it reads as it starts, outside of a run too. */
  readOnly?: readonly string[];
}

export const codingAgents: readonly CodingAgent[] = [
  { name: "claude", nested: true, readOnly: ["~/.claude/settings.json"] },
  { name: "codex", nested: true, readOnly: ["~/.codex/config.toml"] },
  { name: "gemini", nested: true, readOnly: ["~/.gemini/settings.json"] },
  { name: "qwen", nested: true, readOnly: ["~/.qwen/settings.json"] },
  { name: "opencode", readOnly: ["~/.config/opencode"] },
  { name: "aider", readOnly: ["~/.aider.conf.yml"] },
  { name: "cursor-agent", nested: true },
  { name: "copilot" },
];

/** Where tokens and passwords lie that muxguard knows nothing of. */
const hidden = ["~/.aws", "~/.kube", "~/.netrc", "~/.config/gh", "~/.docker"];

/** `[scope.NAME]` of config.toml. @param policy the file with the rules, beside config.toml */
export function scopeLines({ name, nested, readOnly }: CodingAgent, policy: string): string[] {
  const list = (paths: readonly string[]): string => `[${paths.map((path) => `"${path}"`).join(", ")}]`;
  return [
    `[scope.${name}]`,
    "ride      = true                  # no key and no connection of its own; it is confined, too",
    `policy    = "${policy}"          # beside this file`,
    ...(nested ? ["nested    = true                  # for its own sandbox"] : []),
    `hide      = ${list(hidden)}`,
    ...(readOnly ? [`read_only = ${list(readOnly)}`] : []),
  ];
}
