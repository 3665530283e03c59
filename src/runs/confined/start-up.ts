/** What programs of the user's outside of the run read and obey as they start: it can only be read inside. */
import { existsSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../../attempt.ts";

/** Of shells and git: where one of these is not there, a confined run could make it. */
const madeWhereAbsent = [
  ...[".bashrc", ".profile", ".bash_profile", ".bash_login", ".bash_logout"],
  ...[".zshrc", ".zshenv", ".zprofile", ".zlogin", ".gitconfig"],
];

/** Of others: protected where they are there. */
const others = [
  ...[".bash_aliases", ".zlogout", ".inputrc", ".kshrc", ".cshrc", ".tcshrc", ".login", ".logout"],
  ...[".pam_environment", ".xprofile", ".xsession", ".xsessionrc", ".xinitrc", ".Xresources"],
  ...[
    ".vimrc",
    ".gvimrc",
    ".exrc",
    ".vim",
    ".emacs",
    ".emacs.d/init.el",
    ".nanorc",
    ".tmux.conf",
    ".screenrc",
  ],
  ...[".gnupg", "bin", ".local/bin", ".local/share/systemd", ".local/share/applications"],
  ...[".local/share/dbus-1", ".local/share/bash-completion", ".local/share/fish", ".oh-my-zsh"],
];

/** The same, in ~/.config. */
const configured = [
  ...[
    "git",
    "autostart",
    "systemd",
    "environment.d",
    "fish",
    "zsh",
    "nvim",
    "vim",
    "tmux",
    "plasma-workspace",
  ],
];

/** @param config the folder for settings: ~/.config */
export function startUpFiles(home: string, config: string, { ZDOTDIR: zsh }: NodeJS.ProcessEnv): string[] {
  return [
    ...[...madeWhereAbsent, ...others].map((name) => join(home, name)),
    ...configured.map((name) => join(config, name)),
    ...(zsh ? madeWhereAbsent.filter((name) => name.startsWith(".z")).map((name) => join(zsh, name)) : []),
  ];
}

/** By it they are known again, also after a crash. */
const MADE = "# made by muxguard for a confined run, and removed with it\n";

/** The first of these that is there is what bash reads as it logs in, and none of the others. */
const ofLogin = [".bash_profile", ".bash_login", ".profile"];

/**
 * Makes those that are not there, for as long as the run goes on: in a name that is taken the run can put
 * nothing. They say nothing, or what would be read without them.
 */
export function makeAbsent(home: string): void {
  const absent = madeWhereAbsent.filter((name) => !existsSync(join(home, name)));
  for (const name of absent)
    attempt(() => writeFileSync(join(home, name), textOf(name), { flag: "wx", mode: 0o600 }));
}

function textOf(name: string): string {
  const later = ofLogin.slice(ofLogin.indexOf(name) + 1);
  if (!ofLogin.includes(name) || later.length === 0) return MADE;
  const [next] = later;
  return `${MADE}[ ! -r ~/${next} ] || . ~/${next}\n`;
}

/** Removes those that were made, unless somebody has written to them. */
export function removeMade(home: string): void {
  for (const name of madeWhereAbsent) {
    const path = join(home, name);
    attempt(() => {
      if (readFileSync(path, "utf8") === textOf(name)) unlinkSync(path);
    });
  }
}
