/** Which scope decides, for who comes to which socket. */
import { describe, expect, it, test } from "vitest";
import { decidingScope, type Scope, type SocketOf } from "../../src/guard/decide/scope.ts";
import { ProcessTable } from "../../src/platform/proc/process.ts";
import type { Caller, Process } from "../../src/policy/request.ts";
import { RUN_HOLDER } from "../../src/runs/in-run.ts";
import { Scopes } from "../../src/runs/scopes.ts";
import { makeAsker, makeBroker, makeScope } from "../support/guard.ts";
import { login, policy, caller as usual } from "../support/policy.ts";

const process = (pid: number, name = "sh"): Process => ({ pid, startTime: `${pid}`, name, cmdline: [] });

const outside = makeScope();
const [one, two] = [11, 12].map((pid) => makeScope(undefined, { run: { id: `run ${pid}`, name: "r", pid } }));

/** Processes that carry a run's mark, and those that carry one of a run inside of it. */
const marked = new Set([21, 31, 33, 34]);
const deeper = new Set([34]);

function scopes(): Scopes {
  const made = new Scopes(new ProcessTable(), {
    isMarked: ({ pid }) => marked.has(pid),
    isDeeper: ({ pid }) => deeper.has(pid),
  });
  for (const scope of [one, two]) made.add(scope as Scope);
  return made;
}

const tool = { ...usual, name: "node", exe: "/usr/bin/node" };
const below = (...ancestors: Process[]): Caller => ({ ...tool, pid: 21, ancestors });
const unmarked = (...ancestors: Process[]): Caller => ({ ...below(...ancestors), pid: 20 });
const many = Array.from({ length: 64 }, (_, at) => process(100 + at));

const callers = {
  "outside of runs": unmarked(process(2), process(1)),
  "in the run": below(process(3), process(11)),
  "in the run, started by its guard": unmarked(process(11)),
  "in another run": below(process(3), process(12), process(1)),
  "in a run in the run": below(process(12), process(3), process(11)),
  "in a run in the run, of another guard": { ...below(process(99, RUN_HOLDER), process(11)), pid: 34 },
  "in a run in the run, its holder killed": { ...below(process(11)), pid: 34 },
  "in a run of another guard": below(process(3), process(99, RUN_HOLDER), process(1)),
  "below what is called like a holder": unmarked(process(3), process(99, RUN_HOLDER), process(1)),
  "marked, its holder killed": { ...below(process(1)), pid: 31 },
  "in a container": { ...unmarked(process(2)), container: true },
  "in a container, and marked": { ...below(process(2)), pid: 33, container: true },
  "in a container in the run": { ...below(process(2), process(11)), container: true },
  "behind 64 ancestors": unmarked(...many),
  "behind 64 ancestors, and marked": below(...many),
} as const;

type Who = keyof typeof callers;
type Decides = "outside" | "the run" | "the other run" | "refused";

/** To the sockets of those who are in no run: agent, control, askpass. A ride's belongs to a run. */
const atOutside: Record<Who, [agent: Decides, control: Decides, askpass: Decides]> = {
  "outside of runs": ["outside", "outside", "outside"],
  "in the run": ["the run", "the run", "the run"],
  "in the run, started by its guard": ["the run", "the run", "the run"],
  "in another run": ["the other run", "the other run", "the other run"],
  "in a run in the run": ["the other run", "the other run", "the other run"],
  "in a run in the run, of another guard": ["refused", "refused", "refused"],
  "in a run in the run, its holder killed": ["refused", "refused", "refused"],
  "in a run of another guard": ["refused", "refused", "refused"],
  "below what is called like a holder": ["refused", "refused", "refused"],
  "marked, its holder killed": ["refused", "refused", "refused"],
  "in a container": ["outside", "outside", "refused"],
  "in a container, and marked": ["refused", "refused", "refused"],
  "in a container in the run": ["the run", "the run", "the run"],
  "behind 64 ancestors": ["refused", "refused", "refused"],
  "behind 64 ancestors, and marked": ["refused", "refused", "refused"],
};

/** To the sockets of the run. */
const atRun: Record<Who, [agent: Decides, control: Decides, ride: Decides, askpass: Decides]> = {
  "outside of runs": ["the run", "the run", "the run", "the run"],
  "in the run": ["the run", "the run", "the run", "the run"],
  "in the run, started by its guard": ["the run", "the run", "the run", "the run"],
  "in another run": ["the other run", "the other run", "refused", "the other run"],
  "in a run in the run": ["the other run", "the other run", "refused", "the other run"],
  "in a run in the run, of another guard": ["refused", "refused", "refused", "refused"],
  "in a run in the run, its holder killed": ["refused", "refused", "refused", "refused"],
  "in a run of another guard": ["refused", "refused", "refused", "refused"],
  "below what is called like a holder": ["the run", "the run", "the run", "the run"],
  "marked, its holder killed": ["refused", "refused", "refused", "refused"],
  "in a container": ["the run", "the run", "the run", "the run"],
  "in a container, and marked": ["refused", "refused", "refused", "refused"],
  "in a container in the run": ["the run", "the run", "the run", "the run"],
  "behind 64 ancestors": ["the run", "the run", "the run", "the run"],
  "behind 64 ancestors, and marked": ["refused", "refused", "refused", "refused"],
};

