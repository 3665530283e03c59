/** What changes in a file, as diff -u shows it: lines of ours, each with a mark before it. */

const CONTEXT = 3;
/** Lines that differ, on both sides together: beyond that the whole is shown as new. */
const MOST = 4000;

interface Step {
  mark: " " | "-" | "+";
  line: string;
  /** Its number before the change, from 1 on; of an added one, that of the next. */
  at: number;
}

/**
 * @param before undefined for a file that is not there
 * @param after undefined for one that goes
 * @returns lines, not yet safe for a screen; empty where both are the same
 */
export function diff(before: string | undefined, after: string | undefined): string[] {
  if (before === after) return [];
  const steps = stepsOf(linesOf(before), linesOf(after));
  const shown = steps.map((_, at) =>
    steps.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ mark }) => mark !== " "),
  );
  return steps.flatMap(({ mark, line, at }, index) => {
    if (!shown[index]) return [];
    const isFirst = index === 0 ? at > 1 : !shown[index - 1];
    return [...(isFirst ? [`@@ line ${at} @@`] : []), `${mark}${line}`];
  });
}

/** What ends without a newline has a line of its own that says so, as diff has it. */
function linesOf(text = ""): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  const last = lines.pop() ?? "";
  return last === "" ? lines : [...lines, `${last}\\ no newline at the end`];
}

function stepsOf(before: readonly string[], after: readonly string[]): Step[] {
  const same = (one: number, other: number): boolean => before[one] === after[other];
  let start = 0;
  while (start < before.length && start < after.length && same(start, start)) start++;
  let end = 0;
  const room = Math.min(before.length, after.length) - start;
  while (end < room && same(before.length - 1 - end, after.length - 1 - end)) end++;
  const steps: Step[] = [];
  let at = 1;
  const add = (mark: Step["mark"], lines: readonly string[]): void => {
    for (const line of lines) {
      steps.push({ mark, line, at });
      if (mark !== "+") at++;
    }
  };
  add(" ", before.slice(0, start));
  const [old, fresh] = [before.slice(start, before.length - end), after.slice(start, after.length - end)];
  for (const { mark, line } of old.length + fresh.length > MOST ? replaced(old, fresh) : merged(old, fresh))
    add(mark, [line]);
  add(" ", before.slice(before.length - end));
  return steps;
}

type Marked = Pick<Step, "mark" | "line">;

function replaced(old: readonly string[], fresh: readonly string[]): Marked[] {
  return [
    ...old.map((line) => ({ mark: "-", line }) as const),
    ...fresh.map((line) => ({ mark: "+", line }) as const),
  ];
}

/** By their longest common subsequence. */
function merged(old: readonly string[], fresh: readonly string[]): Marked[] {
  const lengths = commonLengths(old, fresh);
  const steps: Marked[] = [];
  let [one, other] = [0, 0];
  while (one < old.length || other < fresh.length) {
    const [line, added] = [old[one], fresh[other]];
    if (line !== undefined && line === added) {
      steps.push({ mark: " ", line });
      one++;
      other++;
    } else if (line !== undefined && (lengths[one + 1]?.[other] ?? 0) >= (lengths[one]?.[other + 1] ?? 0)) {
      steps.push({ mark: "-", line });
      one++;
    } else {
      steps.push({ mark: "+", line: added ?? "" });
      other++;
    }
  }
  return steps;
}

/** Of what begins at a line of each. */
function commonLengths(old: readonly string[], fresh: readonly string[]): Uint16Array[] {
  const rows = Array.from({ length: old.length + 1 }, () => new Uint16Array(fresh.length + 1));
  for (let one = old.length - 1; one >= 0; one--) {
    const [row, next] = [rows[one] as Uint16Array, rows[one + 1] as Uint16Array];
    for (let other = fresh.length - 1; other >= 0; other--)
      row[other] =
        old[one] === fresh[other]
          ? (next[other + 1] ?? 0) + 1
          : Math.max(next[other] ?? 0, row[other + 1] ?? 0);
  }
  return rows;
}
