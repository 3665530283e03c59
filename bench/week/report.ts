/** What the week came to. */
import type { Row } from "../table.ts";
import { fateOf, isHeld } from "../tedium.ts";
import type { Lived, Week } from "./lived.ts";
import { DAYS } from "./rhythm.ts";

/** Of stock's questions: one in so many. */
const FEWER = 50;
const MOST_ON_MONDAY = 12;

/** Tables first: a row for each day, the sum, and each hostile request. */
export function rowsOf(stock: Week, guarded: Week): Row[] {
  const days = guarded.lived.map(({ day }) => day).filter((day, n, all) => all.indexOf(day) === n);
  return [
    ...days.map((day) => dayRow(day, stock, guarded)),
    weekRow(stock, guarded, days.length),
    ...hostileOf(guarded).map(hostileRow),
  ];
}

/** The last line, for programs too. */
export function concludeWeek(stock: Week, guarded: Week): string {
  const asked = countOf(guarded.lived.filter(isWork));
  const hostile = hostileOf(guarded);
  const held = hostile.filter(({ decided }) => isHeld(fateOf(decided))).length;
  const before = stockOf(stock, daysOf(guarded));
  return `week: ${asked} questions of ${before}, ${held} of ${hostile.length} hostile requests held`;
}

/** The paragraphs below the tables. */
export function describeWeek(stock: Week, guarded: Week): string[] {
  const days = daysOf(guarded);
  const hostile = hostileOf(guarded);
  const missed = guarded.lived.reduce((sum, one) => sum + (isWork(one) ? one.missed : 0), 0);
  const [stockTook, weekTook] = [stock, guarded].map(({ seconds }) => `${(seconds / 60).toFixed(1)} min`);
  return [
    `A day with stock OpenSSH took ${stockTook}, the week with muxguard ${weekTook}. Stock's count is that of
Monday's work, times ${days}, without the new project and the new host, and without what the editor wants while
nobody is there. About hostile requests the person was asked ${countOf(hostile)} times, and said no. While
nobody was there ${missed} requests of the editor were denied for want of an answer.`,
    `muxguard asked about the work:\n\n${listQuestions(guarded.lived.filter(isWork))}`,
    `and about hostile requests:\n\n${listQuestions(hostile)}`,
  ];
}

function dayRow(day: number, stock: Week, guarded: Week): Row {
  const asked = countOf(guarded.lived.filter((one) => one.day === day && isWork(one)));
  const isFirst = day === 0;
  return {
    measure: `questions about the work on ${DAYS[day]}`,
    bare: `${stockOf(stock, 1)}`,
    guard: `${asked}`,
    result: `${asked}`,
    ...(isFirst && { target: `≤ ${MOST_ON_MONDAY}`, holds: asked <= MOST_ON_MONDAY }),
  };
}

function weekRow(stock: Week, guarded: Week, days: number): Row {
  const [before, now] = [stockOf(stock, days), countOf(guarded.lived.filter(isWork))];
  return {
    measure: "**questions about the work of the week**",
    bare: `${before}`,
    guard: `${now}`,
    result: `1/${(before / now).toFixed(1)} of stock's`,
    target: `≤ 1/${FEWER}`,
    holds: now * FEWER <= before,
  };
}

function hostileRow({ day, what, decided }: Lived): Row {
  const fate = fateOf(decided);
  return {
    measure: `hostile, ${DAYS[day]}: ${"hostile" in what ? what.hostile : ""}`,
    guard: fate,
    result: isHeld(fate) ? "not covered" : "let through",
    target: "asked or denied",
    holds: isHeld(fate),
  };
}

function daysOf({ lived }: Week): number {
  return new Set(lived.map(({ day }) => day)).size;
}

/** Of so many days. */
function stockOf(stock: Week, days: number): number {
  return countOf(stock.lived) * days;
}

function hostileOf({ lived }: Week): Lived[] {
  return lived.filter((one) => !isWork(one));
}

function isWork({ what }: Lived): boolean {
  return "task" in what;
}

function countOf(lived: readonly Lived[]): number {
  return lived.reduce((sum, { asked }) => sum + asked.length, 0);
}

/** In the order in which they came first, with when that was. */
function listQuestions(lived: readonly Lived[]): string {
  const times = new Map<string, string[]>();
  for (const { asked, minute, day } of lived)
    for (const question of asked) times.set(question, [...(times.get(question) ?? []), timeOf(day, minute)]);
  return [...times]
    .map(([question, when]) => `- ${when.length} × ${question}: ${when.join(", ")}`)
    .join("\n");
}

/** "Mon 09:03" */
function timeOf(day: number, minute: number): string {
  const inDay = Math.floor(minute % (24 * 60));
  const [hours, minutes] = [Math.floor(inDay / 60), inDay % 60].map((part) => `${part}`.padStart(2, "0"));
  return `${DAYS[day]?.slice(0, 3)} ${hours}:${minutes}`;
}
