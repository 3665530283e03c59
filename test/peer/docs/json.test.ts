/** What commands print with --json is what docs/json.md says: each field, with its type. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";
import { undocumented, unseen } from "../../docs/json-schema.ts";
import { describeWith } from "../tools.ts";

const policy = `default = "ask"
[[rule]]
name = "no mail"
host = "alpha.example"
user = "mail"
action = "deny"
`;

/** What is printed under each heading; and what is documented there and not brought about here. */
const headings: Record<string, string[]> = {
  status: ["upstream[].fault", "masters[]", "unguarded[]", "service", "fleet"],
  doctor: [],
  pending: ["why", "doubt", "hosts[]", "yes.milliseconds", "longest", "tip"],
  grants: ["suspended"],
  "log --stats": [],
  "log verify": [],
  suggest: ["also[]"],
  "policy check": [],
  "policy list": ["fleet"],
  "policy explain": ["fleet", "rules[].fleet"],
  "policy test": [],
};

describeWith(["ssh", "sshd"], "what is printed for programs", () => {
  const lab = new Lab();
  const key = lab.key("work");
  const printed = new Map<string, object[]>();

  /** Keeps what a command prints, which is named as in the document. */
  async function take(heading: string, ...more: string[]): Promise<void> {
    const { stdout } = await lab.muxguard(...heading.split(" "), "--json", ...more);
    const values = stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
    printed.set(heading, [...(printed.get(heading) ?? []), ...values]);
  }

  /** From a shell, as people do: a rule for it can be written. */
  const login = (options = "") =>
    lab.run("/bin/sh", ["-c", `ssh -F '${lab.sshConfig}' ${options} alpha.example true; :`], {
      environment: { SSH_AUTH_SOCK: lab.agentSocket },
    });

  async function loginAnswered(...answer: string[]): Promise<void> {
    const done = login();
    const [question] = await lab.pending();
    await take("pending");
    await lab.muxguard("approve", ...answer, question?.id ?? "");
    await done;
  }

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", key);
    await lab.startServer("alpha.example", key);
    await take("status");
    lab.policy(policy);
    await lab.startDaemon();
    await login("-l mail");
    for (const answer of ["--once", "--once", "--lasting"]) await loginAnswered(answer);
    await take("grants");
    await take("suggest");
    await lab.muxguard("forget", "--all");
    await loginAnswered("--always");
    await take("grants");
    await take("log");
    await take("log --stats");
    const [entry] = printed.get("log") as { id: string }[];
    await take("policy explain", entry?.id ?? "");
    await take("policy explain", "--user", "mail", "--program", "/usr/bin/ssh");
    await take("policy list");
    lab.write("config/muxguard/policy.test.toml", '[[case]]\nhost = "alpha.example"\nexpect = "ask"\n');
    await take("policy test");
    lab.policy(`${policy}port = 22\n[[rule]]\nhost = "alpha.example:22"\naction = "deny"\n`);
    await take("policy check");
    lab.policy(`${policy}hots = 1\n`);
    await take("policy check");
    await take("status");
    await take("doctor");
    spoilLog();
    await take("log verify");
  });
  afterAll(() => lab.close());

  /** The first entry is another one, and the last is cut off. */
  function spoilLog(): void {
    const path = lab.path("state/muxguard/log.jsonl");
    writeFileSync(path, readFileSync(path, "utf8").replace('"id":"', '"id":"x'));
    appendFileSync(path, '{"time":');
  }

  it.each(Object.keys(headings))("is documented, field by field: %s", (heading) => {
    const values = printed.get(heading) ?? [];
    expect(values.length).toBeGreaterThan(0);
    expect([...new Set(values.flatMap((value) => undocumented(value, heading)))]).toEqual([]);
  });

  it.each(Object.entries(headings))("has all that is documented: %s", (heading, seldom) => {
    const missing = unseen(printed.get(heading) ?? [], heading);
    expect(missing.filter((path) => !seldom.some((one) => path.startsWith(one)))).toEqual([]);
  });

  it("is documented with the log, where it is its entries", () => {
    const table = readFileSync("docs/log.md", "utf8").split("## Fields")[1] ?? "";
    const rows = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, names = ""]) => names.match(/\w+/g) ?? []);
    const fields = printed.get("log")?.flatMap((entry) => Object.keys(entry)) ?? [];
    expect(fields).toContain("decision");
    expect([...new Set(fields)].filter((field) => !rows.includes(field))).toEqual([]);
  });
});
