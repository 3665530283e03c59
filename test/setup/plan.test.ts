/** What is proposed for a home, and what its files would say. */
import { expect, it } from "vitest";
import type { Facts, FoundAgent } from "../../src/setup/facts.ts";
import { type Change, type Choices, notesOf, planChanges, proposed } from "../../src/setup/plan.ts";
import { facts, HOME, SOCKET } from "./facts.ts";

type Files = Record<string, string>;

function plan(found: Facts, files: Files = {}, choices: Partial<Choices> = {}): Change[] {
  return planChanges(found, { ...proposed(found), ...choices }, (path) => files[path]);
}

const after = (changes: readonly Change[], name: string): string =>
  changes.find(({ path }) => path.endsWith(name))?.after ?? "";

const lasting: FoundAgent = {
  path: "/run/user/1000/keyring/ssh",
  from: "SSH_AUTH_SOCK",
  answers: true,
  lasting: true,
};
const changing: FoundAgent = {
  path: "/tmp/ssh-XQ/agent.7",
  from: "SSH_AUTH_SOCK",
  answers: true,
  lasting: false,
};

it("names an agent whose path lasts, and leaves one whose path changes to the environment", () => {
  expect(after(plan(facts({ agents: [lasting] })), "config.toml")).toContain(
    'upstream_agent = "/run/user/1000/keyring/ssh"\n',
  );
  const changes = plan(facts({ agents: [changing] }));
  expect(after(changes, "config.toml")).toBe("");
  expect(after(changes, ".bashrc")).toContain("muxguard daemon 2>/dev/null; muxguard-env --sh)");
});

it("gives who has no agent muxguard's own", () => {
  const changes = plan(facts());
  expect(after(changes, "config.toml")).toContain('upstream_agent = "private"\n');
  expect(after(changes, ".bashrc")).toContain(
    "muxguard-env --sh 2>/dev/null || { muxguard daemon && muxguard-env --sh; })",
  );
});

it("leads ssh to the guard before the IdentityAgent of whatever host, and keeps that agent behind it", () => {
  const vault: FoundAgent = {
    path: `${HOME}/.1password/agent.sock`,
    from: "IdentityAgent",
    answers: false, // it is locked
    lasting: true,
  };
  const sshConfig = "Host *\n  IdentityAgent ~/.1password/agent.sock\n";
  const changes = plan(facts({ agents: [vault], passing: [`${HOME}/.ssh/config:2`] }), {
    [`${HOME}/.ssh/config`]: sshConfig,
  });
  expect(after(changes, "config.toml")).toContain(`upstream_agent = "${vault.path}"\n`);
  const [, first, , blank, ...rest] = after(changes, ".ssh/config").split("\n");
  expect(first).toBe(`IdentityAgent "${SOCKET}"`);
  expect([blank, ...rest].join("\n")).toBe(`\n${sshConfig}`);
});

it("gives each coding agent a scope, and none that has one", () => {
  const found = facts({
    codingAgents: ["claude", "codex"],
    settings: { hasUpstream: false, scopes: ["codex"], hasPolicy: true },
  });
  const changes = plan(found);
  expect(after(changes, "config.toml")).toContain("[scope.claude]\nride ");
  expect(after(changes, "config.toml")).not.toContain("[scope.codex]");
  expect(changes.map(({ path }) => path.slice(HOME.length))).toEqual([
    "/.config/muxguard/config.toml",
    "/.config/muxguard/agent.toml",
    "/.bashrc",
  ]);
});

it("changes nothing the second time, also where aliases were chosen", () => {
  const found = facts({ codingAgents: ["claude"], agents: [lasting] });
  const first = plan(found, {}, { aliases: ["claude"] });
  expect(after(first, ".bashrc")).toContain("  alias claude='muxguard run --scope claude -- claude'\n");
  const files = Object.fromEntries(first.map(({ path, after: text }) => [path, text]));
  const settings = { hasUpstream: true, scopes: ["claude"], hasPolicy: true };
  expect(plan({ ...found, settings }, files)).toEqual([]);
});

it("brings lines of before up to date, and leaves what stands around them", () => {
  const old = `# >>> muxguard init >>>
if [ "\${-#*i}" != "$-" ] && [ -z "$MUXGUARD_PROMPTS" ] && command -v muxguard >/dev/null; then
  muxguard daemon 2>/dev/null; eval "$(muxguard-env --sh)"
fi
# <<< muxguard init <<<
`;
  const found = facts({ agents: [changing] });
  const bashrc = `${HOME}/.bashrc`;
  const [fresh, updated] = ["", old].map((block) =>
    after(plan(found, { [bashrc]: `before\n\n${block}` }), ".bashrc"),
  );
  expect(updated).toBe(fresh?.replace("\n\n\n", "\n\n"));
  expect(updated).toContain(`command -v '${HOME}/.local/bin/muxguard'`);
});

it("adds to a config.toml, and changes nothing that stands there", () => {
  const present = 'timeout = "30s"\n\n[scope.mine]\nconfine = true'; // without a newline at its end
  const config = facts().places.config;
  const text = after(plan(facts({ codingAgents: ["aider"] }), { [config]: present }), "config.toml");
  expect(text.startsWith(`upstream_agent = "private"\n${present}\n\n[scope.aider]\n`)).toBe(true);
});

it("speaks to each shell in its own words, and says so where it knows none", () => {
  const fish = plan(facts({ shell: { name: "fish", file: "/f" } }), { "/f": "set x 1\n" });
  expect(after(fish, "/f")).toMatch(/^set x 1\n\n# >>> muxguard init >>>\nif status is-interactive; .*\n/);
  const other = facts({ shell: { name: "tcsh" } });
  expect(plan(other).map(({ path }) => path.slice(HOME.length))).toEqual([
    "/.config/muxguard/config.toml",
    "/.config/muxguard/policy.toml",
  ]);
  expect(notesOf(other, proposed(other)).join("\n")).toContain("no lines are known for tcsh");
});

it("says what it leaves: keys without a passphrase, runs that can't be confined, an agent that changes", () => {
  const found = facts({
    keys: [{ path: "/k", encrypted: false }],
    codingAgents: ["claude"],
    unconfinable: "apt install bubblewrap",
    agents: [lasting, { ...changing, path: "/tmp/ssh-b/agent.9" }],
  });
  const notes = notesOf(found, proposed(found)).join("\n");
  expect(notes).toContain("ssh-keygen -p -f /k gives it one");
  expect(notes).toContain("runs can't be confined yet: apt install bubblewrap");
  expect(notes).toContain("/tmp/ssh-b/agent.9");
});
