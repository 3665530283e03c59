/**
 * When what happens, written down: five days, eight hours each. All times are minutes since Monday, midnight.
 *
 *     09:00 - 10:30  work        14:30 - 14:45  break
 *     10:30 - 10:45  break       14:45 - 16:00  work
 *     10:45 - 12:15  work        16:00 - 16:15  break
 *     12:15 - 13:00  lunch       16:15 - 17:00  work
 *     13:00 - 14:30  work        17:00 - 09:00  night
 *
 * Whoever leaves the desk locks the screen. At night the machine sleeps and its connections are lost; they are
 * lost over lunch, too. The steps of a stretch of work are spread evenly over it. The editor, which runs from
 * 09:00 to 17:00, fetches every three minutes, whether or not anybody is there.
 */
export const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"] as const;

const DAY = 24 * 60;
const at = (hours: number, minutes = 0): number => hours * 60 + minutes;

const BEGIN = at(9);
const END = at(17);
const FETCHES_EVERY = 3;

const STRETCHES: readonly (readonly [from: number, to: number])[] = [
  [BEGIN, at(10, 30)],
  [at(10, 45), at(12, 15)],
  [at(13), at(14, 30)],
  [at(14, 45), at(16)],
  [at(16, 15), END],
];

export type Event<Step> =
  | { is: "morning" | "evening" | "away" | "back" | "fetch"; away?: boolean }
  /** A step; one that comes while nobody is there says so. */
  | { is: "step"; step: Step; away?: boolean };

export type Moment<Step> = { minute: number } & Event<Step>;

/**
 * The day, in its order.
 * @param stretches the steps of each stretch of work
 * @param breaks what comes during the break after each stretch but the last
 */
export function dayOf<Step>(
  day: number,
  stretches: readonly (readonly Step[])[],
  breaks: readonly (readonly Step[])[],
): Moment<Step>[] {
  const moments: Moment<Step>[] = [
    { minute: BEGIN, is: "morning" },
    ...STRETCHES.flatMap(([from, to], n) => spread(from, to, stretches[n] ?? [])),
    ...STRETCHES.slice(0, -1).flatMap(([, from], n) =>
      breakOf(from, STRETCHES[n + 1]?.[0] ?? from, breaks[n] ?? []),
    ),
    ...fetches(),
    { minute: END, is: "evening" },
  ];
  const inOrder = moments.sort((one, other) => one.minute - other.minute);
  return inOrder.map((moment) => ({ ...moment, minute: moment.minute + day * DAY }));
}

function spread<Step>(from: number, to: number, steps: readonly Step[], away = false): Moment<Step>[] {
  const pause = (to - from) / (steps.length + 1);
  return steps.map((step, n) => ({ minute: from + (n + 1) * pause, is: "step", step, away }));
}

function breakOf<Step>(from: number, to: number, steps: readonly Step[]): Moment<Step>[] {
  return [{ minute: from, is: "away" }, ...spread(from, to, steps, true), { minute: to, is: "back" }];
}

/** Never at the same minute as somebody's coming or going. */
function fetches(): { minute: number; is: "fetch"; away: boolean }[] {
  const times: number[] = [];
  for (let minute = BEGIN + FETCHES_EVERY / 2; minute < END; minute += FETCHES_EVERY) times.push(minute);
  const isWork = (minute: number): boolean => STRETCHES.some(([from, to]) => minute > from && minute < to);
  return times.map((minute) => ({ minute, is: "fetch", away: !isWork(minute) }));
}
