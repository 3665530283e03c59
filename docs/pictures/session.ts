/** docs/session.svg: a session in a confined run, by the rules of docs/agents/generic.md. */
import { mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { ConfinedLab } from "../../lab/confined-lab.ts";
import { MUXGUARD } from "../../lab/lab.ts";
import { Terminal } from "../../lab/terminal/terminal.ts";
import { toSvg } from "./ansi-to-svg.ts";
import { inDocs } from "./in-docs.ts";

const [COLUMNS, ROWS] = [110, 40];
const PROMPT = "~/site $ ";
const [FORGE, PRODUCTION] = ["github.com", "prod-db"];

const RULES = `default = "ask"
[[rule]]
name = "production is not for agents"
host = "${PRODUCTION}"
action = "deny"
[[rule]]
name = "agents reach the forge"
on = ["connect"]
host = "${FORGE}"
action = "allow"
[[rule]]
name = "git fetch"
on = ["session"]
host = "${FORGE}"
command = "git-upload-pack *"
action = "allow"
[[rule]]
name = "git push"
on = ["session"]
host = "${FORGE}"
command = "git-receive-pack *"
action = "ask"
remember = "never"
`;

/** What is in the session, and below it the question that it ends with. */
export async function drawSession(): Promise<void> {
  const lab = new ConfinedLab({ hasDaemon: false });
  try {
    const site = await prepare(lab);
    const env = { ...lab.environment, PATH: `${lab.folder}:${process.env.PATH}`, LC_ALL: "C.UTF-8" };
    const terminal = new Terminal({ ...env, TMUX_TMPDIR: lab.folder }, site, undefined, COLUMNS, ROWS);
    try {
      const session = await work(terminal);
      terminal.enter("git push origin main");
      await terminal.shows("Allow it?");
      const screen = `${PROMPT}muxguard run --scope agent -- bash\n${session.trimEnd()} git push origin main\n\n${terminal.screen(true)}`;
      const title = "a session in a confined run: a fetch, production, a key, and a question about a push";
      writeFileSync(inDocs("session.svg"), toSvg(screen, title, COLUMNS));
    } finally {
      terminal.close();
    }
  } finally {
    await lab.close();
  }
}

async function work(terminal: Terminal): Promise<string> {
  terminal.enter("muxguard run --scope agent -- bash --norc --noprofile");
  await terminal.shows(/bash-\S+[$#]\s*$/);
  terminal.enter(`clear; PS1='${PROMPT}'`);
  await terminal.shows(/^~\/site \$\s*$/);
  for (const [command, shown] of [
    ["git fetch origin", /origin\/main/],
    [`ssh ${PRODUCTION} uptime`, /denied/],
    ["cat ~/.ssh/id_ed25519", /No such file|Permission denied/],
  ] as const) {
    terminal.enter(command);
    await terminal.shows(shown);
    await terminal.shows(/\$ \s*$/);
  }
  return terminal.screen(true);
}

/** A repository whose origin has one commit more. @returns its folder */
async function prepare(lab: ConfinedLab): Promise<string> {
  lab.config('approvers = ["terminal"]\n[scope.agent]\nride = true\npolicy = "agent.toml"\n');
  await lab.open();
  const key = lab.path("me@laptop");
  for (const host of [FORGE, PRODUCTION]) {
    lab.host(host, ["ControlPath none"]);
    await lab.startServer(host, key);
  }
  writeFileSync(lab.path("config/muxguard/agent.toml"), RULES, { mode: 0o600 });
  mkdirSync(`${lab.home}/.ssh`, { mode: 0o700 });
  lab.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
  const me = `-c user.name=${userInfo().username} -c user.email=me@laptop`;
  const { code, stderr } = await lab.shell(`
    git init -q --bare -b main site.git; git init -q -b main site; cd site
    commit() { git ${me} commit -q --allow-empty -m "$1"; }
    commit first; git push -q ${lab.path("site.git")} main; git remote add origin ${FORGE}:${lab.path("site.git")}
    git fetch -q ${lab.path("site.git")} main:refs/remotes/origin/main
    git clone -q ${lab.path("site.git")} ../other; cd ../other; commit second; git push -q; cd ../site; commit mine`);
  if (code !== 0) throw new Error(stderr);
  return lab.path("site");
}
