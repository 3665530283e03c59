/**
 * Tedium, over a week: five days of eight hours, by the clock of the guard. Screens are locked, nights are
 * slept through and connections lost, and hostile requests try what an answer "while this lasts" could cover.
 */
import type { Lab } from "../lab.ts";
import type { Row } from "../table.ts";
import { Hosts, NEWCOMER, STRANGER } from "../tedium-hosts.ts";
import { planWeek, projectsOf, setUpWeek, type WeekStep } from "./days.ts";
import type { Lived, Week } from "./lived.ts";
import { Office } from "./office.ts";
import type { Place } from "./place.ts";
import { concludeWeek, describeWeek, rowsOf } from "./report.ts";
import { DAYS, type Moment } from "./rhythm.ts";
import { openStockOffice } from "./stock.ts";

export async function benchWeek(
  lab: Lab,
  remark: (text: string) => void,
  conclude: (line: string) => void,
): Promise<Row[]> {
  const hosts = await Hosts.start(lab, [NEWCOMER]);
  const stock = await live(lab, hosts, await openStockOffice(lab, hosts), { days: 1, isGuarded: false });
  const guarded = await live(lab, hosts, await Office.open(lab, hosts), {
    days: DAYS.length,
    isGuarded: true,
  });
  for (const text of describeWeek(stock, guarded)) remark(text);
  conclude(concludeWeek(stock, guarded));
  return rowsOf(stock, guarded);
}

interface Options {
  days: number;
  isGuarded: boolean;
}

async function live(lab: Lab, hosts: Hosts, place: Place, { days, isGuarded }: Options): Promise<Week> {
  const desk = {
    folder: place.folder,
    sshConfig: place.sshConfig,
    strangersPort: hosts.portOf(STRANGER),
    keyFile: lab.keyFile,
  };
  const lived: Lived[] = [];
  try {
    await place.succeed(setUpWeek(desk, lab.key.toString("base64")));
    const began = performance.now();
    for (const [day, moments] of planWeek(desk).slice(0, days).entries()) {
      if (DAYS[day] === "Thursday") place.announceLater();
      for (const moment of moments) {
        // stock OpenSSH would ask whether or not anybody is there: that is left out of its count
        if (!isGuarded && (moment.away || ("step" in moment && "hostile" in moment.step))) continue;
        await place.clockTo(moment.minute);
        const one = await noted(place, day, moment);
        if (one) lived.push(one);
      }
      process.stderr.write(
        `  ${DAYS[day]}: ${isGuarded ? "muxguard" : "stock"}, ${countOf(lived, day)} questions\n`,
      );
    }
    return { lived, seconds: (performance.now() - began) / 1000 };
  } finally {
    await place.close();
  }
}

function countOf(lived: readonly Lived[], day: number): number {
  return lived.filter((one) => one.day === day).reduce((sum, { asked }) => sum + asked.length, 0);
}

async function noted(place: Place, day: number, moment: Moment<WeekStep>): Promise<Lived | undefined> {
  const [asked, missed, decided] = [place.asked().length, place.missed(), place.log().length];
  const what = await act(place, day, moment);
  return (
    what && {
      day,
      minute: moment.minute,
      what,
      asked: place.asked().slice(asked),
      missed: place.missed() - missed,
      decided: place.log().slice(decided),
    }
  );
}

/** Undefined for what nobody can be asked about. */
async function act(place: Place, day: number, moment: Moment<WeekStep>): Promise<Lived["what"] | undefined> {
  switch (moment.is) {
    case "morning":
      return day === 0 ? undefined : void (await wakeUp(place));
    case "evening":
      return void (await goHome(place));
    case "away":
      return void (await place.leave());
    case "back":
      return void (await place.comeBack());
    case "fetch":
      return fetch(place, day, moment);
    case "step":
      return take(place, moment.step, moment.away ?? false);
  }
}

async function wakeUp(place: Place): Promise<void> {
  await place.sleep(false);
  await place.comeBack();
}

/** Over night the machine sleeps, and what was connected is lost. */
async function goHome(place: Place): Promise<void> {
  await place.closeEditor();
  await place.leave();
  await place.sleep(true);
  await place.run("kill $(jobs -p); wait");
}

/** What it finds at its start, it fetches all at once; then one project after the other. */
const FIRST_FETCH_BEFORE = 9 * 60 + 3;

async function fetch(
  place: Place,
  day: number,
  { minute, away }: Moment<WeekStep>,
): Promise<{ task: string }> {
  const projects = projectsOf(day);
  const isFirst = minute % (24 * 60) < FIRST_FETCH_BEFORE;
  const fetched = isFirst
    ? projects
    : projects.filter((_, n) => n === Math.floor(minute / 3) % projects.length);
  // on Tuesday the new project is cloned a little later
  const lines = fetched.map((name) => `{ ! [ -e ${name}/.git ] || git -C ${name} fetch -q origin; }`);
  await place.edit(`${lines.join(" & ")}; wait`);
  return { task: away ? "the editor fetches while nobody is there" : "the editor fetches" };
}

async function take(place: Place, step: WeekStep, away: boolean): Promise<Lived["what"]> {
  if ("task" in step) {
    await (away ? place.run(step.line) : place.succeed(step.line));
    if (step.connects) await place.share(step.connects);
    return step;
  }
  const { first } = step;
  if (first) {
    await place.runElsewhere(first.line);
    await place.share([first.replaces]);
  }
  place.expectHostile(true);
  await (step.elsewhere ? place.runElsewhere(step.line) : place.run(step.line));
  place.expectHostile(false);
  await place.closeElsewhere();
  if (first) await place.unshared(first.replaces);
  return step;
}
