/**
 * The same question to `ssh -G` and to our reader: what is looked up in known_hosts for an alias? On
 * generated configurations: 60, or as many as $CONFIGS says.
 */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseSshConfig } from "../../../src/identity/ssh/config.ts";
import { Aliases } from "../../../src/identity/ssh-config/aliases.ts";
import { ConfigFiles } from "../../../src/identity/ssh-config/config-files.ts";
import { makeFolder } from "./keys.ts";

const run = promisify(execFile);
const folder = makeFolder();
let configs = 0;

const literals = ["web1", "web2", "db.example", "git", "10.0.0.7", "a.b.example"];
const patterns = [...literals, "web*", "w?b1", "*", "!web2", "!*.example", "db*", "*.example", "10.0.0.?"];
const own = userInfo().username;

const host = fc.constantFrom(...patterns);
const list = fc.array(host, { minLength: 1, maxLength: 3 });
const values: [string, fc.Arbitrary<string>][] = [
  [
    "HostName",
    fc.constantFrom("web1", "Web1.Example", "%h.example", "10.0.0.7", "::1", "2001:DB8::0:1", "git.example"),
  ],
  ["Port", fc.constantFrom("22", "2222", "00443")],
  ["HostKeyAlias", fc.constantFrom("key1", "KEY2.example")],
  ["User", fc.constantFrom("git", "root", own)],
  ["ProxyJump", fc.constantFrom("none", "bastion")],
];
const spelling = fc.constantFrom(
  (name: string, value: string) => `${name} ${value}`,
  (name: string, value: string) => `  ${name.toUpperCase()}=${value}`,
  (name: string, value: string) => `\t${name.toLowerCase()} = "${value}" # a comment`,
  (name: string, value: string) => `"${name}"\t\t'${value}'  `,
);
const setting = fc
  .constantFrom(...values)
  .chain(([name, value]) => fc.tuple(spelling, value).map(([spell, text]) => spell(name, text)));
const criterion = fc.oneof(
  list.map((names) => `host ${names.join(",")}`),
  list.map((names) => `originalhost ${names.join(",")}`),
  fc.constantFrom("git", "root", own, `!${own},*`, "g*").map((user) => `user ${user}`),
  fc.constantFrom(own, `!${own},*`, "nobody").map((user) => `localuser ${user}`),
  fc.constantFrom("final", "canonical"),
);
const condition = fc.oneof(
  { weight: 3, arbitrary: list.map((names) => `Host ${names.join(" ")}`) },
  fc
    .tuple(fc.constantFrom("", "!"), criterion, fc.option(criterion))
    .map(([negation, one, two]) => `Match ${negation}${one}${two === null ? "" : ` ${two}`}`),
  fc.constant("Match all"),
);

interface Tree {
  lines: (string | Tree[])[];
}
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.record({
    lines: fc.array(
      fc.oneof(
        { weight: 4, arbitrary: setting },
        { weight: 3, arbitrary: condition },
        { weight: 1, arbitrary: fc.array(tie("tree"), { minLength: 1, maxLength: 2 }) },
      ),
      { maxLength: 8 },
    ),
  }),
}));

/** Writes the file and what it includes, by a glob. */
function write(path: string, { lines }: Tree): void {
  const texts = lines.map((line) => {
    if (typeof line === "string") return line;
    const included = join(folder, `included-${++configs}`);
    mkdirSync(included);
    for (const [at, one] of line.entries()) write(join(included, `${at}.conf`), one);
    return `Include "${included}/*.conf" ${included}/missing`;
  });
  writeFileSync(path, `${texts.join("\n")}\n`, { mode: 0o600 });
}

async function lookupsBySsh(file: string, name: string): Promise<string> {
  const { stdout } = await run("ssh", ["-G", "-F", file, "--", name]);
  const config = parseSshConfig(stdout);
  if (!config) throw new Error(stdout);
  return config.hostKeyAlias === undefined
    ? `${config.hostname} ${config.port}`
    : `${config.hostKeyAlias} 22`;
}

async function ourLookups(file: string): Promise<Map<string, string>> {
  const { aliases } = await new Aliases(new ConfigFiles(file)).index();
  return new Map(
    [...aliases].map(({ name, lookups }) => [name, lookups.map((one) => `${one.name} ${one.port}`).join()]),
  );
}

describe("ssh -G and our reader agree", () => {
  it("on generated configurations", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(tree, async (config) => {
        const file = join(folder, `config-${++configs}`);
        write(file, config);
        const ours = await ourLookups(file);
        const asked = literals.filter((name) => ours.has(name.toLowerCase()));
        const theirs = await Promise.all(asked.map((name) => lookupsBySsh(file, name)));
        compared += asked.length;
        expect(asked.map((name) => ours.get(name.toLowerCase()))).toEqual(theirs);
      }),
      { numRuns: Number(process.env.CONFIGS ?? 60) },
    );
    expect(compared).toBeGreaterThan(20);
  }, 300_000);
});
