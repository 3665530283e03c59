/** Agents that are there, or are to be: of the environment, of ssh_config, and gpg-agent. */
import { join } from "node:path";
import { readIfFile } from "../../identity/file-stamps.ts";
import { outputOf } from "../../identity/output-of.ts";
import { literalPrefix } from "../../identity/ssh-config/literal-path.ts";
import type { Mention } from "../../identity/ssh-config/mentions.ts";
import { answers } from "../../platform/sockets/listener.ts";
import { isSocketBelow } from "../../platform/sockets/own-sockets.ts";
import type { FoundAgent } from "../facts.ts";
import { isLasting } from "../upstream.ts";

/** Of gpgconf, in milliseconds. */
const PATIENCE = 5000;

export interface AgentSurroundings {
  environment: NodeJS.ProcessEnv;
  home: string;
  /** Where the guard's own sockets are. */
  runtime: string;
  agentSocket: string;
}

export async function findAgents(
  mentions: readonly Mention[],
  { environment, home, runtime, agentSocket }: AgentSurroundings,
): Promise<FoundAgent[]> {
  const { SSH_AUTH_SOCK: usual } = environment;
  const gpg = await gpgSocket(home, environment);
  const named: Pick<FoundAgent, "path" | "from">[] = [
    ...(usual ? [{ path: usual, from: usual === gpg ? "gpg-agent" : "SSH_AUTH_SOCK" } as const] : []),
    ...identityAgents(mentions, environment).map((path) => ({ path, from: "IdentityAgent" }) as const),
    ...(gpg === undefined ? [] : [{ path: gpg, from: "gpg-agent" } as const]),
  ];
  const own = (path: string): boolean => path === agentSocket || isSocketBelow(path, runtime);
  const others = named.filter(
    ({ path }, at) => !own(path) && named.findIndex((one) => one.path === path) === at,
  );
  return Promise.all(
    others.map(async (one) => ({
      ...one,
      answers: await answers(one.path),
      lasting: one.from !== "SSH_AUTH_SOCK" || isLasting(one.path, home),
    })),
  );
}

function identityAgents(mentions: readonly Mention[], environment: NodeJS.ProcessEnv): string[] {
  const named = mentions.filter(({ keyword, value }) => keyword === "identityagent" && value !== "none");
  return named.flatMap(({ value }) => {
    const found = literalPrefix(value, environment);
    return found?.whole ? found.path : [];
  });
}

/** Where gpg-agent stands in for an ssh-agent. gpg-agent(1) */
async function gpgSocket(home: string, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folder = environment.GNUPGHOME || join(home, ".gnupg");
  if (!/^\s*enable-ssh-support\b/m.test(readIfFile(join(folder, "gpg-agent.conf")) ?? "")) return undefined;
  const printed = await outputOf("gpgconf", ["--list-dirs", "agent-ssh-socket"], PATIENCE);
  return printed?.trim() || undefined;
}
