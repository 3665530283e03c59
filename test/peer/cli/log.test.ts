/** `muxguard log`, over what real requests left in the file and over what a file may hold. */
import { once } from "node:events";
import {
  appendFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ended, finished, Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import type { AuditEvent } from "../../../src/audit/event.ts";
import { makeFifo } from "../../../src/platform/libc/descriptors.ts";
import { describeWith } from "../tools.ts";

const hostile = "\x1b[31mred\nline \u202egpj.exe \x07";

describeWith(["ssh"], "the log of real requests", () => {
  const lab = new Lab();
  const key = lab.key("hostile", "-C", hostile);
  const sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", `${key}.pub`, lab.sshConfig];

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    lab.policy(
      '[[rule]]\nname = "sign \\u001b[2J"\naction = "allow"\nnamespace = "file"\n[[rule]]\naction = "deny"\n',
    );
    await lab.muxguard("run", "--scope", "\x1b]0;title\x07", ...sign);
    await lab.muxguard("run", "ssh-add", "-D");
  });
  afterAll(() => lab.close());

  it("belongs to its owner alone", () => {
    expect(statSync(lab.logFile).mode & 0o777).toBe(0o600);
  });

  it("is printed as it is with --json", async () => {
    const { stdout } = await lab.muxguard("log", "--json");
    const parsed = (text: string): unknown[] =>
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    expect(parsed(stdout)).toEqual(parsed(readFileSync(lab.logFile, "utf8")));
    expect(lab.log()).toMatchObject([
      {
        decision: "allow",
        key: { comment: hostile },
        namespace: "file",
        caller: { scope: "\x1b]0;title\x07" },
      },
      { decision: "deny", operation: "remove-all" },
    ]);
  });

  it("holds no secrets: neither the data that was signed nor the signature", () => {
    const text = readFileSync(lab.logFile, "utf8");
    const [, ...signature] = readFileSync(`${lab.sshConfig}.sig`, "utf8").split("\n");
    for (const line of signature.slice(0, 3)) expect(text).not.toContain(line);
    expect(text).not.toContain("SSHSIG");
  });

  it("is shown in one line for each decision, with nothing that a terminal would obey", async () => {
    const { stdout } = await lab.muxguard("log");
    const lines = stdout.split("\n");
    expect(lines).toHaveLength(3);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(lines.join("")).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
    expect(lines[0]).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w{6} allow +sign for "file" with key "\\x1b\[31mred\\nline /,
    );
    expect(lines[0]).toContain('rule "sign \\x1b[2J"');
    expect(lines[1]).toMatch(/ deny +remove all keys from the agent \(rule "policy\.toml#2"\): ssh-add /);
  });

  it("must be a file of its own for anything to be allowed: what swallows entries is none", async () => {
    const kept = readFileSync(lab.logFile, "utf8");
    rmSync(lab.logFile);
    symlinkSync("/dev/null", lab.logFile);
    const result = await lab.muxguard("run", ...sign);
    rmSync(lab.logFile);
    writeFileSync(lab.logFile, kept, { mode: 0o600 });
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain('muxguard: denied: sign for "file"');
    expect(result.stderr).toContain(`the log can't be written: ${lab.logFile}: it is a link; remove it`);
  });
});

