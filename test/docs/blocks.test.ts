/**
 * What the documents show is right: settings are read by muxguard's own reader, commands by its own command
 * line. A block that the table does not know fails, so that a new one gets its row. What the policies and
 * commands do is tried out in test/peer/docs.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, type CommanderError } from "commander";
import { afterAll, describe, expect, it } from "vitest";
import { parseAnswer } from "../../src/approver/command/answer.ts";
import { commands } from "../../src/cli/commands.ts";
import { readConfig } from "../../src/settings/config.ts";
import { configSchema, scopeFields } from "../../src/settings/config-schema.ts";
import type { Paths } from "../../src/settings/paths.ts";
import { userPolicy } from "../../src/settings/policy-files.ts";
import { readScopes } from "../../src/settings/scopes.ts";
import { question } from "../support/guard.ts";
import { blocks, blockWith, codeSpans, documents, inProject } from "./documents.ts";

type Kind =
  | "commands"
  | "policy"
  | "config"
  | "question"
  | "question in JSON"
  | "answers in JSON"
  | "drawing";

/** By words that no other block has. */
const known: Record<string, Kind> = {
  "npm ci && npm run demo": "commands",
  "muxguard run -- git push": "commands",
  'muxguard: git "push" → github.com as git, in run "claude"?': "question",
  'ssh: run "uptime" → web1 as root, in run "deploy"?': "question",
  'on     = ["connect"]': "policy",
  'on     = ["confirm"]': "policy",
  'namespace  = "git"': "policy",
  '"git at github"': "policy",
  '"fetching over a shared connection"': "policy",
  "upstream_agent      =": "config",
  'command   = "~/bin/ask-phone"            # or': "config",
  '"timeoutMs": 60000': "question in JSON",
  '{"decision": "allow", "remember": "10m"}\n': "answers in JSON",
  "muxguard run --confine --show": "commands",
  "muxguard log --since 1d": "commands",
  "muxguard log -n 20": "commands",
  "npm run check": "commands",
  "$ git clone -q …/muxguard": "drawing",
  "$ cd muxguard && npm ci": "drawing",
  "$ npm install -g --prefix": "drawing",
  "$ muxguard init --yes": "drawing",
  "$ cd ~/site && git push": "drawing",
  "$ git commit -q --allow-empty": "drawing",
  "$ muxguard log -n 2": "drawing",
  "$ muxguard init --undo": "drawing",
  "listener → wire → which run": "drawing",
  "[scope.agent]\nride": "config",
  "[scope.claude]\nride": "config",
  "[scope.codex]": "config",
  'name    = "git fetch"': "policy",
  "fleet/machine-laptop fleet/person-me && muxguard daemon restart": "commands",
  "muxguard daemon                # where one runs already": "commands",
  "scp laptop:": "commands",
  "rm -r machine-build1": "commands",
  "rm -r machine-laptop": "commands",
  "--machine $(cat machines)": "commands",
  "- stat: { path": "drawing",
  "nats-server --signal reload": "commands",
  "muxguard watch --fleet": "commands",
  "muxguard log --fleet --person": "commands",
  "build1: message 812": "drawing",
  "muxguard fleet policy push": "commands",
  '"answers to the fleet"': "policy",
  '"production wants two"': "policy",
  'machine     = "build1"': "config",
  "fleet      this is build1": "drawing",
  "wrong      [fleet]: the policy's bucket": "drawing",
  "-- ./my-agent": "commands",
  "alias agent=": "commands",
  "alias claude=": "commands",
  "alias codex=": "commands",
};

const folder = mkdtempSync(join(tmpdir(), "muxguard-docs-"));
const paths = { config: folder, state: folder } as Paths;
afterAll(() => rmSync(folder, { recursive: true }));

const ofKind = (kind: Kind): string[] =>
  Object.entries(known).flatMap(([words, is]) => (is === kind ? [blockWith(words)] : []));

describe("a block of the documents", () => {
  it.each(blocks.map(({ document, text }) => [text.split("\n")[0], document, text]))(
    "%j in %s is known to the table",
    (_first, _document, text) => {
      expect(Object.keys(known).filter((words) => text?.includes(words))).toHaveLength(1);
    },
  );

  it("is there for each row of the table", () => {
    for (const words of Object.keys(known)) expect(blockWith(words)).toContain(words);
  });
});

describe("a policy of the documents", () => {
  it.each(ofKind("policy"))("is read without a word: %s", async (text) => {
    writeFileSync(join(folder, "policy.toml"), text, { mode: 0o600 });
    const source = userPolicy(paths, { brokenPolicyAfter: 300_000 });
    await source.load();
    expect((await source.current()).rules).toHaveLength(text.split("[[rule]]").length - 1);
    expect(source.broken()).toBeUndefined();
  });
});

