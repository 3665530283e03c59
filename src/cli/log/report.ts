/**
 * `muxguard log --report FILE`: one page that holds all it shows, and asks no network for anything.
 *
 * What is in the log is hostile: it comes into the page as JSON in which nothing is left that HTML knows, and the
 * page's script makes text of it, never markup. Whatever it said, the page's policy lets it load and run nothing.
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { visible } from "../../policy/visible.ts";
import { toStdout } from "../../to-stderr.ts";
import { describeDecided, localTime } from "./describe-event.ts";
import { copyOf, eventOf, keyOf, rawAfter, textOf } from "./fields.ts";
import { type FilterOptions, filterOf } from "./filter.ts";
import { eachEntry } from "./log.ts";
import { pageScript, pageStyle } from "./page.ts";
import { type Counts, Summarizer } from "./summary.ts";

/** Entries that the page lists: the last ones. */
const MOST_LISTED = 2000;
/** Of the table of hosts by program. */
const MOST_HOSTS = 40;
const MOST_PROGRAMS = 12;
/** Names that are counted: others are few each. */
const MOST_COUNTED = 20_000;
const MOST_NAME = 80;

const HOST = keyOf("host");
const EXE = keyOf("exe");
const DECISION = keyOf("decision");

export async function writeReport(file: string, options: FilterOptions): Promise<void> {
  const summarizer = new Summarizer();
  const places = new Map<string, Counts>();
  const last: string[] = [];
  eachEntry(filterOf(options), (line) => {
    if (!summarizer.add(line)) return;
    count(places, line);
    last.push(copyOf(line));
    if (last.length === 2 * MOST_LISTED) last.splice(0, MOST_LISTED);
  });
  const { days, by, entries: all, ...rest } = summarizer.result();
  const entries = last.slice(-MOST_LISTED).reverse().flatMap(rowOf);
  const data = {
    ...rest,
    all,
    made: localTime(new Date().toISOString()),
    days,
    by,
    places: table(places),
    entries,
  };
  writeFileSync(file, pageOf(data), { mode: 0o600 });
  toStdout(`written: ${file} (${all} ${all === 1 ? "entry" : "entries"})`);
}

function count(places: Map<string, Counts>, line: string): void {
  const host = rawAfter(line, HOST);
  if (host === undefined) return;
  const place = JSON.stringify([textOf(host), programOf(line)]);
  const counts = places.get(place) ?? { entries: 0, asked: 0, denied: 0 };
  counts.entries++;
  if (rawAfter(line, DECISION) === "deny") counts.denied++;
  if (places.has(place) || places.size < MOST_COUNTED) places.set(place, counts);
}

/** Whoever wanted it: what started ssh, rather than ssh. */
function programOf(line: string): string {
  const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
  const own = nameOf(textOf(rawAfter(line, EXE) ?? ""));
  const parent = rawAfter(line, '"ancestors":["') ?? "";
  const isSsh = /^(?:ssh|scp|sftp)$/.test(own) && parent !== "";
  return (isSsh ? nameOf(textOf(parent)) : own) || "unknown";
}

interface Place {
  host: string;
  program: string;
  entries: number;
  denied: number;
}

/** Of the hosts and programs that there is most of. */
function table(places: ReadonlyMap<string, Counts>): Place[] {
  const all = [...places].map(([place, { entries, denied }]): Place => {
    const [host = "", program = ""] = JSON.parse(place) as string[];
    return { host: visible(host, MOST_NAME), program: visible(program, MOST_NAME), entries, denied };
  });
  const hosts = mostOf(all, ({ host }) => host, MOST_HOSTS);
  const programs = mostOf(all, ({ program }) => program, MOST_PROGRAMS);
  return all.filter(({ host, program }) => hosts.has(host) && programs.has(program));
}

function mostOf(all: readonly Place[], nameOf: (place: Place) => string, most: number): Set<string> {
  const sums = new Map<string, number>();
  for (const place of all) sums.set(nameOf(place), (sums.get(nameOf(place)) ?? 0) + place.entries);
  const sorted = [...sums].sort(([, one], [, other]) => other - one);
  return new Set(sorted.slice(0, most).map(([name]) => name));
}

function rowOf(line: string): object[] {
  const event = eventOf(line);
  if (!event?.decision) return [];
  const text = describeDecided(event).replace(/^(?:allow|deny) +/, "");
  return [
    { time: localTime(event.time), id: visible(event.id, 20), decision: visible(event.decision, 10), text },
  ];
}

/** The whole of it. */
function pageOf(data: object): string {
  // neither the end of the element nor a comment, and no line end that JavaScript has beside JSON
  const json = JSON.stringify(data).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const policy = [
    "default-src 'none'",
    `script-src '${digestOf(pageScript)}'`,
    `style-src '${digestOf(pageStyle)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>muxguard log</title>
<style>${pageStyle}</style>
</head>
<body>
<main id="page"></main>
<script type="application/json" id="data">${json}</script>
<script>${pageScript}</script>
</body>
</html>
`;
}

function digestOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
