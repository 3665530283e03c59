/**
 * Commands that a rule allows. A server hands the text to the user's shell, so `git-upload-pack *` must not
 * cover
 * `git-upload-pack x; rm -rf ~`: pattern and command are taken apart as a shell does it, and a wildcard
 * stands only for what no shell obeys.
 *
 * Shells are sh and its kin, csh and fish, which disagree on what quotes hold. What they may read differently
 * is not taken apart, and matches nothing but itself. cmd.exe and PowerShell are no such shells: for a server
 * that has one, name no command with a wildcard.
 *
 * What the named program does with its arguments is the rule's affair: `sh *`, `find *` and `rsync *` can run
 * anything.
 */
import { matchPattern, matchUnits } from "./pattern.ts";

/**
 * A string in quotes that means the same in every shell, an escaped character, or one character. A backslash
 * or `!` in quotes is none: fish takes `\'` for a quote there, csh looks `!` up in its history. A backslash
 * behind a character beyond ASCII is none: in Shift_JIS, Big5 and GBK it may be its second half.
 */
const unit = /'[^'\\!\p{Cc}]*'|"[^"$`\\!\p{Cc}]*"|(?<!\P{ASCII})\\[ -~]|./gsu;

/**
 * What a shell obeys outside of quotes. `^` is a pipe in the oldest and redirects in older fish; `#` hides
 * the rest of the pattern.
 */
const obeyed = /^[;&|<>()$`#!^\p{Cc}]$/u;

/** A quote or backslash on its own: what follows may be inside or outside of quotes. */
const lost = new Set(["'", '"', "\\"]);

/**
 * Whether a pattern to allow covers a command. `*` alone is any command at all. Otherwise wildcards stand for
 * words, quoted strings and escaped characters, one inside of quotes does not leave them, and what a shell
 * obeys has to stand in the pattern as it is.
 */
export function allowsCommand(command: string, pattern: string): boolean {
  if (pattern === "*" || command === pattern) return true;
  if (!matchPattern(command, pattern)) return false;
  const [given, wanted] = [unitsOf(command), unitsOf(pattern)];
  return given !== undefined && wanted !== undefined && matchUnits(given, wanted, fits, isLoose);
}

function unitsOf(text: string): string[] | undefined {
  const units = text.match(unit) ?? [];
  return units.some((one) => lost.has(one)) ? undefined : units;
}

function fits(one: string, pattern: string): boolean {
  return one === pattern || (isLoose(one) && matchPattern(one, pattern));
}

function isLoose(one: string): boolean {
  return !obeyed.test(one);
}