describe("a config of the documents", () => {
  it.each(ofKind("config"))("is read without a word: %s", async (text) => {
    writeFileSync(join(folder, "config.toml"), text, { mode: 0o600 });
    expect(await readConfig(paths)).toMatchObject({ approvers: expect.any(Array) });
    expect((await readScopes(paths)).size).toBe(text.split("[scope.").length - 1);
  });

  it("has a line for each setting that there is", async () => {
    const text = ofKind("config").join("\n");
    const names = [...Object.keys(configSchema.shape), ...scopeFields];
    expect(names.filter((name) => !new RegExp(`^\\[?${name}\\b`, "m").test(text))).toEqual([]);
  });
});

describe("JSON in the documents", () => {
  it.each(ofKind("question in JSON"))("is some", (text) => {
    expect(JSON.parse(text)).toMatchObject({ answers: expect.any(Array) });
  });

  it("is answers that are taken", () => {
    const asked = question({ longest: 600_000, denyFor: 600_000 });
    const [example = ""] = ofKind("question in JSON");
    const shown = JSON.parse(example).answers.map(({ answer }: { answer: object }) => JSON.stringify(answer));
    const lines = ofKind("answers in JSON").flatMap((text) => text.split("\n"));
    const ofRun = question({ longest: 600_000, denyFor: 600_000, choices: ["once", "run"] });
    for (const line of [...lines, ...shown])
      expect(parseAnswer(line, line.includes('"run"') ? ofRun : asked), line).toMatchObject({
        decision: JSON.parse(line).decision,
      });
  });
});

const scripts = JSON.parse(readFileSync(inProject("package.json"), "utf8")) as {
  scripts: Record<string, string>;
  bin: Record<string, string>;
};

/** What a line of shell runs, comments left out; what stands in `$(…)` too. */
function commandsOf(line: string): string[] {
  const bare = line.replace(/\s+#.*$/, "").trim();
  const inner = [...bare.matchAll(/\$\(([^)]*)\)/g)].map(([, command = ""]) => command);
  return [...bare.split(/;|&&/).map((command) => command.trim()), ...inner].filter((one) => one !== "");
}

/** @throws CommanderError for a command or an option that is not there */
function parse(words: string[]): void {
  const program = new Command("muxguard").enablePositionalOptions().exitOverride();
  program.configureOutput({ writeErr: () => {}, writeOut: () => {} });
  for (const [name, describeCommand] of Object.entries(commands))
    disarm(describeCommand(program.command(name).exitOverride().configureOutput(program.configureOutput())));
  program.parse(words, { from: "user" });
}

/** It is parsed, and does nothing; so do those in it. */
function disarm(command: Command): void {
  command.action(() => {});
  for (const one of command.commands) disarm(one);
}

/** @throws Error for what is not there */
function check(command: string): void {
  const [program = "", ...words] = command.split(" ");
  const [verb, script = ""] = words;
  const [, aliased] = /^alias \w+='(.*)'$/.exec(command) ?? [];
  if (program === "muxguard") parse(words);
  else if (aliased !== undefined) check(aliased);
  else if (program === "export") expect(scripts.bin).toHaveProperty([command.split("=")[1] ?? ""]);
  else if (program === "npm" && verb === "run") expect(scripts.scripts).toHaveProperty([script]);
  else if (program === "npm") expect(["ci", "test", "link"]).toContain(verb);
  // what it evaluates is looked at by itself
  else
    expect(
      ["/usr/sbin/nats-server", "cat", "eval", "rm", "scp", "setsid", "ssh"],
      "the programs that are known",
    ).toContain(program);
}

describe("a command of the documents", () => {
  const lines = ofKind("commands").flatMap((text) => text.split("\n"));
  it.each(lines.flatMap(commandsOf))("is there, with its options: %s", check);

  const spans = documents.flatMap((document) => codeSpans(document));
  const muxguards = spans.filter((span) => /^muxguard [a-z]+ ./.test(span));
  it.each([...new Set(muxguards)])("is there in a sentence, too: %s", (span) => {
    const words = span.replace("[ssh options]", "-v").split(" ");
    expect(() => parse(words.slice(1))).not.toThrow();
  });

  it("would be found to be wrong", () => {
    expect(() => parse(["rum", "--", "git"])).toThrow(
      expect.objectContaining<Partial<CommanderError>>({ code: "commander.unknownCommand" }),
    );
    expect(() => parse(["run", "--rid", "--", "git"])).toThrow(/unknown option/);
    expect(() => parse(["adopt"])).toThrow(/missing required argument/);
    expect(() => parse(["policy", "explain", "--hots", "a"])).toThrow(/unknown option/);
    expect(() => check("npm run nothing")).toThrow();
    expect(() => check("alias a='muxguard run --rid -- a'")).toThrow(/unknown option/);
    expect(() => check("export SSH_ASKPASS=muxguard-asks")).toThrow();
  });
});
