/** What the page of `muxguard log --report` runs and how it looks. It makes text of what it is given, no markup. */

export const pageStyle = `
:root { color-scheme: light dark; --line: #8884; --allow: #3a7d44; --deny: #c0392b; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0; }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.4rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: 0 0 .5rem; opacity: .8; }
table { border-collapse: collapse; width: 100%; font-size: .9em; }
td, th { text-align: left; padding: .2rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.text { overflow-wrap: anywhere; }
td.time, td.id { white-space: nowrap; font-family: ui-monospace, monospace; }
button { font: inherit; background: none; border: 0; padding: 0; color: inherit; cursor: pointer;
  text-decoration: underline dotted; text-align: inherit; }
.deny { color: var(--deny); font-weight: 600; } .allow { color: var(--allow); }
.scroll { overflow-x: auto; }
.controls { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin-bottom: .5rem; }
input[type=search] { font: inherit; flex: 1 1 16rem; padding: .3rem .5rem; }
svg { width: 100%; height: 9rem; } svg .bar-allow { fill: var(--allow); } svg .bar-deny { fill: var(--deny); }
svg g { cursor: pointer; } svg .hit { fill: transparent; } svg g:hover .hit, svg g.chosen .hit { fill: var(--line); }
`;

export const pageScript = `"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const page = document.getElementById("page");
const state = { words: "", decision: "", day: "" };

function make(name, parent, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  parent.append(made);
  return made;
}

function row(table, cells, heading) {
  const made = make("tr", table);
  for (const [text, className] of cells) make(heading ? "th" : "td", made, text, className);
  return made;
}

function choose(change) {
  Object.assign(state, change);
  search.value = state.words;
  decision.value = state.decision;
  show();
}

function heading() {
  make("h1", page, "muxguard log");
  const span = data.from ? data.from.slice(0, 10) + " to " + data.to.slice(0, 10) : "nothing yet";
  make("p", page, span + ": " + data.all + " entries, " + data.asked + " questions, " + data.denied +
    " denied. Made at " + data.made + ".");
  if (data.waited) make("p", page, "Half of the questions were answered within " +
    (data.waited.p50 / 1000).toFixed(1) + " s, the longest took " + (data.waited.most / 1000).toFixed(1) + " s.");
}

function timeline() {
  make("h2", page, "Timeline");
  const days = Object.entries(data.days);
  const most = Math.max(1, ...days.map(([, counts]) => counts.entries));
  const svg = shape("svg", page, { viewBox: "0 0 1000 140", preserveAspectRatio: "none", id: "timeline" });
  const width = 1000 / Math.max(1, days.length);
  for (const [at, [day, counts]] of days.entries()) {
    const group = shape("g", svg, { "data-day": day });
    const bar = (className, from, count) => shape("rect", group, { class: className, x: at * width + width * 0.1,
      width: width * 0.8, y: 140 - (140 * (from + count)) / most, height: (140 * count) / most });
    bar("bar-allow", 0, counts.entries - counts.denied);
    bar("bar-deny", counts.entries - counts.denied, counts.denied);
    shape("rect", group, { class: "hit", x: at * width, width, y: 0, height: 140 });
    shape("title", group, {}).textContent = day + ": " + counts.entries + " entries, " + counts.asked +
      " questions, " + counts.denied + " denied";
    group.addEventListener("click", () => choose({ day: state.day === day ? "" : day }));
  }
}

function shape(name, parent, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

function decisions() {
  make("h2", page, "What decided");
  const table = make("table", page);
  table.id = "decisions";
  const number = "number";
  row(table, [["by"], ["entries", number], ["asked", number], ["denied", number]], true);
  for (const [what, one] of Object.entries(data.by).sort(([, a], [, b]) => b.entries - a.entries))
    row(table, [[what], [one.entries, number], [one.asked, number], [one.denied, number]]);
}

function places() {
  make("h2", page, "Hosts by program");
  const sums = (key) => {
    const found = new Map();
    for (const place of data.places) found.set(place[key], (found.get(place[key]) || 0) + place.entries);
    return [...found].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  };
  const programs = sums("program");
  const table = make("table", make("div", page, undefined, "scroll"));
  table.id = "places";
  row(table, [["host"], ...programs.map((name) => [name, "number"])], true);
  for (const host of sums("host")) {
    const made = row(table, [[""]]);
    const name = make("button", made.firstChild, host);
    name.addEventListener("click", () => choose({ words: host }));
    for (const program of programs) {
      const place = data.places.find((one) => one.host === host && one.program === program);
      const text = place ? place.entries + (place.denied ? " (" + place.denied + " denied)" : "") : "";
      make("td", made, text, "number");
    }
  }
}

function takes(entry) {
  const words = state.words.toLowerCase().split(" ").filter((word) => word !== "");
  const text = (entry.id + " " + entry.text).toLowerCase();
  return (state.decision === "" || entry.decision === state.decision) &&
    (state.day === "" || entry.time.startsWith(state.day)) && words.every((word) => text.includes(word));
}

function show() {
  for (const group of document.querySelectorAll("#timeline g"))
    group.classList.toggle("chosen", group.dataset.day === state.day);
  const found = data.entries.filter(takes);
  const of = data.entries.length < data.all ? " of the last " : " of ";
  counted.textContent = found.length + of + data.entries.length + (state.day ? " on " + state.day : "");
  list.replaceChildren();
  for (const entry of found.slice(0, 500))
    row(list, [[entry.time, "time"], [entry.id, "id"], [entry.decision, entry.decision === "deny" ? "deny" : "allow"],
      [entry.text, "text"]]);
}

heading();
timeline();
decisions();
places();
make("h2", page, "Entries");
const controls = make("div", page, undefined, "controls");
const search = make("input", controls);
search.type = "search";
search.id = "search";
search.placeholder = "search: host, program, rule, id";
search.setAttribute("aria-label", "search");
const decision = make("select", controls);
decision.id = "decision";
for (const [value, text] of [["", "allowed and denied"], ["allow", "allowed"], ["deny", "denied"]])
  make("option", decision, text).value = value;
const counted = make("span", controls);
counted.id = "counted";
const list = make("table", page);
list.id = "entries";
search.addEventListener("input", () => choose({ words: search.value }));
decision.addEventListener("change", () => choose({ decision: decision.value }));
show();
`;
