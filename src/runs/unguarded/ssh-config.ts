/** What ssh_config(5) says that leads ssh past the guard, for whatever host. */
import { controlFolderOf, literalPrefix } from "../../identity/ssh-config/literal-path.ts";
import type { Mention } from "../../identity/ssh-config/mentions.ts";
import { visible } from "../../policy/visible.ts";
import { type Way, type WayFacts, wayOf } from "./way.ts";

export const sshConfigKeywords: ReadonlySet<string> = new Set([
  "identityagent",
  "forwardagent",
  "controlmaster",
  "controlpath",
  "identityfile",
]);

/** Leave the choice to SSH_AUTH_SOCK, or name no agent. */
const noAgent = /^(?:none|no|false|SSH_AUTH_SOCK|\$\{?SSH_AUTH_SOCK\}?)$/i;
const forwardsUsual = /^(?:yes|true|ask)$/i;
const shares = /^(?:yes|true|auto|ask|autoask)$/i;

export function sshConfigWays(mentions: readonly Mention[], facts: WayFacts): Way[] {
  const isElsewhere = ({ value }: Mention): boolean => namesOtherAgent(value, facts);
  return [
    ...passingAgents(mentions, facts).map(otherAgent),
    ...mentions
      .filter((one) => one.keyword === "forwardagent" && !forwardsUsual.test(one.value) && isElsewhere(one))
      .map(otherForwarded),
    ...unwatched(mentions, facts),
  ];
}

type AgentFacts = Pick<WayFacts, "agentSocket" | "environment">;

/** The lines that lead ssh to another agent: none where the first one leads all hosts to the guard. */
export function passingAgents(mentions: readonly Mention[], facts: AgentFacts): Mention[] {
  const named = mentions.filter(({ keyword }) => keyword === "identityagent");
  const isElsewhere = ({ value }: Mention): boolean => namesOtherAgent(value, facts);
  const [first] = named;
  return first?.forAll && !isElsewhere(first) ? [] : named.filter(isElsewhere);
}

/** @param value of IdentityAgent or ForwardAgent */
export function namesOtherAgent(value: string, { agentSocket, environment }: AgentFacts): boolean {
  return !noAgent.test(value) && literalPrefix(value, environment)?.path !== agentSocket;
}

function otherAgent(mention: Mention): Way {
  const agent = visible(mention.value, 100);
  return mentioned(
    mention,
    `IdentityAgent ${agent}: ssh asks that agent and not the guard, outside of runs, and in them where it is ` +
      "called by its full path",
    `take the line out, and say upstream_agent = "${agent}" in config.toml`,
  );
}

function otherForwarded(mention: Mention): Way {
  return mentioned(
    mention,
    `ForwardAgent ${visible(mention.value, 100)}: a host that you log in to gets that agent, and not the ` +
      "guard's",
    "say ForwardAgent yes there",
  );
}

function mentioned({ keyword, file, line }: Mention, what: string, mend: string): Way {
  return wayOf(`${keyword} ${file}:${line}`, `${visible(file)}:${line}: ${what}`, mend);
}

/** The folders in which ssh shares connections, and nobody looks. */
function unwatched(mentions: readonly Mention[], { environment, watched }: WayFacts): Way[] {
  const sharing = mentions.find(({ keyword, value }) => keyword === "controlmaster" && shares.test(value));
  if (!sharing) return [];
  const paths = mentions.filter(({ keyword }) => keyword === "controlpath");
  const folders = new Set(paths.flatMap(({ value }) => controlFolderOf(value, environment) ?? []));
  const left = [...folders].filter((folder) => !watched?.includes(folder));
  return left.map((folder) =>
    wayOf(
      `controlmaster ${folder}`,
      `${visible(sharing.file)}:${sharing.line}: ControlMaster ${visible(sharing.value, 20)}: sessions over ` +
        `shared connections in ${visible(folder)} are seen by no guard`,
      mendOf(folder, watched !== undefined),
    ),
  );
}

function mendOf(folder: string, daemonRuns: boolean): string {
  if (!daemonRuns) return "muxguard daemon takes them over, in a private folder of your own";
  const shown = visible(folder);
  return `chmod 700 ${shown} and name it in control_dirs, or choose a ControlPath in another folder of your own`;
}
