/**
 * Decisions with many rules: 10,000 that differ in the host, the caller, the command or the key, beside a policy
 * of the usual size. In this process, warm, without the log and the agent. The slowest way through is measured: a
 * request that only the last rule is about, and one that is about none.
 */
import { checkPolicy } from "../src/policy/check/check.ts";
import { evaluate } from "../src/policy/evaluate.ts";
import { formatRule } from "../src/policy/exact-rule.ts";
import { explain } from "../src/policy/explain/explain.ts";
import { couldSign } from "../src/policy/listing.ts";
import type { Policy, Rule } from "../src/policy/policy.ts";
import type { Caller, Destination, Request } from "../src/policy/request.ts";
import { checkSettings } from "../src/settings/toml-file.ts";
import { summarize } from "./samples.ts";
import { type Row, renderSummary } from "./table.ts";

const RULES = 10_000;
const LAST = RULES - 1;
/** Of each request; a batch is timed as a whole, as the clock is slower than a decision. */
const BATCHES = 200;
const BATCH = 20;
const WARM = 200;
/** For one row, in milliseconds, once it has as few samples as that. */
const LONGEST = 2000;
const FEWEST = 3;
const TARGET = 0.1;

const path = ["git", "make", "node", "bash", "tmux", "bash", "sshd", "systemd"];
const caller: Caller = {
  pid: 4711,
  startTime: "100",
  exe: "/usr/bin/ssh",
  name: "ssh",
  cmdline: ["ssh", "github.com"],
  session: "7",
  ancestors: path.map((name, at) => {
    return { pid: 4000 - at, startTime: "9", exe: `/usr/bin/${name}`, name, cmdline: [name] };
  }),
  container: false,
};
const unknown: Destination = { verified: false, names: [], how: "no session-bind" };
const login: Request = { ...loginAt("github.com"), key: keyNamed("work") };
const session: Request = { ...loginAt("github.com"), kind: "session", command: "uptime" };

function loginAt(host: string): Request {
  const destination = { verified: true, names: [host], port: 22, hostKey: "SHA256:x", how: "host key known" };
  return { kind: "sign", data: "userauth", destination, user: "git", path: [], forwarded: false };
}

function keyNamed(comment: string): NonNullable<Request["key"]> {
  return { type: "ssh-ed25519", fingerprint: `SHA256:${"k".repeat(43)}`, comment };
}

function rulesBy(fields: (at: number) => Partial<Rule>, action: Rule["action"]): Policy {
  const rules = Array.from({ length: RULES }, (_, at) => ({ name: `rule ${at}`, action, ...fields(at) }));
  return { default: "ask", rules, approved: [] };
}

const byHost = rulesBy((at) => ({ host: `web${at}.example` }), "deny");
const byCaller = rulesBy((at) => ({ caller: `/opt/app${at}/bin/tool` }), "deny");
const byCommand = rulesBy((at) => ({ command: `backup volume${at}` }), "allow");
const byKey = rulesBy((at) => ({ key: `key${at}` }), "allow");

/** What people write. */
const usual: Policy = {
  default: "ask",
  approved: [],
  rules: [
    { name: "no prod", host: "prod,prod-*", action: "deny" },
    { name: "fetch", on: ["session"], command: "git-upload-pack *", action: "allow" },
    { name: "forwards", on: ["forward"], forward: ["local"], action: "allow" },
    { name: "work", host: "*.work.example", caller: "git", action: "allow" },
    { name: "commits", on: ["sign"], namespace: "git", action: "allow" },
    { name: "changes", on: ["admin"], action: "ask" },
    { name: "github", on: ["sign"], host: "github.com", user: "git", key: "work", action: "allow" },
  ],
};

interface Case {
  measure: string;
  policy: Policy;
  asked: readonly [Request, Caller][];
  /** In milliseconds. */
  target?: number;
}

function by(exe: string): Caller {
  return { ...caller, exe };
}

