/**
 * A question as it is shown first: at most eight lines, what matters most first and what the request says of
 * itself last, so that it can push away nothing. All the rest is in describeQuestion(), behind "more".
 */
import type { Question } from "../question.ts";
import type { Caller, Destination, Request } from "../request.ts";
import { folded, inQuotes, visible, visibleEnds } from "../visible.ts";
import { commandLines, describeLineShortly, hostName } from "./caller.ts";
import { describeCoverage } from "./coverage.ts";
import { describeProof } from "./destination.ts";
import { describeGit } from "./git.ts";
import { describeHosts, describeNames, FEW } from "./names.ts";
import { describeOffer } from "./offer.ts";
import { describeKey } from "./operation.ts";
import { describeBecause, describePrompt } from "./question.ts";
import { describeAsked, describePurpose, describeSession, onHosts } from "./request.ts";
import { describeTitle, isMoreThanItsTitle } from "./title.ts";

/** The longest of what a request or its caller says, in characters. */
const LONGEST = { prompt: 160, words: 90, folder: 40, path: 60, hop: 32, why: 120 };

/** How many hops are named: the first ones, and the last. */
const HOPS = 4;

/** The first line says it all; no line needs more than two of a screen with 80 columns. */
export function describeBriefly(question: Question): string[] {
  return [
    describeTitle(question),
    ...describeWhat(question),
    ...describeHops(question.request),
    `an approval covers: ${describeCoverage(question, "these programs")}`,
    describeWho(question),
    ...describeWhy(question),
    ...describeOffer(question),
    ...describeWhole(question),
    ...describeClaimed(question),
  ];
}

/** What the title leaves open. */
function describeWhat({ request, hosts }: Question): string[] {
  const { kind, prompt, destination, repository, branch } = request;
  if (kind === "confirm" && prompt !== undefined) {
    const proof = destination ? [`destination: ${describeProof(destination, request)}`] : [];
    return [...proof, ...describePrompt(prompt, request, LONGEST.prompt)];
  }
  const listed = hosts && `hosts, all with a known key: ${describeHosts(hosts.map(({ name }) => name))}`;
  const proof = listed ?? (destination && howKnown(destination));
  const facts = [...describeWay(request), ...(proof === undefined ? [] : [proof])];
  const git = describeGit({ ...(repository && { repository }), ...(branch && { branch }) }, LONGEST.path);
  return [...(facts.length > 0 ? [facts.join("; ")] : []), ...(git === "" ? [] : [`git claims: ${git}`])];
}

function describeWay(request: Request): string[] {
  const { kind, data, key, environment = [] } = request;
  if (kind === "sign") return data === "userauth" && key ? [`login with ${describeKey(key, 40)}`] : [];
  if (kind === "connect") {
    const purpose = describePurpose(request);
    return [`a new connection, held by the guard${purpose === "" ? "" : `${purpose} (claimed)`}`];
  }
  if (kind === "list" || kind === "admin") return [];
  const few = environment.length > 0 ? [`setting ${describeNames(environment, FEW)}`] : [];
  return ["over a shared connection", ...few];
}

function howKnown({ verified, how, hostKey }: Destination): string {
  return verified || hostKey === undefined ? visible(how, 80) : `${visible(how, 80)} ${hostKey}`;
}

function describeHops({ path }: Request): string[] {
  if (path.length === 0) return [];
  const names = path.map((hop) => hostName(hop, LONGEST.hop));
  const shown = names.length <= HOPS ? names : [...names.slice(0, HOPS - 1), "…", ...names.slice(-1)];
  return [`forwarded through: ${shown.join(" → ")}`];
}

/** In one line. */
function describeWho({ request, caller, count, hosts }: Question): string {
  const waiting = count > (hosts?.length ?? 1) ? `; ${count} requests wait for the answer` : "";
  const by = request.forwarded ? "forwarded by" : "asked by";
  return `${by}: ${describeLineShortly(caller)}${describePlace(caller)}${waiting}`;
}

/** The run is in the title. */
function describePlace({ run, container, tty }: Caller): string {
  if (container) return ", in a container";
  return run || tty === undefined ? "" : `, at ${visible(tty, 32)}`;
}

/** Where a rule is offered, that there is none yet goes without saying: it takes the place. */
function describeWhy(question: Question): string[] {
  const isOffered = describeOffer(question).length > 0;
  if (isOffered && question.because === "default" && !question.doubt) return [];
  const tip = isOffered || question.tip === undefined ? [] : [question.tip];
  return [`because: ${describeBecause(question)}`, ...tip];
}

/** What the title has in other words, or not all of. Of a session that is its command: where to is in the title. */
function describeWhole({ request, hosts }: Question): string[] {
  if (!isMoreThanItsTitle(request)) return [];
  if (request.kind === "session") return [`in full: ${describeSession(request)}`];
  return [`in full: ${describeAsked(hosts ? onHosts(request, hosts.length) : request)}`];
}

/** The reason that is given, else the command line. That makes room for a rule: it was allowed before. */
function describeClaimed(question: Question): string[] {
  const { request, caller, why } = question;
  if (why !== undefined) return [`reason (claimed): ${inQuotes(visibleEnds(why, LONGEST.why))}`];
  const [words] = commandLines(caller, request);
  if (request.kind === "confirm" || words === undefined || describeOffer(question).length > 0) return [];
  const { cwd } = caller;
  const place = cwd === undefined ? "" : `, in ${inQuotes(folded(cwd, LONGEST.folder))}`;
  return [`command line (claimed): ${inQuotes(visibleEnds(words, LONGEST.words))}${place}`];
}
