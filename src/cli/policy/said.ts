/** What flags say, read as a file would be: with the same schema, and the same words for a mistake. */
import { formatTable } from "../../policy/exact-rule.ts";
import { SettingsError } from "../../settings/settings-error.ts";
import { checkSettings, type SettingsFiles } from "../../settings/toml-file.ts";
import { CliError, exitCodes } from "../cli-error.ts";

/** As TOML, with what it says. @throws CliError */
export function readSaid<K extends "policy" | "cases">(
  kind: K,
  fields: object,
): { toml: string; content: SettingsFiles[K] } {
  const toml = `${formatTable(kind === "policy" ? "rule" : "case", fields).join("\n")}\n`;
  try {
    return { toml, content: checkSettings("flags", kind, toml) };
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const faults = error.all.map(({ line, at }) => at?.text ?? line);
    throw new CliError(faults.join("\n"), exitCodes.usage);
  }
}
