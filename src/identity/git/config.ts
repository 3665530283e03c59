/**
 * What .git/config says of remotes and of where the files are: git-config(1), as far as these need it. Files
 * that it includes are not read, and URLs are not rewritten (`insteadOf`).
 */

/** Values by `section.subsection.key`, section and key in lower case; the last one of a name counts. */
export function parseGitConfig(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let section = "";
  // a line that ends in a backslash goes on
  for (const line of text.replaceAll(/\\\r?\n/g, "").split("\n")) {
    const [header, name, subsection] = /^\s*\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]/.exec(line) ?? [];
    if (name !== undefined)
      section = [name.toLowerCase(), subsection?.replaceAll(/\\(.)/g, "$1")]
        .filter((one) => one !== undefined)
        .join(".");
    const [, key, value] = /^\s*([A-Za-z][\w-]*)\s*(?:=(.*))?$/s.exec(line.slice(header?.length ?? 0)) ?? [];
    if (key !== undefined) values.set(`${section}.${key.toLowerCase()}`, unquoted(value ?? "true"));
  }
  return values;
}

/** Without what is around it: blanks, quotes, a comment. */
function unquoted(text: string): string {
  let value = "";
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '"') isQuoted = !isQuoted;
    else if (character === "\\") value += escapes[text[++at] ?? ""] ?? text[at] ?? "";
    else if (!isQuoted && (character === "#" || character === ";")) break;
    else value += character;
  }
  return value.trim();
}

const escapes: Record<string, string> = { n: "\n", t: "\t", b: "\b" };

/** Where a branch is pushed to: `remote.pushDefault` and the like, else its own remote, else the one there is. */
export function remoteOf(
  config: ReadonlyMap<string, string>,
  branch: string | undefined,
): string | undefined {
  const ofBranch = (key: string): string | undefined =>
    branch === undefined ? undefined : config.get(`branch.${branch}.${key}`);
  const named = ofBranch("pushremote") ?? config.get("remote.pushdefault") ?? ofBranch("remote");
  const [only, ...others] = [...config.keys()].flatMap((key) => /^remote\.(.*)\.url$/s.exec(key)?.[1] ?? []);
  const name = named ?? (config.has("remote.origin.url") || others.length > 0 ? "origin" : only);
  if (name === undefined) return undefined;
  const url = config.get(`remote.${name}.pushurl`) ?? config.get(`remote.${name}.url`);
  // a remote may be a URL itself
  const found = url ?? (name === named && /[/:]/.test(name) ? name : undefined);
  return found && withoutSecret(found);
}

/** A URL may hold a password or a token: of HTTP's, all that stands before the host. */
function withoutSecret(url: string): string {
  return url
    .replace(/^(\w+\+)?ssh:\/\/([^/:@]*):[^/]*@/i, (_, how = "", user) => `${how}ssh://${user}@`)
    .replace(/^(?!(?:\w+\+)?ssh:)([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, "$1")
    .replace(/^(https?:\/\/[^?]*)\?.*$/is, "$1");
}
