/**
 * Tables of attacks on a confined run: programs of Python's in `attacks`, one for each table. All rows of one
 * are tried by one process: confined, where none may gain anything, and then in a run that is not.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { MUXGUARD } from "../../lab/lab.ts";
import { PYTHON } from "../../lab/programs.ts";
import { attempt } from "../../src/attempt.ts";
import type { ConfineLab } from "./confine-lab.ts";
import { rowsOf, TABLES } from "./rows.ts";

interface Attempt {
  way: string;
  /** Whether it has to succeed where nothing confines it. */
  without: boolean;
  /** A question and its word where it is asked when the run has ended. */
  gained?: unknown;
  refused?: string;
  /** The attack itself is wrong. */
  broken?: string;
}

export interface Attack {
  lab: ConfineLab;
  /** What the attacker knows. It is asked for before each of the two runs. */
  facts?: (confined: boolean) => Promise<object> | object;
  /** More options for the run that is confined. */
  options?: readonly string[];
  /** What is done with the command line of a run, such as a terminal for it. */
  start?: (words: string[], environment: NodeJS.ProcessEnv) => Promise<string>;
  /** What else is asked for of the outside. */
  answers?: Readonly<Record<string, (word: string) => unknown>>;
}

type Answers = NonNullable<Attack["answers"]>;

const looks: Answers = {
  read: (path) => attempt(() => readFileSync(path, "latin1")),
  list: (folder) => attempt(() => readdirSync(folder)),
  alive: (pid) => attempt(() => /^State:\s+[^ZX]/m.test(readFileSync(`/proc/${pid}/status`, "latin1"))),
};

/** The tests of a table: one for each row. */
export function tryAll(table: string, attack: Attack): void {
  const results = new Map<string, { confined?: Attempt; open?: Attempt }>();
  const answers = { ...looks, ...attack.answers };
  const witness = new Witness(answers);
  beforeAll(async () => {
    await witness.open();
    for (const kind of ["confined", "open"] as const)
      for (const attempt of await attackOnce(table, attack, kind === "confined", witness.port))
        results.set(attempt.way, { ...results.get(attempt.way), [kind]: await afterwards(attempt, answers) });
  });
  afterAll(() => witness.close());

  it.each(rowsOf(table).map(({ way }) => way))("%s", (way) => {
    const { confined, open } = results.get(way) ?? {};
    expect(confined?.broken ?? open?.broken, "the attack itself is wrong").toBeUndefined();
    expect(confined && open, "it was tried in both").toBeDefined();
    if (open?.without)
      expect(open.gained, `without --confine it gains something (${open.refused})`).toBeTruthy();
    expect(confined?.gained || undefined, "what was gained in a confined run").toBeUndefined();
  });
}

async function afterwards(attempt: Attempt, answers: Answers): Promise<Attempt> {
  const { later: [question = "", word = ""] = [] } = (attempt.gained ?? {}) as { later?: string[] };
  return question === "" ? attempt : { ...attempt, gained: await answers[question]?.(word) };
}

async function attackOnce(
  table: string,
  attack: Attack,
  confined: boolean,
  port: number,
): Promise<Attempt[]> {
  const { lab, options = [], facts, start } = attack;
  const known = { ...lab.facts(), ...(await facts?.(confined)), witness: port };
  const run = confined ? ["run", "--confine", ...options] : ["run"];
  const words = [MUXGUARD, ...run, "--", PYTHON, "-B", join(TABLES, `${table}.py`)];
  const environment = { ...lab.environment, FACTS: JSON.stringify(known) };
  const starts = start ?? ((line) => startQuietly(lab, line, environment));
  const said = await starts([process.execPath, ...words], environment);
  // what each row has come to, for whoever writes one
  if (process.env.SHOW_ATTACKS) console.log(said);
  return said.split("\n").flatMap((line) => (line.startsWith("{") ? JSON.parse(line) : []));
}

/** Runs begin in a folder of a project, which is nobody's home. */
export function inProject(lab: ConfineLab, words: readonly string[]): [string, string[]] {
  return ["/bin/sh", ["-c", 'cd "$0" && exec "$@"', lab.path("work"), ...words]];
}

async function startQuietly(
  lab: ConfineLab,
  words: string[],
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const { stdout, stderr, code } = await lab.run(...inProject(lab, words), { environment });
  if (!stdout.includes("{")) throw new Error(`the attacker did not start (${code}): ${stderr}`);
  return stdout;
}

/** Says how it looks outside of the run. */
class Witness {
  readonly #server: Server;

  constructor(answers: Answers) {
    this.#server = createServer((link) => {
      let asked = "";
      link.on("error", () => {});
      link.setEncoding("utf8").on("data", (text: string) => {
        asked += text;
        if (!asked.endsWith("\n")) return;
        const [question = "", word = ""] = JSON.parse(asked) as string[];
        Promise.resolve(answers[question]?.(word)).then(
          (answer) => link.end(JSON.stringify(answer ?? null)),
          () => link.destroy(),
        );
      });
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  open(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  close(): void {
    this.#server.close();
  }
}