function decides(who: Who, kind: SocketOf["kind"], scope: Scope): Decides {
  const decided = scopes().decidedBy(callers[who], { kind, scope });
  if ("refused" in decided) return "refused";
  if (decided.scope === outside) return "outside";
  return decided.scope === one ? "the run" : "the other run";
}

describe.each(Object.keys(callers) as Who[])("a program %s", (who) => {
  test("at the sockets of those who are in no run", () => {
    const kinds = ["agent", "control", "askpass"] as const;
    expect(kinds.map((kind) => decides(who, kind, outside))).toEqual(atOutside[who]);
  });

  test("at the sockets of the run", () => {
    const kinds = ["agent", "control", "ride", "askpass"] as const;
    expect(kinds.map((kind) => decides(who, kind, one as Scope))).toEqual(atRun[who]);
  });
});

describe("what is refused", () => {
  const refused = (kind: SocketOf["kind"], scope: Scope, who: Who) =>
    scopes().decidedBy(callers[who], { kind, scope });

  it.each<[SocketOf["kind"], Scope, Who, RegExp]>([
    ["agent", outside, "in a run of another guard", /only the guard of that run decides for it/],
    ["control", outside, "marked, its holder killed", /inside of a muxguard run/],
    ["agent", one as Scope, "behind 64 ancestors, and marked", /nobody can tell of which/],
    ["askpass", outside, "in a container", /MUXGUARD_PROMPTS names the guard to ask/],
    ["ride", one as Scope, "in another run", /another run's/],
  ])("says why: %s", (kind, scope, who, reason) => {
    expect(refused(kind, scope, who)).toEqual({ refused: expect.stringMatching(reason) });
  });

  it("is denied whatever the policy says, and logged with its reason", async () => {
    const place: SocketOf = { kind: "agent", scope: makeScope(policy([], { default: "allow" })) };
    const caller = callers["marked, its holder killed"];
    const { broker, log } = makeBroker();
    const verdict = await broker.decide(
      login,
      makeAsker(caller),
      decidingScope(scopes().decidedBy(caller, place), place),
    );
    const denied = { decision: "deny", by: "fault:inside", reason: expect.stringMatching(/only the guard/) };
    expect(verdict).toMatchObject(denied);
    expect(log).toMatchObject([denied]);
  });
});

it("a process that has ended is left to its socket's scope, which denies it", () => {
  expect(scopes().decidedBy(undefined, { kind: "agent", scope: outside })).toEqual({ scope: outside });
});

it("a run that has ended decides for nobody: what is left of it is refused", () => {
  const made = scopes();
  made.delete("run 11");
  const left = below(process(3), process(11, RUN_HOLDER));
  expect(made.size).toBe(1);
  expect(made.decidedBy(left, { kind: "agent", scope: outside })).toHaveProperty("refused");
});

test("a connection's ssh, which may bring anybody's words, asks at no ride and no askpass socket", () => {
  const master = { ...usual, pid: 21, ancestors: [], name: "ssh", exe: "/usr/bin/ssh" };
  for (const kind of ["ride", "askpass"] as const)
    expect(scopes().decidedBy(master, { kind, scope: one as Scope })).toEqual({
      refused: expect.stringContaining("ssh connection"),
    });
});

test("the guard's own ssh, and what it starts, asks in the scope of whoever it connects for, never outside", () => {
  const known = scopes();
  const ssh = { ...usual, pid: 40, startTime: "40", ancestors: [process(1)] };
  const jumping = { ...usual, pid: 41, ancestors: [process(40, "ssh"), process(1)] };
  const place: SocketOf = { kind: "agent", scope: outside };
  const end = known.lend(ssh, one as Scope);
  for (const caller of [ssh, jumping]) expect(known.decidedBy(caller, place)).toEqual({ scope: one });
  expect(known.decidedBy({ ...ssh, startTime: "41" }, place)).toEqual({ scope: outside });
  known.delete("run 11");
  expect(known.decidedBy(jumping, place)).toEqual({ refused: expect.stringContaining("has ended") });
  end();
  expect(known.decidedBy(jumping, place)).toEqual({ scope: outside });
});

test("what a run has put into a container is inside of a run all the same, and nobody's", () => {
  const all = scopes();
  expect(all.runAround(callers["in a container"])).toBeUndefined();
  expect(all.runAround(callers["in a container, and marked"])).toEqual({});
  expect(all.runAround(callers["in a container in the run"])).toEqual({ id: "run 11" });
});
