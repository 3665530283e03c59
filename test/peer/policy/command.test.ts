/** What a pattern with wildcards allows, and that no shell of this machine runs anything else for it. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allowsCommand } from "../../../src/policy/match/command.ts";
import { matchPattern } from "../../../src/policy/match/pattern.ts";

describe("a pattern allows", () => {
  const rows: [string, string][] = [
    // pattern, command
    ["git-upload-pack *", "git-upload-pack '/srv/git/my repo.git'"],
    ["git-upload-pack *", "git-upload-pack 'it'\\''s.git'"],
    ["git-upload-pack *", "git-upload-pack 'wow'\\!'.git'"],
    ["git-upload-pack *", "git-upload-pack 'a;b&c|d(e).git'"],
    ["git-upload-pack '/srv/git/*'", "git-upload-pack '/srv/git/my repo.git'"],
    ["git-*-pack *", "git-receive-pack 'a.git'"],
    ["rsync --server *", "rsync --server --sender -logDtpre.iLsfxCIvu . /srv/data"],
    ["rsync --server * . /srv/*", "rsync --server -vlogDtpre.iLsfxCIvu . /srv/data"],
    ["rsync --server *", "rsync --server . /srv/Report\\ \\(1\\)\\ \\&\\ more"],
    ["scp -t *", "scp -t /tmp/x"],
    ["scp -t *", "scp -t ~/каталог/*.txt"],
    ["tail -n ? *", "tail -n 5 /var/log/syslog"],
    ["grep *", 'grep "two words" /etc/hosts'],
    ["grep *", `grep "don't" 'say "no"'`],
    ["uptime", "uptime"],
    ["uptime*", "uptime"],
    ["cd /srv && git *", "cd /srv && git log --oneline"],
    ["journalctl -u * | tail -n *", "journalctl -u 'a|b' | tail -n 5"],
    ["echo $HOME/*", "echo $HOME/x"],
    ["*a;*b", "xa;xb"],
    ["a* '*'", "a 'x' 'y'"],
    ["cat ?", "cat x"],
    ["", ""],
    ["ls \\*", "ls \\*"],
    ['echo "$(id)" `id` \'', 'echo "$(id)" `id` \''],
  ];

  test.each(rows)("%s: %s", (pattern, command) => {
    expect(allowsCommand(command, pattern)).toBe(true);
  });

  test.each(["", "uptime", "uptime; rm -rf ~", "a\nb", "'", "$(id)", "\udcff"])(
    "any command at all, if it is a star alone: %j",
    (command) => {
      expect(allowsCommand(command, "*")).toBe(true);
    },
  );
});

const attacks: [string, string][] = [
  ["another command", "mark x; evil"],
  ["another command at once", "mark;evil"],
  ["a command in the background", "mark x & evil"],
  ["a command after success", "mark x && evil"],
  ["a command after failure", "mark x | false || evil"],
  ["a pipe", "mark x | evil"],
  ["a newline", "mark x\nevil"],
  ["a newline behind a carriage return", "mark x\r\nevil"],
  ["backticks", "mark `evil 1>&2`"],
  ["backticks in double quotes", 'mark "`evil 1>&2`"'],
  ["a substitution", "mark $(evil 1>&2)"],
  ["a substitution in double quotes", 'mark "$(evil 1>&2)"'],
  ["a substitution in a variable's default", `mark \${x:-$(evil 1>&2)}`],
  ["a substitution in arithmetic", "mark $((0 + $(evil 1>&2)))"],
  ["single quotes that double quotes take back", "mark \"'$(evil 1>&2)'\""],
  ["double quotes that single quotes close", "mark '\"'; evil '\"'"],
  ["an escaped quote that opens nothing", "mark \\'; evil"],
  ["an escaped double quote", 'mark \\"; evil'],
  ["an escaped backslash", "mark \\\\; evil"],
  ["a backslash in quotes, which escapes nothing", "mark 'x\\'; evil"],
  ["a closed quote and one that is opened again", "mark 'x'; evil 'y'"],
  ["an empty quote", "mark ''; evil"],
  ["an escape inside of a word", "mark a\\'b'c'; evil"],
  ["a quote behind a comment's end", "mark # '\nevil # '"],
  ["a redirection into a file", "mark x > file"],
  ["a redirection into a file, appended", "mark x >> file"],
  ["a redirection of errors", "mark x 2>file"],
];

describe("a wildcard does not stand for", () => {
  const more: [string, string][] = [
    ["input from a file", "mark < /etc/passwd"],
    ["input from a command", "mark <(evil)"],
    ["a subshell", "mark (evil)"],
    ["a variable", "mark $HOME"],
    ["a variable in double quotes", 'mark "$HOME"'],
    ["a comment", "mark x # y"],
    ["a function", "mark() { evil; }"],
    ["csh's history", "mark !!:s/x/;evil/"],
    ["csh's history in quotes", "mark '!#:s/x/;evil/'"],
    ["a pipe of the first shells", "mark x ^ evil"],
    ["fish's escaped quote in quotes", "mark 'x\\'';evil #'"],
    ["a second half of a character in Shift_JIS", "mark \udc95\\;evil"],
    ["a last byte of UTF-8 that Shift_JIS reads on from", "mark é\\;evil"],
    ["a quote that is not closed", "mark 'x"],
    ["a double quote that is not closed", 'mark "x'],
    ["a backslash at the end", "mark x\\"],
    ["a newline in quotes", "mark 'x\ny'"],
    ["an escaped newline", "mark x\\\ny"],
    ["a NUL", "mark x\0y"],
    ["a terminal's escape", "mark \x1b"],
  ];

  test.each([...attacks, ...more])("%s: %j", (_, command) => {
    for (const pattern of ["mark*", "mark?*", "mar*", "**", "*?"]) {
      expect(matchPattern(command, pattern)).toBe(true);
      expect(allowsCommand(command, pattern)).toBe(false);
    }
    expect(allowsCommand(command, command)).toBe(true);
  });

  test("one character that a shell obeys", () => {
    for (const character of ";&|<>()$`#!^\n\r\t\0'\"\\") {
      expect(allowsCommand(`mark ${character}`, "mark ?")).toBe(false);
    }
  });
});

describe("what a shell obeys has to stand in the pattern, in the same place", () => {
  const rows: [string, string, string][] = [
    // what, pattern, command
    ["moved out of quotes", "mark * ';'*", "mark x' ';'evil'"],
    ["twice", "mark * ; mark *", "mark x ; mark x ; evil"],
    ["hidden in quotes, and again outside", "mark * ; mark *", "mark 'a ; mark b' ; evil"],
    ["moved into quotes", "mark * ; mark *", "mark 'a ; mark b'"],
    ["another", "mark * && mark *", "mark x & evil && mark x"],
    ["behind a quote that the pattern does not close", "mark 'a!*'", "mark 'a!x' ; evil ''"],
    ["behind a double quote that the pattern does not close", 'mark "*', 'mark "x"; evil "'],
    ["behind the end of the pattern's quotes", "mark '*'", "mark 'x'; evil 'y'"],
  ];

  test.each(rows)("not %s: %s", (_, pattern, command) => {
    expect(matchPattern(command, pattern)).toBe(true);
    expect(allowsCommand(command, pattern)).toBe(false);
  });

  test("a wildcard in quotes does not leave them", () => {
    expect(allowsCommand("mark '/srv/a' --force 'b'", "mark '/srv/*'")).toBe(false);
    expect(allowsCommand("mark '/srv/a'\\''b'", "mark '/srv/*'")).toBe(false);
    expect(allowsCommand('mark "/srv/a" --force "b"', 'mark "/srv/*"')).toBe(false);
    expect(allowsCommand("mark 'ab'", "mark ?")).toBe(false);
  });
});

describe("a hostile command", () => {
  const long = 256 * 1024;
  const texts: [string, string][] = [
    ["quotes that never close", `mark ${"'\\".repeat(long / 2)}`],
    ["quotes of both kinds", `mark ${`'"`.repeat(long / 2)}`],
    ["one long string", `mark '${"a".repeat(long)}'`],
    ["one long string, open", `mark '${"a".repeat(long)}`],
    ["letters", `mark ${"a".repeat(long)}`],
    ["escapes", `mark ${"\\a".repeat(long / 2)};`],
    ["emoji", `mark '${"🔑".repeat(long / 4)}' ${"🔑".repeat(long / 4)}`],
  ];

  test.each(texts)("is done with in time: %s", (_, text) => {
    const start = performance.now();
    for (const pattern of ["mark *", "mark *;", "mark *a*a*a*a*b", "mark '*a*a*b'", "*'*'*'*'*!"]) {
      allowsCommand(text, pattern);
    }
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

const shells = ["sh", "bash", "dash", "zsh", "ksh", "fish", "csh", "tcsh"].flatMap((name) => {
  const path = ["/bin", "/usr/bin"].map((folder) => join(folder, name));
  const found = path.find((file) => spawnSync(file, ["-c", "exit 0"]).status === 0);
  return found === undefined ? [] : [found];
});

describe.each(shells)("in %s", (shell) => {
  let folder: string;
  let empty: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "mg-"));
    empty = join(folder, "empty");
    mkdirSync(empty);
    for (const [name, text] of Object.entries({
      mark: "",
      false: "exit 1",
      evil: "echo ran; echo ran >&2",
    })) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(folder, name), 0o755);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Whether `evil` ran or a file was written. As sshd does it: the text is one argument of `-c`. */
  function strays(command: string): boolean {
    const env = { PATH: folder, HOME: folder };
    const { stdout, stderr } = spawnSync(shell, ["-c", command], { cwd: empty, env, encoding: "utf8" });
    const written = readdirSync(empty);
    for (const file of written) rmSync(join(empty, file));
    return `${stdout}${stderr}`.includes("ran\n") || written.length > 0;
  }

  test("the attacks of the table are attacks", () => {
    const failed = attacks.filter(([, command]) => !strays(command));
    if (shell === "/bin/sh") expect(failed).toEqual([]);
    expect(failed.length).toBeLessThan(attacks.length / 2);
  });

  const safe = [
    "evil",
    " evil ",
    "x",
    " ",
    "*",
    "=",
    "'; evil;'",
    "'$(evil)'",
    "'`evil`'",
    '"; evil;"',
    '"' + "';evil;'" + '"',
    "\\;",
    "\\'",
  ];
  const risky = [
    "'",
    '"',
    "\\",
    ";",
    ";evil;",
    "&",
    "|",
    "\n",
    "`evil`",
    "$(evil)",
    "(evil)",
    ">x",
    "#",
    "!",
    "^",
    "{",
    "}",
    "\\c",
    "\\x",
    "\\\\",
    "''",
    "'\\''",
  ];
  const patterns = ["mark *", "mark '*'", 'mark "*', "mark *';'*", "mark '*!*'*", "mark x*evil*x"];
  const allowed = fc
    .array(fc.constantFrom(...safe, ...safe, ...risky), { minLength: 1, maxLength: 7 })
    .map((parts) => `mark ${parts.join("")}`)
    .filter((command) => patterns.some((pattern) => allowsCommand(command, pattern)));

  test("nothing but mark runs for what a pattern of mark allows", () => {
    const check = fc.property(allowed, (command) => !strays(command));
    fc.assert(check, { numRuns: 100, endOnFailure: true });
  });
});

test("whatever a pattern allows it matches as any pattern does", () => {
  const parts = fc.constantFrom("a", "b", "*", "?", "'", '"', "\\", ";", " ", "!", "é", "\udcff");
  const some = fc.array(parts, { maxLength: 8 }).map((all) => all.join(""));
  fc.assert(
    fc.property(some, some, (command, pattern) => {
      if (allowsCommand(command, pattern)) expect(matchPattern(command, pattern)).toBe(true);
    }),
    { numRuns: 5000 },
  );
});
