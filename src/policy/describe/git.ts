/** What git asks for, in words. All of it is claimed. */
import type { GitClaims } from "../request.ts";
import { inQuotes, visibleEnds } from "../visible.ts";

/** `repository "/home/me/app", branch "main", remote "git@github.com:me/app"`; empty where nothing is said. */
export function describeGit({ repository, branch, remote }: GitClaims, limit = 100): string {
  const claims = [
    ["repository", repository],
    ["branch", branch],
    ["remote", remote],
  ] as const;
  const said = claims.flatMap(([what, text]) =>
    text === undefined ? [] : [`${what} ${inQuotes(visibleEnds(text, limit))}`],
  );
  return said.join(", ");
}
