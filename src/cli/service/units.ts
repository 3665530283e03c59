/**
 * What `muxguard install-service` writes: systemd.socket(5), systemd.service(5), environment.d(5), and
 * launchd.plist(5).
 */
import { join } from "node:path";

/** The first line of each file says whose it is. */
export const MARK = "Written by muxguard install-service, which replaces it; --uninstall removes it.";

export interface ServiceFacts {
  /** Absolute. */
  node: string;
  program: string;
  /** For the service, beside what the login session has; undefined takes it away. */
  environment: Readonly<Record<string, string | undefined>>;
  /** XDG_CONFIG_HOME, or what it is without. */
  configHome: string;
}

export interface ServiceFile {
  path: string;
  text: string;
}

export function systemdFiles({ node, program, environment, configHome }: ServiceFacts): ServiceFile[] {
  const units = join(configHome, "systemd/user");
  const files = {
    [join(units, "muxguard.socket")]: socketUnit,
    [join(units, "muxguard.service")]: serviceUnit(node, program, environment),
    [join(configHome, "environment.d/60-muxguard.conf")]: variables,
  };
  return Object.entries(files).map(([path, text]) => ({ path, text: `# ${MARK}\n${text}` }));
}

const socketUnit = `[Unit]
Description=The sockets of muxguard
# agents that desktops start say where they are, too: the last word is ours
After=gcr-ssh-agent.socket ssh-agent.socket gpg-agent-ssh.socket

[Socket]
ListenStream=%t/muxguard/agent.sock
ListenStream=%t/muxguard/daemon.sock
SocketMode=0600
DirectoryMode=0700
RemoveOnStop=yes
ExecStartPost=-systemctl --user set-environment SSH_AUTH_SOCK=%t/muxguard/agent.sock
ExecStopPost=-systemctl --user unset-environment SSH_AUTH_SOCK

[Install]
WantedBy=sockets.target
`;

const variables = `SSH_AUTH_SOCK=\${XDG_RUNTIME_DIR}/muxguard/agent.sock
`;

function serviceUnit(node: string, program: string, environment: ServiceFacts["environment"]): string {
  const lines = Object.entries(environment).map(([name, value]) =>
    value === undefined ? `UnsetEnvironment=${name}` : `Environment=${quoted(`${name}=${value}`)}`,
  );
  const command = [node, program].map((word) => quoted(word).replaceAll("$", "$$$$")).join(" ");
  return `[Unit]
Description=muxguard asks before SSH keys and connections are used
Requires=muxguard.socket
After=muxguard.socket
# where one of them is gone, the journal says so
AssertPathExists=${percent(node)}
AssertPathExists=${percent(program)}

[Service]
Type=exec
ExecStart=${command} daemon --foreground
ExecReload=${command} daemon reload
${lines.map((line) => `${line}\n`).join("")}KillMode=mixed
TimeoutStopSec=20
Restart=on-failure
RestartSec=1
# a mistake in the settings
RestartPreventExitStatus=78
UMask=0077
LimitCORE=0
OOMPolicy=continue
# No more than that: in a mount namespace of its own the guard could not say which program asks, and your ssh,
# which it starts for you, may need sudo in a ProxyCommand.
`;
}

/** As systemd reads a word: systemd.syntax(7). */
function quoted(word: string): string {
  const escaped = percent(word.replaceAll("\\", "\\\\").replaceAll('"', '\\"'));
  return /^[\w/.+:@=%,-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** A specifier begins with it, but for the one of the runtime folder, which is ours. */
function percent(text: string): string {
  return text.replaceAll("%", "%%").replaceAll(RUNTIME, "%t");
}

/** Stands for the runtime folder in a value. No path has a NUL in it. */
export const RUNTIME = "\0";

/** Untried: there was no macOS to try it on. launchd has no sockets to hand over that Node could take. */
export function launchdFile(home: string, { node, program, environment }: ServiceFacts): ServiceFile {
  const strings = (words: readonly string[]): string =>
    words.map((word) => `    <string>${xml(word)}</string>\n`).join("");
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [`    <key>${name}</key><string>${xml(value)}</string>\n`],
  );
  const text = `<!-- ${MARK.replace("--", "- -")} -->
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>muxguard</string>
  <key>ProgramArguments</key>
  <array>
${strings([node, program, "daemon", "--foreground"])}  </array>
  <key>EnvironmentVariables</key>
  <dict>
${variables.join("")}  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
</dict>
</plist>
`;
  return { path: join(home, "Library/LaunchAgents/muxguard.plist"), text };
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
