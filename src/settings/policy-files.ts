/** The policy's files: which they are, and what they say together. */
import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { looksAt } from "../platform/files/at-rest.ts";
import { emptyPolicy, type Policy, type Rule } from "../policy/policy.ts";
import type { PolicyFile } from "../policy/schema.ts";
import type { Config } from "./config.ts";
import { expandHome } from "./expand-home.ts";
import type { Paths } from "./paths.ts";
import { type Untouched, type WatchedPolicy, watchPolicy } from "./policy-reader.ts";
import { readNow } from "./settings.ts";
import { SettingsError } from "./settings-error.ts";

export interface PolicySource extends WatchedPolicy {
  /** Its files, in their order. They need not be there. */
  files(): string[];
  /** Adds a rule that an answer made; absent where no such rules are read. */
  approve?(rule: Rule): Promise<void>;
  close(): Promise<void>;
}

/** For a guard that decides often: watches all of these paths. */
export type WatchFiles = (paths: () => readonly string[]) => Untouched;

type AsksAfter = Pick<Config, "brokenPolicyAfter">;

/** Which files they are, in their order; of all but those of policy.d may be that they are not there. */
export function userPolicyFiles({ config }: Pick<Paths, "config">): { files: string[]; approved: string } {
  const files = [join(config, "policy.toml"), ...dropIns(join(config, "policy.d"))];
  return { files, approved: join(config, "approved.toml") };
}

/**
 * policy.toml, policy.d/*.toml in the order of their names, and approved.toml.
 * @param config is read when it is needed: it may change
 */
export function userPolicy(
  paths: Pick<Paths, "config">,
  config: AsksAfter,
  watch?: WatchFiles,
): PolicySource {
  const { approved } = userPolicyFiles(paths);
  const source = policySource({
    files: () => userPolicyFiles(paths).files,
    approved: [approved],
    // files come up there
    folders: [join(paths.config, "policy.d")],
    config,
    watch,
  });
  return {
    ...source,
    approve: async (rule) => (await import("./approved-rules.ts")).addRule(approved, rule),
  };
}

/** The one file of `muxguard run --policy FILE`. It must be there. */
export function filePolicy(path: string, config: AsksAfter): PolicySource {
  const source = policySource({ files: () => [path], approved: [], folders: [], config });
  const load = async (): Promise<void> => {
    if (!statSync(path, { throwIfNoEntry: false })) throw new SettingsError(`${path}: no such policy file`);
    await source.load();
  };
  return { ...source, load };
}

interface SourceParts {
  files(): string[];
  approved: readonly string[];
  folders: readonly string[];
  config: AsksAfter;
  watch?: WatchFiles | undefined;
}

function policySource({ files, approved, folders, config, watch }: SourceParts): PolicySource {
  const all = (): string[] => [...files(), ...approved];
  const untouched = watch?.(() => [...folders, ...all()]);
  const watched = watchPolicy({
    files: looksAt(all),
    read: () => readPolicy(files(), approved),
    untouched,
    asksAfter: () => config.brokenPolicyAfter,
  });
  return { ...watched, files: all, close: async () => untouched?.close() };
}

function dropIns(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".toml"));
  return names.sort().map((name) => join(folder, name));
}

/** @throws SettingsError with the mistakes of all files */
async function readPolicy(files: readonly string[], approvedFiles: readonly string[]): Promise<Policy> {
  const faults: string[] = [];
  const parts = await readAll(files, faults);
  const approved = await readAll(approvedFiles, faults);
  const [first, ...more] = faults;
  if (first !== undefined) throw new SettingsError(first, ...more);
  return {
    default: parts.find(({ content }) => content.default)?.content.default ?? emptyPolicy.default,
    rules: parts.flatMap(rulesOf),
    approved: approved.flatMap(rulesOf),
  };
}

interface Part {
  file: string;
  content: PolicyFile;
}

/** Those that are there. */
async function readAll(files: readonly string[], faults: string[]): Promise<Part[]> {
  const parts: Part[] = [];
  for (const file of files) {
    try {
      const content = await readNow(file, "policy");
      if (content) parts.push({ file, content });
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      faults.push(...error.faults);
    }
  }
  return parts;
}

/** With the names that those have which their author did not name. */
export function rulesOf({ file, content }: Part): Rule[] {
  return (content.rule ?? []).map((rule, at) => ({
    ...rule,
    ...(rule.repository !== undefined && { repository: expandHomes(rule.repository) }),
    name: rule.name ?? `${basename(file)}#${at + 1}`,
  }));
}

/** Of a list of patterns. */
function expandHomes(list: string): string {
  const items = list.split(",").map((item) => /^(\s*!?\s*)(.*)$/s.exec(item) ?? ["", "", item]);
  return items.map(([, before, path = ""]) => before + expandHome(path)).join();
}
