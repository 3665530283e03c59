/** docs/watch.svg and docs/popup.svg: what tmux has on its screen. */
import { execFileSync, type SpawnOptions } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { Lab, MUXGUARD, until } from "../../lab/lab.ts";
import { Terminal } from "../../lab/terminal/terminal.ts";
import { TmuxServer } from "../../lab/terminal/tmux-server.ts";
import { toSvg } from "./ansi-to-svg.ts";
import { inDocs } from "./in-docs.ts";

const COLUMNS = 110;

/** Two questions, one of them with its answers, and the log. */
export async function drawWatch(): Promise<void> {
  await inDesk('timeout = "10m"\n', async (desk) => {
    const { lab } = desk;
    const watch = `env -u TMUX '${process.execPath}' '${MUXGUARD}' watch`;
    const terminal = new Terminal(lab.environment, lab.folder, watch, COLUMNS, 26);
    try {
      for (const answer of [["approve", "--once"], ["deny"]]) {
        desk.ask("bash", "-c", "./release.sh; :");
        const [question] = await lab.pending();
        await lab.muxguard(...answer, question?.id ?? "");
        await lab.pending(0);
      }
      desk.ask("ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", desk.publicKey);
      await lab.pending();
      desk.ask("ssh-add", "-D");
      await terminal.shows("2 wait");
      capture(terminal, "watch", "muxguard watch: two questions, one of them with its answers, and the log");
    } finally {
      terminal.close();
    }
  });
}

export async function drawPopup(): Promise<void> {
  await inDesk('timeout = "10m"\napprovers = ["tmux", "queue"]\n', async ({ lab, site, publicKey }) => {
    const tmux = new TmuxServer(lab, `cd '${site}' && PS1='~/site $ ' sh`);
    try {
      const terminal = await tmux.attach(COLUMNS, 24);
      writeFileSync(`${site}/page.md`, "text\n");
      tmux.tmux("send-keys", `SSH_AUTH_SOCK=${lab.agentSocket}; export SSH_AUTH_SOCK; clear`, "Enter");
      tmux.tmux("send-keys", `ssh-keygen -Y sign -n file -f ${publicKey} page.md`, "Enter");
      await terminal.shows("Allow it");
      capture(terminal, "popup", "a question in a popup of tmux");
    } finally {
      tmux.close();
    }
  });
}

function capture(terminal: Terminal, name: string, title: string): void {
  writeFileSync(inDocs(`${name}.svg`), toSvg(terminal.screen(true), title, COLUMNS));
}

interface Desk {
  lab: Lab;
  /** A repository, with a release.sh that makes a signed commit. */
  site: string;
  /** Seen from there. */
  publicKey: string;
  /** Starts what asks for the key, without a terminal. */
  ask(...command: string[]): void;
}

async function inDesk(config: string, draw: (desk: Desk) => Promise<void>): Promise<void> {
  const lab = new Lab();
  try {
    lab.config(config);
    lab.environment.LC_ALL = "C.UTF-8";
    const key = lab.key("me@laptop");
    await lab.startAgent("upstream.sock", key);
    const site = makeSite(lab, `${key}.pub`);
    const guard = await lab.startDaemon();
    guard.stderr?.resume();
    await until(async () => (await lab.muxguard("status")).code === 0, "the daemon");
    const env = { ...lab.environment, SSH_AUTH_SOCK: lab.agentSocket };
    const options: SpawnOptions = { cwd: site, env, detached: true, stdio: ["ignore", "ignore", "ignore"] };
    // -f: started by nothing that would be a part of the picture
    const ask = (...command: string[]) => void lab.start("setsid", ["-f", ...command], options);
    await draw({ lab, site, publicKey: "../me@laptop.pub", ask });
  } finally {
    await lab.close();
  }
}

function makeSite(lab: Lab, publicKey: string): string {
  const site = lab.path("site");
  mkdirSync(site);
  execFileSync("git", ["init", "-q", site]);
  const me = "-c user.name=me -c user.email=me@laptop";
  const signing = `-c gpg.format=ssh -c user.signingkey=${publicKey}`;
  lab.script("site/release.sh", `#!/bin/sh\ngit ${signing} ${me} commit -q --allow-empty -S -m release\n`);
  return site;
}
