/**
 * The manual page muxguard(1), in the man(7) macros, from the same words as `--help`.
 */
import type { Command } from "commander";
import { version } from "../../installation.ts";

/** A line that begins with a dot or a quote would be a macro; a dash alone may become a hyphen. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(?=[.'])/gm, "\\&");
}

function usageOf(command: Command, path: string): string {
  const words = command.registeredArguments.map((one) => {
    const name = `${one.name()}${one.variadic ? "..." : ""}`;
    return one.required ? `<${name}>` : `[${name}]`;
  });
  return [path, ...(command.options.length > 0 ? ["[options]"] : []), ...words].join(" ");
}

function sectionsOf(command: Command, path: string): string[] {
  const options = command.options.filter(({ hidden }) => !hidden);
  return [
    `.SS "${escaped(usageOf(command, path))}"`,
    escaped(command.description()),
    ...options.flatMap(({ flags, description }) => [".TP", `.B ${escaped(flags)}`, escaped(description)]),
    ...command.commands.flatMap((inner) => sectionsOf(inner, `${path} ${inner.name()}`)),
  ];
}

export function manPage(program: Command): string {
  const lines = [
    `.TH MUXGUARD 1 "" "muxguard ${version()}" "User Commands"`,
    ".SH NAME",
    `muxguard \\- ${escaped(program.description())}`,
    ".SH SYNOPSIS",
    ".B muxguard",
    "\\fIcommand\\fR [\\fIoptions\\fR]",
    ".SH COMMANDS",
    ...program.commands.flatMap((command) => sectionsOf(command, `muxguard ${command.name()}`)),
    ".SH FILES",
    ...files.flatMap(([path, what]) => [".TP", `.I ${escaped(path)}`, escaped(what)]),
    ".SH EXIT STATUS",
    "0: done. 1: it failed. 3: no daemon runs. 4: a guard does not answer. 64: wrong usage.",
    "78: a mistake in the settings. Of run: that of its command; 126, 127: it can't be started, is not found.",
    ".SH SEE ALSO",
    "ssh(1), ssh\\-agent(1), ssh_config(5), bwrap(1)",
  ];
  return `${lines.join("\n")}\n`;
}

const files = [
  ["~/.config/muxguard/policy.toml", "the rules, with policy.d/*.toml behind it"],
  ["~/.config/muxguard/approved.toml", "rules that answers made"],
  ["~/.config/muxguard/config.toml", "all else"],
  ["~/.local/state/muxguard/log.jsonl", "what was asked for, and what was decided"],
] as const;