const cases: readonly Case[] = [
  { measure: "decision with seven rules: login", policy: usual, asked: [[login, caller]] },
  { measure: "decision with seven rules: session", policy: usual, asked: [[session, caller]] },
  {
    measure: "decision with 10,000 rules by host",
    policy: byHost,
    asked: [
      [loginAt(`web${LAST}.example`), caller],
      [login, caller],
    ],
    target: TARGET,
  },
  {
    measure: "the same with wildcards",
    policy: rulesBy((at) => ({ host: `*.web${at}.example` }), "deny"),
    asked: [
      [loginAt(`a.web${LAST}.example`), caller],
      [login, caller],
    ],
    target: TARGET,
  },
  {
    measure: "the same, of a host that is not verified: each rule may be meant",
    policy: byHost,
    asked: [[{ ...login, destination: unknown }, caller]],
  },
  {
    measure: "decision with 10,000 rules by caller",
    policy: byCaller,
    asked: [
      [login, by(`/opt/app${LAST}/bin/tool`)],
      [login, caller],
    ],
    target: TARGET,
  },
  {
    measure: "decision with 10,000 rules by command",
    policy: byCommand,
    asked: [
      [{ ...session, command: `backup volume${LAST}` }, caller],
      [session, caller],
    ],
    target: TARGET,
  },
  {
    measure: "decision with 10,000 rules by key",
    policy: byKey,
    asked: [
      [{ ...login, key: keyNamed(`key${LAST}`) }, caller],
      [login, caller],
    ],
    target: TARGET,
  },
];

export async function benchRules(): Promise<Row[]> {
  const decisions = cases.map((one) => ({ ...one, run: deciding(one) }));
  const key = keyNamed("work");
  const listed = { path: [], forwarded: false };
  const shown = () => void couldSign(byKey, key, caller, listed);
  const listing = {
    measure: "whether a key is listed, with 10,000 rules by key",
    run: shown,
    target: TARGET,
  };
  const text = byHost.rules.map((rule) => formatRule(rule).join("\n")).join("\n\n");
  const slow = [
    {
      measure: "`policy.toml` with 10,000 rules: read",
      run: () => checkSettings("policy.toml", "policy", text),
    },
    { measure: "the same: first decision, which files them", run: filingAnew },
    { measure: "the same: `policy check`, without reading", run: () => checkPolicy(byHost) },
    { measure: "the same: `policy explain`, without reading", run: () => explain(byHost, login, caller) },
  ];
  return [
    ...[...decisions, listing].map((one) => row(one, BATCHES, BATCH)),
    ...slow.map((one) => row(one, 5, 1)),
  ];
}

function deciding({ policy, asked }: Case): () => void {
  let turn = 0;
  return () => {
    const [request, who] = asked[turn++ % asked.length] ?? [login, caller];
    evaluate(policy, request, who);
  };
}

/** A list of rules is filed once. */
function filingAnew(): void {
  evaluate({ ...byHost, rules: [...byHost.rules] }, login, caller);
}

interface Measured {
  measure: string;
  run(): unknown;
  target?: number;
}

function row({ measure, run, target }: Measured, batches: number, batch: number): Row {
  const samples: number[] = [];
  for (let warm = 0; warm < WARM && batch > 1; warm++) run();
  const end = performance.now() + LONGEST;
  while (samples.length < batches && (samples.length < FEWEST || performance.now() < end)) {
    const began = performance.now();
    for (let at = 0; at < batch; at++) run();
    samples.push((performance.now() - began) / batch);
  }
  const summary = summarize(samples);
  const guard = summary.p50 < 0.01 ? `${(summary.p50 * 1000).toFixed(1)} µs` : renderSummary(summary);
  const held = target === undefined ? {} : { target: "≤ 100 µs", holds: summary.p50 <= target };
  return { measure, guard, result: guard, ...held };
}
