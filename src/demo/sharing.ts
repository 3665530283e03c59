/**
 * The other half: a shared connection (ControlMaster) that only the guard can reach. What sharing is worth, and
 * that each session over it is decided all the same.
 */
import { findAllowedSession, findDeniedSession, findOpened, findSpeed } from "./findings.ts";
import { type Player, say, sayFile } from "./player.ts";

const RULE = "looking at the web server is harmless";

export const web = { name: "web.example", answer: "web.example: up 9 days" };

const policy = `default = "deny"

[[rule]]
name   = "logging in to the web server"
on     = ["sign", "connect"]
host   = "${web.name}"
action = "allow"

[[rule]]
name    = "${RULE}"
on      = ["session"]
host    = "${web.name}"
command = "uptime"
action  = "allow"
`;

const ssh = ["ssh", "-F", "ssh_config"];

/** @param step the number of the first of its steps */
export async function playSharing(player: Player, step: number): Promise<void> {
  const { stage } = player;
  stage.home.policy(policy);
  stage.shareConnectionsTo(web.name);
  say(
    "",
    "The other half: ssh can share a connection that is logged in already, and muxguard decides who may.",
  );
  say("Now a daemon does, with a policy of its own:");
  sayFile(policy);
  await stage.startDaemon();

  say("", `${step}. Logging in to ${web.name}, twice: once for itself, and once for all that follow.`);
  const login = await player.run(...ssh, "-o", "ControlPath=none", web.name, "uptime");
  const opened = await player.run("muxguard", "open", web.name);
  player.tell(step, () => [findOpened(login, opened, web.name)]);

  say("", `${step + 1}. A session over the shared connection. A rule allows its command.`);
  const session = await player.run(...ssh, web.name, "uptime");
  player.tell(step + 1, () => [findAllowedSession(session, web.name, RULE), findSpeed(login, session)]);

  say("", `${step + 2}. Another command over the same connection. No rule allows it.`);
  const before = stage.logins(web.name);
  const denied = await player.run(...ssh, web.name, "cat", "secrets");
  player.tell(step + 2, () => [findDeniedSession(denied, web.name, stage.logins(web.name) - before)]);
}
