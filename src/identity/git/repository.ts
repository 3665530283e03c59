/**
 * Which repository, branch and remote git asks for, read as git finds them (gitrepository-layout(5)): no git is
 * started, as a repository may say what else git should run. All of it is the asker's own claim.
 */
import { basename, dirname, resolve } from "node:path";
import type { GitClaims } from "../../policy/request.ts";
import { parseGitConfig, remoteOf } from "./config.ts";

/** Files as the process sees them that git has started. */
export interface GitView {
  cwd: string | undefined;
  environment: ReadonlyMap<string, string> | undefined;
  /** Undefined for what is no regular file of usual size. */
  read(path: string): Promise<string | undefined>;
}

/** Git goes to the top of its working tree before it has anything signed: few are looked at. */
const MAX_FOLDERS = 32;

export async function readClaims(view: GitView): Promise<GitClaims> {
  const { cwd, environment } = view;
  // git tells what it starts of all that is not at its usual place
  if (!cwd?.startsWith("/") || !environment) return {};
  const named = environment.get("GIT_DIR");
  const folder = named === undefined ? await findFolder(view, cwd) : resolve(cwd, named);
  const head = folder && (await view.read(`${folder}/HEAD`));
  if (folder === undefined || head === undefined) return {};
  const common = await commonFolder(view, folder, environment.get("GIT_COMMON_DIR"), cwd);
  const config = parseGitConfig((await view.read(`${common}/config`)) ?? "");
  const branch = branchOf(head) ?? (await branchInRebase(view, folder));
  const remote = remoteOf(config, branch);
  return {
    repository: repositoryAt(common, folder, config.get("core.worktree")),
    ...(branch !== undefined && { branch }),
    ...(remote !== undefined && { remote }),
  };
}

/** The folder `.git`, or what a file of that name leads to; a bare repository is one itself. */
async function findFolder({ read }: GitView, cwd: string): Promise<string | undefined> {
  let at = cwd;
  for (let folders = 0; folders < MAX_FOLDERS; folders++) {
    if ((await read(`${at}/.git/HEAD`)) !== undefined) return resolve(at, ".git");
    const [, elsewhere] = /^gitdir: (.+?)\n*$/s.exec((await read(`${at}/.git`)) ?? "") ?? [];
    if (elsewhere !== undefined) return resolve(at, elsewhere);
    const head = await read(`${at}/HEAD`);
    if (head !== undefined && isHead(head) && (await read(`${at}/config`)) !== undefined) return at;
    if (dirname(at) === at) return undefined;
    at = dirname(at);
  }
  return undefined;
}

/** What the working trees of a repository share: git-worktree(1). */
async function commonFolder(
  { read }: GitView,
  folder: string,
  named: string | undefined,
  cwd: string,
): Promise<string> {
  if (named !== undefined) return resolve(cwd, named);
  const shared = (await read(`${folder}/commondir`))?.replace(/\n+$/, "");
  return shared === undefined ? folder : resolve(folder, shared);
}

/** The folder that a person would name: all working trees of a repository have one, a submodule has its own. */
function repositoryAt(common: string, folder: string, worktree: string | undefined): string {
  if (basename(common) === ".git") return dirname(common);
  return worktree === undefined ? common : resolve(folder, worktree);
}

function isHead(text: string): boolean {
  return /^(?:ref: |[0-9a-f]{40,64}\n?$)/.test(text);
}

function branchOf(head: string): string | undefined {
  return /^(?:ref: *)?refs\/heads\/([^\n]+)\n*$/.exec(head)?.[1];
}

/** In a rebase HEAD names no branch, and what is signed will be on the one that is rebased. */
async function branchInRebase({ read }: GitView, folder: string): Promise<string | undefined> {
  for (const place of ["rebase-merge", "rebase-apply"]) {
    const name = await read(`${folder}/${place}/head-name`);
    if (name !== undefined) return branchOf(name);
  }
  return undefined;
}