describe("muxguard log", () => {
  const lab = new Lab();
  const event = (id: string, minutesAgo: number): AuditEvent => ({
    time: new Date(Date.now() - minutesAgo * 60_000).toISOString(),
    id,
    kind: "admin",
    decision: "deny",
    by: "default",
  });
  const line = (id: string, minutesAgo = 0) => `${JSON.stringify(event(id, minutesAgo))}\n`;
  const ids = (json: string) => json.split("\n").flatMap((text) => (text === "" ? [] : JSON.parse(text).id));

  beforeAll(() => lab.muxguard("log"));
  beforeEach(() => writeFileSync(lab.logFile, line("old", 300) + line("recent", 60) + line("new", 1)));
  afterAll(() => lab.close());

  it("prints nothing where nothing was asked for yet", async () => {
    rmSync(lab.logFile);
    expect(await lab.muxguard("log")).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  });

  it("says what is in the log's place, and waits for no writer of a FIFO", async () => {
    rmSync(lab.logFile);
    makeFifo(lab.logFile);
    try {
      const stderr = `muxguard: ${lab.logFile}: it is no regular file; remove it\n`;
      expect(await lab.muxguard("log")).toMatchObject({ code: 1, stderr });
    } finally {
      rmSync(lab.logFile);
    }
  });

  it("goes back as far as --since says: for a time, or to a point in time", async () => {
    const since = async (when: string) => ids((await lab.muxguard("log", "--json", "--since", when)).stdout);
    expect(await since("1d")).toEqual(["old", "recent", "new"]);
    expect(await since("2h")).toEqual(["recent", "new"]);
    expect(await since("10m")).toEqual(["new"]);
    expect(await since("30s")).toEqual([]);
    expect(await since(event("", 61).time)).toEqual(["recent", "new"]);
    const local = new Date(Date.now() - 61 * 60_000 - new Date().getTimezoneOffset() * 60_000);
    expect(await since(local.toISOString().slice(0, 19))).toEqual(["recent", "new"]);
  });

  it.each(["yesterday", "", "10x", "-5m"])("exits with 64 for --since=%j", async (when) => {
    const result = await lab.muxguard("log", `--since=${when}`);
    expect(result).toMatchObject({ code: 64, stdout: "" });
    expect(result.stderr).toBe(`muxguard: neither a time nor a duration: ${when}\n`);
  });

  it("passes over a line that was cut off, and over what is no entry", async () => {
    writeFileSync(
      lab.logFile,
      `${line("a")}{"time":"20\nnull\n[]\n{}\n17\n${line("b")}${line("c").slice(0, 40)}`,
    );
    const result = await lab.muxguard("log", "--json");
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(ids(result.stdout)).toEqual(["a", "b"]);
  });

  it("follows: prints what is there and what comes, over a rotation and an emptied file", async () => {
    const args = [MUXGUARD, "log", "--follow", "--json"];
    const child = lab.start(process.execPath, args, { stdio: "pipe" });
    let output = "";
    child.stdout?.on("data", (chunk) => {
      output += chunk;
    });
    const shows = (...expected: string[]) =>
      until(() => ids(output).join() === expected.join(), expected.join());
    const before = ["old", "recent", "new"];
    await shows(...before);
    const [begin, rest] = [line("1").slice(0, 30), line("1").slice(30)];
    appendFileSync(lab.logFile, begin);
    appendFileSync(lab.logFile, rest);
    await shows(...before, "1");
    appendFileSync(lab.logFile, line("2"));
    renameSync(lab.logFile, `${lab.logFile}.1`);
    writeFileSync(lab.logFile, line("3") + line("4"));
    await shows(...before, "1", "2", "3", "4");
    truncateSync(lab.logFile);
    appendFileSync(lab.logFile, line("5"));
    await shows(...before, "1", "2", "3", "4", "5");
    child.kill("SIGINT");
    await ended(child);
  });

  it("follows a file that is not there yet", async () => {
    rmSync(lab.logFile);
    const child = lab.start(process.execPath, [MUXGUARD, "log", "-f", "--json"], { stdio: "pipe" });
    const printed = once(child.stdout ?? child, "data");
    writeFileSync(lab.logFile, line("first"));
    expect(ids(String(await printed))).toEqual(["first"]);
    child.kill("SIGTERM");
    await ended(child);
  });

  it("ends quietly when nobody reads on", async () => {
    writeFileSync(lab.logFile, line("a").repeat(20_000));
    for (const options of ["", "--json", "--follow"]) {
      const script = `"$0" "$1" log ${options} | head -1`;
      const result = await finished(
        lab.start("/bin/sh", ["-c", script, process.execPath, MUXGUARD], {
          stdio: ["ignore", "pipe", "pipe"],
        }),
      );
      expect(result.stdout.split("\n")).toHaveLength(2);
      expect(result).toMatchObject({ code: 0, stderr: "" });
    }
  });
});
