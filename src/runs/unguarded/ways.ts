/**
 * The ways past the guard that are in the user's own files. A run tells of them as it starts, `muxguard status`
 * always.
 *
 * The files are read as text, which takes a millisecond or two: no ssh and no shell is started. So what stands
 * behind a condition that never holds is told of as well, and what a shell gets from elsewhere is not.
 */
import { readMentions } from "../../identity/ssh-config/mentions.ts";
import { gitWays } from "./git.ts";
import { keyFileWays } from "./key-files.ts";
import { profileWays } from "./profiles.ts";
import { sshConfigKeywords, sshConfigWays } from "./ssh-config.ts";
import type { Way, WayFacts } from "./way.ts";

/** Never throws. */
export function findWays(facts: WayFacts): Way[] {
  const mentions = part(() => readMentions(sshConfigKeywords, facts.sshConfig));
  return [
    ...part(() => sshConfigWays(mentions, facts)),
    ...part(() => gitWays(mentions, facts)),
    ...part(() => keyFileWays(mentions, facts.environment)),
    ...part(() => profileWays(facts)),
  ];
}

/** Of runs of both kinds, rides and others, each once. Never throws. */
export function findAllWays(facts: Omit<WayFacts, "ride">): Way[] {
  const all = [...findWays({ ...facts, ride: false }), ...findWays({ ...facts, ride: true })];
  return all.filter(({ text }, at) => all.findIndex((other) => other.text === text) === at);
}

/** A fault here is no reason for a run not to start. */
function part<T>(find: () => T[]): T[] {
  try {
    return find();
  } catch {
    return [];
  }
}
