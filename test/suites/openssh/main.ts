/**
 * OpenSSH's own regression suite behind the guard: `npm run test:openssh`, `npm run test:openssh -- agent
 * multiplex` for some scripts. Each runs bare, and then with the guard in front. What passes bare has to pass.
 */
import { existsSync } from "node:fs";
import { messageOf } from "../../../src/errors.ts";
import { becomeApart } from "../apart.ts";
import { renderTable } from "../table.ts";
import { INSTALLED, type Outcome, Regress } from "./regress.ts";
import { type Script, scripts } from "./scripts.ts";

interface Compared {
  script: Script;
  bare: Outcome;
  guarded: Outcome;
}

function choose(names: readonly string[]): readonly Script[] {
  const unknown = names.find((name) => !scripts.some((script) => script.name === name));
  if (unknown !== undefined) throw new Error(`no script ${unknown}`);
  return scripts.filter(({ name }) => names.length === 0 || names.includes(name));
}

/** Undefined where all is as it should be. */
function faultOf({ script, bare, guarded }: Compared): string | undefined {
  if (bare.result !== "passed") return undefined;
  if (guarded.result !== "passed") return `${guarded.result}: ${lastOf(guarded)}`;
  // one that went round the guard would pass, too
  const expected = script.place === "shared" ? Math.max(guarded.requests, 1) : 1;
  return guarded.entries < expected
    ? `not guarded: ${guarded.entries} entries for ${guarded.requests} requests`
    : undefined;
}

function lastOf({ said }: Outcome): string {
  return said.split("\n").slice(-3).join("; ");
}

/** What there is to say of a script. */
function remarkOn(compared: Compared): string {
  const { bare } = compared;
  return bare.result === "passed" ? (faultOf(compared) ?? "") : lastOf(bare);
}

async function compare(chosen: readonly Script[], folder: string): Promise<Compared[]> {
  if (!existsSync(INSTALLED)) throw new Error("install Debian's package openssh-tests first");
  const regress = new Regress(folder);
  const compared: Compared[] = [];
  for (const script of chosen) {
    process.stderr.write(`${script.name}...\n`);
    const bare = await regress.run(script, "bare");
    const guarded = await regress.run(script, "guarded");
    compared.push({ script, bare, guarded });
    process.stderr.write(`  bare ${bare.result}, guarded ${guarded.result}\n`);
  }
  return compared;
}

function report(all: readonly Compared[]): string {
  const rows = all.map((one) => {
    const { script, bare, guarded } = one;
    const seconds = [bare, guarded].map((outcome) => `${outcome.seconds}`);
    return [
      script.name,
      script.place,
      bare.result,
      guarded.result,
      `${guarded.entries}`,
      ...seconds,
      remarkOn(one),
    ];
  });
  const headings = ["script", "the guard's place", "bare", "guarded", "log entries", "s", "s guarded", ""];
  const passed = all.filter(({ bare }) => bare.result === "passed");
  const faults = passed.filter((one) => faultOf(one) !== undefined);
  const count = `${passed.length} of ${all.length} pass bare; ${faults.length} of these do not behind the guard`;
  return `${renderTable(headings, rows)}\n\n${count}\n`;
}

try {
  const chosen = choose(process.argv.slice(2));
  const compared = await compare(chosen, await becomeApart());
  process.stdout.write(report(compared));
  if (compared.some((one) => faultOf(one) !== undefined)) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`test:openssh: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
