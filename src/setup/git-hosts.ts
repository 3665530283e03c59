/** Hosts that serve git: by their names, or as ssh_config logs in there as `git`. */

/** Whom most people push to, also where known_hosts has its names hashed. */
export const knownForges: readonly string[] = [
  ...["github.com", "ssh.github.com", "gitlab.com", "altssh.gitlab.com", "bitbucket.org", "codeberg.org"],
  ...["git.sr.ht", "ssh.dev.azure.com", "gitea.com", "salsa.debian.org", "invent.kde.org"],
  ...["gitlab.gnome.org", "gitlab.freedesktop.org"],
];

const looksSo = /^(?:git|gitlab|gitea|forgejo|gerrit|gogs)[.-]/;

/** @param host in lower case, as known_hosts has it */
export function isGitHost(host: string): boolean {
  return knownForges.includes(host) || looksSo.test(host);
}
