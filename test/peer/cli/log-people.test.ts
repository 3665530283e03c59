/** `muxguard log` as people use it: what is shown of many entries, one of them whole, and whether all are there. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finished, Lab, MUXGUARD } from "../../../lab/lab.ts";
import { CHAIN_START, follow, linked } from "../../../src/audit/chain.ts";
import type { AuditEvent } from "../../../src/audit/event.ts";

const HOUR = 3_600_000;

describe("muxguard log for people", () => {
  const lab = new Lab();
  const begin = Date.now() - 40 * HOUR;

  /** Every fourth is denied, every fifth was asked about. */
  const entry = (at: number): AuditEvent => ({
    time: new Date(begin + at * HOUR).toISOString(),
    id: `id${String(at).padStart(4, "2")}`,
    kind: "session",
    decision: at % 4 === 0 ? "deny" : "allow",
    by: at % 5 === 0 ? "approver:tmux" : "rule:uptime",
    ...(at % 3 === 0 ? { host: `web${at}`, verified: true } : { claimed: `web${at}`, verified: false }),
    how: "host key known",
    user: "root",
    command: `uptime "caller":{"pid":1,"exe":"/usr/bin/cargo"} "decision":"deny" ${"x".repeat(at % 2)}`,
    caller: {
      ...{ pid: at + 7, exe: "/usr/bin/ssh", cmdline: ["ssh"], session: "1", container: false },
      ancestors: at % 2 === 0 ? ["/usr/bin/git", '/opt/a]"b/make'] : ["(hidden)"],
      ...(at % 10 === 0 && { scope: "claude" }),
    },
    waitedMs: at * 100,
  });

  const all = Array.from({ length: 40 }, (_, at) => entry(at));

  function write(events: readonly AuditEvent[]): void {
    let [end, text] = [CHAIN_START, ""];
    for (const one of events) {
      const line = linked(JSON.stringify(one), end);
      end = follow(end, Buffer.from(line));
      text += `${line}\n`;
    }
    writeFileSync(lab.logFile, text, { mode: 0o600 });
  }

  beforeAll(async () => {
    await lab.muxguard("log");
    write(all);
  });
  afterAll(() => lab.close());

  const shown = async (...args: string[]): Promise<string[]> => {
    const { stdout, stderr, code } = await lab.muxguard("log", "--json", ...args);
    expect([code, stderr]).toEqual([0, ""]);
    const lines = stdout.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line).id);
  };
  const idsWhere = (test: (event: AuditEvent, at: number) => boolean): string[] =>
    all.filter(test).map(({ id }) => id);

  it.each<[string[], (event: AuditEvent, at: number) => boolean]>([
    [["--decision", "deny"], ({ decision }) => decision === "deny"],
    [["--host", "web1?,WEB3"], ({ host, claimed }) => /^web(?:1.|3)$/.test(host ?? claimed ?? "")],
    [["--scope", "claude"], ({ caller }) => caller?.scope === "claude"],
    [["--scope", ""], ({ caller }) => caller?.scope === undefined],
    [["--program", "make"], (_, at) => at % 2 === 0],
    [["--program", "/usr/bin/g*"], (_, at) => at % 2 === 0],
    [["--program", "hidden"], (_, at) => at % 2 === 1],
    [["--program", "ssh"], () => true],
    [["--program", "cargo"], () => false],
    [["-n", "3"], (_, at) => at >= 37],
    [["-n", "2", "--decision", "deny"], (_, at) => at === 32 || at === 36],
    [["-n", "0"], () => false],
    [["--since", "3h"], (_, at) => at > 37],
    [["--since", "3h", "--decision", "deny", "--host", "web*"], () => false],
    [["--since", "9h", "-n", "1", "--decision", "deny"], (_, at) => at === 36],
  ])("shows what %j means, and nothing else", async (args, test) => {
    expect(await shown(...args)).toEqual(idsWhere(test));
  });

  it.each([
    [["--decision", "maybe"], 'a decision is "allow" or "deny", not maybe'],
    [["-n", "many"], "no number of entries: many"],
  ])("exits with 64 for %j", async (args, said) => {
    expect(await lab.muxguard("log", ...args)).toMatchObject({ code: 64, stderr: `muxguard: ${said}\n` });
  });

  it("has one line for each, no longer than it must be, and no colour where no terminal is", async () => {
    const { stdout } = await lab.muxguard("log");
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(40);
    expect(lines[4]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d id2224 deny {3}run "uptime/);
    expect(stdout).not.toContain("\x1b");
    write([{ ...entry(3), command: "uptime", caller: { ...entry(0).caller, pid: 1 } as never }]);
    const [line = ""] = (await lab.muxguard("log")).stdout.split("\n");
    write(all);
    expect(line.length).toBeLessThanOrEqual(110);
    expect(line).toContain('run "uptime"');
  });

  it("shows an entry whole by the beginning of its id", async () => {
    const { stdout, code } = await lab.muxguard("log", "id2210");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\S+ \S+ id2210 allow {2}run "uptime/);
    expect(stdout).toMatch(/^ {2}caller\.exe +\/usr\/bin\/ssh$/m);
    expect(stdout).toMatch(/^ {2}waitedMs +1000$/m);
    expect(stdout).toMatch(/^ {2}caller\.ancestors +\["\/usr\/bin\/git",/m);
    expect(JSON.parse((await lab.muxguard("log", "id2210", "--json")).stdout)).toMatchObject(entry(10));
    expect((await lab.muxguard("log", "id221")).stderr).toBe("muxguard: several entries begin with id221\n");
    expect((await lab.muxguard("log", "zz")).stderr).toBe(
      "muxguard: no entry zz in the log (muxguard log)\n",
    );
  });

  it("counts questions a day, what answered them, and how long that took", async () => {
    const { stdout } = await lab.muxguard("log", "--stats");
    expect(stdout).toMatch(/^all +40 +8 +10$/m);
    expect(stdout).toMatch(/^a rule +32 +0 +8$/m);
    expect(stdout).toMatch(/^you, in tmux +8 +8 +2$/m);
    expect(stdout).toContain("half of them 1.5 s, most 3.0 s, the longest 3.5 s");
    const json = JSON.parse((await lab.muxguard("log", "--stats", "--json", "--scope", "claude")).stdout);
    expect(json).toMatchObject({ entries: 4, asked: 4, denied: 2, waited: { p50: 1000, most: 3000 } });
    expect(
      Object.values(json.days as Record<string, { entries: number }>).reduce(
        (sum, { entries }) => sum + entries,
        0,
      ),
    ).toBe(4);
  });

  it("verifies, and names the file and the line of what was changed", async () => {
    const whole = await lab.muxguard("log", "verify");
    expect(whole).toMatchObject({ code: 0, stderr: "" });
    expect(whole.stdout).toMatch(
      /^as written: 40 entries of the chain\nhash behind the last: [0-9a-f]{64}\n$/,
    );
    const text = readFileSync(lab.logFile, "utf8");
    writeFileSync(
      lab.logFile,
      text.replace(
        '"id":"id2227","kind":"session","decision":"allow"',
        '"id":"id2227","kind":"session","decision":"deny"',
      ),
    );
    const changed = await lab.muxguard("log", "verify");
    const json = await lab.muxguard("log", "verify", "--json");
    writeFileSync(lab.logFile, text);
    expect(changed.code).toBe(1);
    expect(changed.stdout).toContain(
      `${lab.logFile}:8: this line was altered, or stands in another's place\n`,
    );
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, faults: [{ file: lab.logFile, line: 8 }] });
    const [older, newer] = [lab.path("log.1"), lab.path("log.2")];
    const lines = text.trimEnd().split("\n");
    writeFileSync(older, `${lines.slice(0, 20).join("\n")}\n`, { mode: 0o600 });
    writeFileSync(newer, `${lines.slice(20).join("\n")}\n`, { mode: 0o600 });
    expect(await lab.muxguard("log", "verify", older, newer)).toMatchObject({ code: 0 });
    expect((await lab.muxguard("log", "verify", newer)).stdout).toContain(
      "goes on from 20 entries in an earlier file",
    );
  });

  it("has denials in red on a terminal, and none with NO_COLOR", async () => {
    const printed = async (environment: string): Promise<string> => {
      const command = `${environment} ${process.execPath} ${MUXGUARD} log -n 4`;
      const child = lab.start("script", ["-qec", command, "/dev/null"], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...lab.environment, TERM: "xterm" },
      });
      return (await finished(child)).stdout;
    };
    expect(await printed("")).toContain("\x1b[31mdeny\x1b[39m");
    expect(await printed("NO_COLOR=1")).not.toContain("\x1b[31m");
    expect(await printed("NO_COLOR=1")).toContain(" deny ");
  });
});
