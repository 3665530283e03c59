/**
 * Tedium, as a number: a day of work, lived with the questions of stock OpenSSH and with those of a guard
 * without a rule, whose answers are for ten minutes. Hostile requests come in between: none of them may be
 * covered by an answer that was given before.
 */
import type { AuditEvent } from "../src/audit/event.ts";
import type { Lab } from "./lab.ts";
import type { Row } from "./table.ts";
import { ACTIVITIES, type Activity, planDay, type Step, setUp } from "./tedium-day.ts";
import { Hosts } from "./tedium-hosts.ts";
import { Shell } from "./tedium-shell.ts";
import { openGuarded, openStock, type World } from "./tedium-worlds.ts";

/** Of stock's questions: one in so many. */
const FEWER = 20;

const activities = Object.keys(ACTIVITIES) as Activity[];

/** A step, and what was asked during it. */
interface Lived {
  step: Step;
  asked: string[];
  /** What the guard wrote down meanwhile. */
  decided: AuditEvent[];
}

interface Day {
  steps: Lived[];
  seconds: number;
}

export async function benchTedium(lab: Lab, remark: (text: string) => void): Promise<Row[]> {
  const hosts = await Hosts.start(lab);
  const stock = await live(lab, await openStock(lab, hosts));
  const guarded = await live(lab, await openGuarded(lab, hosts, "guarded"));
  const forgetful = await openGuarded(lab, hosts, "forgetful");
  const forgotten = await live(lab, forgetful, () => forgetful.forget());
  remark(describeTime(stock, guarded));
  remark(`muxguard asked:\n\n${listQuestions(guarded)}`);
  remark(describeForgotten(forgotten));
  remark(`Stock OpenSSH asked:\n\n${listQuestions(stock)}`);
  return [
    ...activities.map((activity) => activityRow(activity, stock, guarded)),
    totalRow("questions about the work", workOf(stock), workOf(guarded)),
    totalRow("questions, those about hostile requests too", stock.steps, guarded.steps),
    forgottenRow(stock, forgotten),
    ...hostileRows(stock, [guarded, forgotten]),
  ];
}

/** @param between what is done between two stretches of work */
async function live(lab: Lab, world: World, between = async () => {}): Promise<Day> {
  const { folder, sshConfig } = world;
  const shell = new Shell(lab, folder, {
    ...world.environment,
    GIT_CONFIG_GLOBAL: `${folder}/gitconfig`,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_SSH_COMMAND: `ssh -F ${sshConfig}`,
  });
  try {
    await shell.succeed(setUp(world, lab.key.toString("base64")));
    const began = performance.now();
    const steps: Lived[] = [];
    for (const [n, stretch] of planDay(world).entries()) {
      if (n > 0) await between();
      for (const step of stretch) steps.push(await take(step, shell, world));
    }
    return { steps, seconds: (performance.now() - began) / 1000 };
  } finally {
    await shell.close();
  }
}

async function take(step: Step, shell: Shell, world: World): Promise<Lived> {
  const [asked, decided] = [world.asked().length, world.log().length];
  if ("hostile" in step) await shell.run(step.line);
  else await shell.succeed(step.line);
  if ("connects" in step) await world.shared();
  return { step, asked: world.asked().slice(asked), decided: world.log().slice(decided) };
}

function activityRow(activity: Activity, stock: Day, guarded: Day): Row {
  const [before, now] = [countOf(activity, stock), countOf(activity, guarded)];
  return {
    measure: ACTIVITIES[activity],
    bare: `${before}`,
    guard: `${now}`,
    result: `${now} for ${before}`,
  };
}

function totalRow(measure: string, stock: readonly Lived[], guarded: readonly Lived[]): Row {
  const [before, now] = [countQuestions(stock), countQuestions(guarded)];
  return {
    measure: `**${measure}**`,
    bare: `${before}`,
    guard: `${now}`,
    result: renderShare(before, now),
    target: `≤ 1/${FEWER}`,
    holds: now * FEWER <= before,
  };
}

function forgottenRow(stock: Day, { steps }: Day): Row {
  const [before, now] = [countQuestions(stock.steps), countQuestions(steps)];
  return {
    measure: "the same, if all answers are forgotten four times (`muxguard forget --all`)",
    bare: `${before}`,
    guard: `${now}`,
    result: renderShare(before, now),
  };
}

/** What became of each, the worst of the guarded days. */
function hostileRows(stock: Day, guarded: readonly Day[]): Row[] {
  return hostileOf(stock).map(({ step, asked }, n): Row => {
    const fates = guarded.map((day) => fateOf(hostileOf(day)[n]?.decided ?? []));
    const worst = fates.find((fate) => !isHeld(fate)) ?? fates[0] ?? UNSEEN;
    return {
      measure: "hostile" in step ? `hostile: ${step.hostile}` : "",
      bare: asked.length > 0 ? "asked" : "not asked",
      guard: worst,
      result: isHeld(worst) ? "not covered" : "let through",
      target: "asked or denied",
      holds: isHeld(worst),
    };
  });
}

const UNSEEN = "not seen";

/** Of a hostile request. */
export function fateOf(decided: readonly AuditEvent[]): string {
  const covered = decided.find(({ decision, by }) => decision === "allow" && !by.startsWith("approver:"));
  if (covered) return `covered by ${covered.by}`;
  if (decided.some(({ decision }) => decision === "allow")) return "asked";
  const [denial] = decided;
  return denial ? `denied by ${denial.by}` : UNSEEN;
}

export function isHeld(fate: string): boolean {
  return fate === "asked" || fate.startsWith("denied");
}

function workOf({ steps }: Day): Lived[] {
  return steps.filter(({ step }) => "activity" in step);
}

function hostileOf({ steps }: Day): Lived[] {
  return steps.filter(({ step }) => "hostile" in step);
}

function countOf(activity: Activity, { steps }: Day): number {
  return countQuestions(steps.filter(({ step }) => "activity" in step && step.activity === activity));
}

function countQuestions(steps: readonly Lived[]): number {
  return steps.reduce((sum, { asked }) => sum + asked.length, 0);
}

function renderShare(before: number, now: number): string {
  return `1/${(before / now).toFixed(1)} of stock's`;
}

function describeTime(stock: Day, guarded: Day): string {
  const [before, now] = [stock.seconds, guarded.seconds].map((seconds) => seconds.toFixed(0));
  const compressed = `The day is compressed to ${before} s with stock OpenSSH and ${now} s with muxguard`;
  return `${compressed}: no answer for ten minutes runs out, as it would in a real day.`;
}

function describeForgotten(day: Day): string {
  const counts = activities.map((activity) => `${activity} ${countOf(activity, day)}`);
  const hostile = countQuestions(hostileOf(day));
  return `Where all answers were forgotten four times it asked about: ${counts.join(", ")}, hostile ${hostile}.`;
}

/** In the order in which they came first. */
function listQuestions({ steps }: Day): string {
  const counts = new Map<string, number>();
  for (const question of steps.flatMap(({ asked }) => asked))
    counts.set(question, (counts.get(question) ?? 0) + 1);
  return [...counts].map(([question, count]) => `- ${count} × ${question}`).join("\n");
}
