/** `muxguard init` with a person: what is proposed is chosen from, and each change is shown and agreed to. */

import { visible } from "../../policy/visible.ts";
import { readConfig } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";
import type { Facts } from "../../setup/facts.ts";
import { type Choices, notesOf, proposed } from "../../setup/plan.ts";
import { PRIVATE, proposedUpstream } from "../../setup/upstream.ts";
import { toStdout } from "../../to-stderr.ts";
import { startDaemon } from "./daemon.ts";
import { chooseForKeys, type KeyChoice, treatKeys } from "./keys.ts";
import { changesOf, make, nextSteps, tellFaults } from "./make.ts";
import { confirm, isStopped, pickSome } from "./prompts.ts";
import { showChange, showNotes } from "./show.ts";
import { testQuestion } from "./test-question.ts";
import { describeWays, findWaysToAsk } from "./ways.ts";

/** Returns the exit code. Ctrl-C leaves what was not agreed to. */
export async function initWithQuestions(paths: Paths, facts: Facts): Promise<number> {
  try {
    const keys = await chooseForKeys(facts);
    const choices = await choose(facts, keys);
    const failed = await makeAgreed(paths, facts, choices);
    await useIt(paths, facts, keys);
    // what becomes of keys was asked
    showNotes([...notesOf({ ...facts, keys: [] }, choices), ...nextSteps(facts)]);
    return failed === 0 ? 0 : 1;
  } catch (error) {
    if (!isStopped(error)) throw error;
    toStdout("stopped; muxguard init --undo takes back what was changed");
    return 130;
  }
}

async function choose(facts: Facts, keys: readonly KeyChoice[]): Promise<Choices> {
  const { settings, production, codingAgents, unconfinable } = facts;
  const usual = proposed(facts);
  const scopes =
    usual.scopes.length === 0
      ? []
      : await pickSome("Coding agents that get a scope of their own, with no keys in it", usual.scopes);
  const aliases =
    scopes.length > 0 && unconfinable === undefined
      ? (await confirm(`Shall the shell start ${scopes.join(", ")} so, by an alias?`, true)) && scopes
      : [];
  const named = production.length > 0 ? ` (here: ${production.slice(0, 3).join(", ")})` : "";
  const deniesProduction =
    !settings.hasPolicy && (await confirm(`Deny logins to hosts named like production${named}?`, false));
  return {
    ...usual,
    upstream: await chooseUpstream(facts, keys),
    scopes: scopes.filter((name) => codingAgents.includes(name)),
    aliases: aliases || [],
    deniesProduction,
  };
}

async function chooseUpstream(
  { agents, settings }: Facts,
  keys: readonly KeyChoice[],
): Promise<readonly string[]> {
  if (settings.hasUpstream) return [];
  const { named } = proposedUpstream(agents);
  const lasting = agents.filter((one) => one.lasting).map(({ path }) => path);
  const all = [...new Set([...named, ...lasting])];
  const picked =
    all.length < 2 ? named : await pickSome("Agents that hold your keys, behind the guard", all, named);
  const isWanted = keys.some(({ what }) => what === "private");
  // new keys go to the first
  return isWanted ? [PRIVATE, ...picked.filter((path) => path !== PRIVATE)] : picked;
}

async function makeAgreed(paths: Paths, facts: Facts, choices: Choices): Promise<number> {
  const planned = changesOf(facts, choices);
  let failed = tellFaults(planned);
  for (const change of planned.changes) {
    showChange(change);
    if (!(await confirm("Make this change?", true))) toStdout(`left as it is: ${visible(change.path, 300)}`);
    else if (!make(paths, change)) failed++;
  }
  return failed;
}

/** The daemon, the keys, and whether a question comes. */
async function useIt(paths: Paths, facts: Facts, keys: readonly KeyChoice[]): Promise<void> {
  const config = await readConfig(paths); // what was agreed to
  const runs = await startDaemon(paths);
  await treatKeys(paths, facts, keys, runs && config.upstreamAgents.includes(PRIVATE));
  const ways = await findWaysToAsk(paths);
  for (const line of describeWays(ways)) toStdout(line);
  if (ways.reached.length === 0 && !ways.queue) return;
  if (await confirm("Try it out with a question that is only a test?", ways.reached.length > 0))
    await testQuestion(paths);
}
