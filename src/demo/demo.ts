/**
 * `muxguard demo`: both halves of the job, with nothing but OpenSSH's client. Throwaway servers, a throwaway
 * key in a throwaway agent, and real ssh runs through the guard: logins and sessions, allowed by a rule, asked
 * about, and denied. What is told of them is what the log has.
 */
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { userFolders } from "../settings/paths.ts";
import { findAllowed, findAnswered, findDenied, findUnattended, type Outcome } from "./findings.ts";
import { interruptible } from "./interruption.ts";
import { Player, say, sayFile } from "./player.ts";
import { playSharing, web } from "./sharing.ts";
import { Stage } from "./stage.ts";

const git = { name: "git.example", answer: "git.example: up 41 days" };
const db = { name: "db.example", answer: "db.example: up 3 days" };
const prod = { name: "prod.example", answer: "the secrets of prod.example: nobody was to see this" };

const policy = `default = "ask"

[[rule]]
name   = "git may log in"
host   = "${git.name}"
user   = "git"
action = "allow"

[[rule]]
name     = "the database asks"
host     = "${db.name}"
action   = "ask"
remember = "10m"                # the longest that a yes may hold

[[rule]]
name   = "hands off production"
host   = "${prod.name}"
action = "deny"
`;

const askedCommand = `ssh -F ssh_config dev@${db.name} uptime`;
const twice = `echo '   $ ${askedCommand}'
${askedCommand} || exit
echo
echo '   And once more. A yes for 10 minutes still holds; a yes for once does not.'
echo '   $ ${askedCommand}'
${askedCommand}
`;

/** Tells what it does on stdout. @throws Error if what happened is not what should happen */
export async function demo(): Promise<void> {
  await interruptible((stop) =>
    Stage.with([git, db, prod, web], (stage) => play(new Player(stage, hasTerminal(), stop))),
  );
}

async function play(player: Player): Promise<void> {
  player.stage.home.write("policy.toml", policy);
  player.stage.home.write("twice.sh", twice);
  introduce(player);
  await playAllowed(player);
  await playAsked(player);
  await playDenied(player);
  await playSharing(player, 4);
  say("", "All of that is in the log:");
  await player.run("muxguard", "log");
  player.finish();
  sayGoodbye();
}

function introduce({ stage, attended }: Player): void {
  say("SSH servers on this machine, a throwaway key in a throwaway ssh-agent, and muxguard in front of it.");
  say(`All of it is in ${stage.home.folder}, which is removed at the end. Nothing of yours is touched.`);
  if (!attended) say("There is no terminal to ask on, so the one question will be denied.");
  say("", "The policy; the first rule that matches wins:");
  sayFile(policy);
}

async function playAllowed(player: Player): Promise<void> {
  say("", `1. Logging in to ${git.name}. A rule allows it, so it just works.`);
  const outcome = await runGuarded(player, "ssh", "-F", "ssh_config", `git@${git.name}`, "uptime");
  player.tell(1, () => [findAllowed(outcome, git.name, "git may log in")]);
}

async function playAsked(player: Player): Promise<void> {
  say("", `2. Logging in to ${db.name}. Its rule says "ask", so muxguard ${whatToAnswer(player)}`);
  const outcome = await runGuarded(player, "sh", "twice.sh");
  player.tell(2, () =>
    player.attended ? findAnswered(outcome, db.name) : [findUnattended(outcome, db.name)],
  );
}

function whatToAnswer({ attended }: Player): string {
  if (!attended) return "would ask you now.";
  const hint = 'To see what an answer is good for, take "allow for 10 minutes". Keys count after a second.';
  return `asks you: choose with the arrow keys.\n   ${hint}`;
}

async function playDenied(player: Player): Promise<void> {
  say("", `3. Logging in to ${prod.name}. A rule denies it, so the key stays where it is.`);
  const outcome = await runGuarded(player, "ssh", "-F", "ssh_config", `root@${prod.name}`, "cat", "secrets");
  player.tell(3, () => [findDenied(outcome, prod.name, "hands off production")]);
}

function runGuarded(player: Player, ...command: string[]): Promise<Outcome> {
  return player.run("muxguard", "run", "--policy", "policy.toml", "--scope", "demo", "--", ...command);
}

function sayGoodbye(): void {
  const { config, state } = userFolders();
  say("", "That was the demo; for real:");
  say("   muxguard run -- ssh HOST                  one command, guarded: asks before a key is used");
  say('   muxguard daemon; eval "$(muxguard env)"   a login session, guarded');
  say("   muxguard open HOST                        a shared connection, guarded");
  say(`Your rules go into ${join(config, "policy.toml")}, and your log is ${join(state, "log.jsonl")}.`);
}

/**
 * True if there is one, for reading and writing, and this process's input and output are no files or pipes
 * instead.
 */
function hasTerminal(): boolean {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  try {
    closeSync(openSync("/dev/tty", "r+"));
    return true;
  } catch {
    return false;
  }
}
