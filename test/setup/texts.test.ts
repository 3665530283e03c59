/** The files that init writes are read without a word, and say what the documents say. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { matchesHostList } from "../../src/identity/hosts/host-pattern.ts";
import { checkPolicyFiles, checkUserSettings } from "../../src/settings/check.ts";
import { readScopes } from "../../src/settings/scopes.ts";
import { codingAgents, scopeLines } from "../../src/setup/coding-agents.ts";
import { configText } from "../../src/setup/config.ts";
import { agentPolicy, firstPolicy } from "../../src/setup/policy.ts";
import { isNamedProduction, productionPatterns } from "../../src/setup/production.ts";
import { inProject } from "../docs/documents.ts";

const folder = mkdtempSync(join(tmpdir(), "mg-setup-"));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};

const gitHosts = ["github.com", "gitlab.example.com"];

describe("a policy", () => {
  it.each([
    ["for a first time", firstPolicy({ gitHosts, production: [] }, false), 1],
    ["that denies production", firstPolicy({ gitHosts, production: ["prod-db"] }, true), 2],
    ["where no git host is known", firstPolicy({ gitHosts: [], production: [] }, false), 0],
    ["for agents", agentPolicy({ gitHosts }), 5],
    ["for agents where no git host is known", agentPolicy({ gitHosts: [] }), 2],
  ])("%s has no mistake, and nothing to warn of", (_name, text, rules) => {
    const { errors, warnings } = checkPolicyFiles([write("policy.toml", text)]);
    expect([...errors, ...warnings]).toEqual([]);
    expect(text.match(/^\[\[rule\]\]$/gm) ?? []).toHaveLength(rules);
    expect(text.split("\n").filter((line) => line.length > 110)).toEqual([]);
  });

  it("denies production once its comment is taken away", () => {
    const text = firstPolicy({ gitHosts, production: [] }, false);
    const inForce = text.replace(/^# (?=\[\[rule|name|host|action)/gm, "");
    expect(inForce.match(/^action *= "deny"$/gm)).toHaveLength(1);
    expect(checkPolicyFiles([write("policy.toml", inForce)])).toMatchObject({ errors: [], warnings: [] });
  });
});

it("a config with all scopes is read, with the agents that are named", async () => {
  const text = configText(undefined, {
    upstream: ["/a", "private"],
    scopes: codingAgents,
    agentPolicy: "agent.toml",
  });
  write("config.toml", text ?? "");
  write("policy.toml", "");
  write("agent.toml", agentPolicy({ gitHosts }));
  expect(checkUserSettings({ config: folder }).errors).toEqual([]);
  const scopes = await readScopes({ config: folder });
  expect([...scopes.keys()]).toEqual(codingAgents.map(({ name }) => name));
  for (const scope of scopes.values()) expect(scope).toMatchObject({ ride: true });
});

it.each(["claude-code", "codex"])("the scope of docs/agents/%s.md is the one that is written", (document) => {
  const bare = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/\s+#.*/, "").trim());
  const text = readFileSync(inProject(`docs/agents/${document}.md`), "utf8").split("\n");
  const begin = text.findIndex((line) => line.startsWith("    [scope."));
  const agent = codingAgents.find(({ name }) => name === (document === "codex" ? "codex" : "claude"));
  const written = bare(agent ? scopeLines(agent, "agent.toml") : []);
  expect(written.length).toBeGreaterThan(4);
  expect(bare(text.slice(begin, begin + written.length))).toEqual(written);
});

it("what is named like production is what its rule denies", () => {
  const hosts = [
    "prod",
    "prod-db",
    "prod.example.com",
    "db-prod",
    "db-prod.example.com",
    "db.prod.example.com",
  ];
  const others = ["product.example.com", "reproduce", "web1", "prods"];
  for (const host of [...hosts, ...others]) {
    const denied = matchesHostList(host, productionPatterns.split(","));
    expect([host, denied]).toEqual([host, hosts.includes(host)]);
    expect([host, isNamedProduction(host)]).toEqual([host, denied]);
  }
});
