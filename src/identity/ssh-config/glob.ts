/**
 * The paths that an Include names: glob(3) with GLOB_TILDE, as readconf.c calls it. Names are in the order of
 * their characters, as in the locale "C", which ssh sorts by.
 */

export interface Folders {
  /** @returns undefined for what is no folder, or can't be read */
  list(folder: string): readonly string[] | undefined;
  exists(path: string): boolean;
}

const MAX_PATHS = 1000;

/** @param pattern absolute @returns undefined for more than anybody has */
export function expandGlob(pattern: string, folders: Folders): string[] | undefined {
  let paths = [""];
  for (const part of pattern.split("/").slice(1)) {
    paths = /[*?[]/.test(part)
      ? paths.flatMap((path) => matching(path, part, folders))
      : paths.map((path) => `${path}/${part.replace(/\\(.)/g, "$1")}`);
    if (paths.length > MAX_PATHS) return undefined;
  }
  return paths.filter((path) => folders.exists(path));
}

function matching(folder: string, part: string, folders: Folders): string[] {
  const pattern = partPattern(part);
  const names = (folders.list(folder === "" ? "/" : folder) ?? []).filter((name) => pattern.test(name));
  return [...names].sort(byCharacter).map((name) => `${folder}/${name}`);
}

function byCharacter(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** A leading dot is matched by itself alone. */
function partPattern(part: string): RegExp {
  const source = part.replace(/\\(.)|\[([!^]?)(\]?[^\]]*)\]|([*?])|([^*?\\])/gs, translate);
  return new RegExp(`^${part.startsWith(".") ? "" : "(?!\\.)"}${source}$`, "s");
}

function translate(whole: string, escaped?: string, negated?: string, set?: string, star?: string): string {
  if (escaped !== undefined) return literal(escaped);
  if (set !== undefined) return `[${negated ? "^" : ""}${set.replace(/[\\\]^]/g, "\\$&")}]`;
  if (star !== undefined) return star === "*" ? ".*" : ".";
  return literal(whole);
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
