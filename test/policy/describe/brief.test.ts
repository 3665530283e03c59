/** The lines of a question that are shown first. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BRIEF_ROWS, HEADING, questionRows } from "../../../src/approver/screen/brief.ts";
import { describeBriefly } from "../../../src/policy/describe/brief.ts";
import { describeHosts } from "../../../src/policy/describe/names.ts";
import { describeQuestion } from "../../../src/policy/describe/question.ts";
import { exactRule, formatRule } from "../../../src/policy/exact-rule.ts";
import type { Question } from "../../../src/policy/question.ts";
import type { Caller, Process, Request } from "../../../src/policy/request.ts";
import { question } from "../../support/guard.ts";
import { caller, github, login, unverified } from "../../support/policy.ts";

const asked = question({ choices: ["once", "lasting"], lasts: "terminal", because: "rule:agents" });

describe("a question in short", () => {
  it("says what is asked, what a yes covers, who asks and why, and last what the request says", () => {
    expect(describeBriefly(asked)).toEqual([
      'git "fetch" → github.com as git?',
      'login with key "work"; host key known',
      "an approval covers: logins and plain sessions over them, with this key, as this user, on this host, by these programs, in this login session",
      "asked by: ssh ← git, at /dev/pts/3",
      'because: rule "agents"',
      'command line (claimed): "git fetch", in "/home/someone/repo"',
    ]);
  });

  describe("that was approved often enough", () => {
    const rule = exactRule({ ...login, destination: github }, caller);
    const often = { ...asked, approvals: 2, rule: rule ? formatRule(rule) : [] };
    const offer = [
      'allowed 2 times; "always" writes a rule on key, host_key, user, programs',
      `"always: git (through ssh): log in to github.com as git with key 'work'"`,
    ];

    it("has the rule, in the place of the command line", () => {
      const lines = describeBriefly(often);
      expect(lines.slice(4)).toEqual(['because: rule "agents"', ...offer]);
      expect(describeBriefly({ ...often, because: "default" }).slice(3)).toEqual([
        "asked by: ssh ← git, at /dev/pts/3",
        ...offer,
      ]);
      const rows = questionRows(lines, 79, true, HEADING);
      expect(rows.length).toBeLessThanOrEqual(BRIEF_ROWS);
      expect(rows.slice(-2)).toEqual(offer.map((line) => `  ${line}`));
    });

    it("keeps the reason that is given, below the rule, and what nobody could say", () => {
      const doubt = { rule: "no prod", action: "deny" as const, unknown: { host: "prod" } };
      const lines = describeBriefly({ ...often, because: "default", doubt, why: "to deploy" });
      expect(lines.slice(-4)).toEqual([
        expect.stringContaining('could be prod, which rule "no prod" denies'),
        ...offer,
        'reason (claimed): "to deploy"',
      ]);
    });

    it("says that there are rules for several hosts, and for whatever else makes one narrow", () => {
      const hosts = ["web1", "web2"].map((name) => ({ id: name, name }));
      expect(describeBriefly({ ...often, hosts })).toContain(
        'allowed 2 times; "always" writes a rule for each of the 2 hosts on key, host_key, user, programs',
      );
      const command = "make";
      const session = exactRule({ ...login, kind: "session", command, tty: true }, caller);
      expect(describeBriefly({ ...often, rule: session ? formatRule(session) : [] })).toContain(
        'allowed 2 times; "always" writes a rule on host_key, user, command, tty, programs',
      );
    });

    it("says no more than before where it was not", () => {
      const { approvals: _, ...seldom } = often;
      expect(describeBriefly(seldom)).toEqual(describeBriefly(asked));
    });
  });

  it("has the path where the agent is forwarded", () => {
    const path = ["bastion", "db", "a", "b", "c"].map((name) => ({ names: [name] }));
    const lines = describeBriefly({ ...asked, request: { ...login, forwarded: true, path } });
    expect(lines).toContain("forwarded through: bastion → db → a → … → c");
    expect(lines).toContain("forwarded by: ssh ← git, at /dev/pts/3");
  });

  it("names the programs up to the terminal's shell, as rules do", () => {
    const [git, bash] = caller.ancestors as [Process, Process];
    const shell = { ...bash, ofRoot: true, leadsTerminal: true } as const;
    const init: Process = { pid: 1, startTime: "1", name: "systemd", cmdline: [], ofRoot: true };
    const above = (tmux: string): Process[] => {
      const terminal = { ...git, exe: tmux, name: "tmux", cmdline: ["tmux"] };
      return [git, shell, tmux.startsWith("/usr") ? { ...terminal, ofRoot: true } : terminal, init];
    };
    const typed = (tmux: string): Question => ({ ...asked, caller: { ...caller, ancestors: above(tmux) } });
    expect(describeBriefly(typed("/usr/bin/tmux"))).toContain("asked by: ssh ← git, at /dev/pts/3");
    expect(describeQuestion(typed("/usr/bin/tmux")).join("\n")).toMatch(
      /started by git ← bash ← tmux\n[\s\S]*on this host, by ssh ← git, in this login session$/,
    );
    // it could be any program that types there
    const own = "/home/me/tmux";
    expect(describeBriefly(typed(own))).toContain(`asked by: ssh ← git ← ${own}, at /dev/pts/3`);
  });

  it("folds a long line of programs in the middle", () => {
    const ancestors: Process[] = ["git", "make", "a", "b", "c", "claude"].map((name, at) => {
      return { pid: at + 10, startTime: "1", exe: `/usr/bin/${name}`, name, cmdline: [name] };
    });
    const line = (above: Process[]): string | undefined =>
      describeBriefly({ ...asked, caller: { ...caller, ancestors: above, run: { name: "x", pid: 1 } } }).find(
        (one) => one.startsWith("asked by"),
      );
    expect(line(ancestors)).toBe("asked by: ssh ← git ← make ← a ← … ← claude");
    const long = ancestors.map((one) => ({ ...one, exe: `/home/me/${"x".repeat(90)}/${one.name}` }));
    expect(line(long)).toMatch(/^asked by: ssh ← … ← \/home\/me\/x+…x+\/claude$/);
  });

  it("says the whole command where the title has not all of it", () => {
    const request = { ...login, kind: "session" as const, command: "git-receive-pack 'a'" };
    const lines = describeBriefly({ ...asked, request });
    expect(lines[0]).toBe("git push → github.com as git?");
    expect(lines).toContain(`in full: run "git-receive-pack 'a'"`);
  });

  it("says what nobody could say, before anything that the request says", () => {
    const doubt = { rule: "no prod", action: "deny" as const, unknown: { host: "prod" } };
    const request = { ...login, destination: { ...unverified, claimed: "x".repeat(500) } };
    const lines = describeBriefly({ ...asked, request, because: "rule:no prod", doubt });
    expect(lines.at(-2)).toBe('because: this could be prod, which rule "no prod" denies');
  });

  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 400 }),
    fc.constantFrom("x".repeat(5000), "鍵".repeat(5000), `${" ".repeat(300)}because: rule "mine"`),
  );
  const kinds = ["sign", "session", "forward", "connect", "confirm", "admin"] as const;

  it("has no more rows than eight at 80 columns, whatever is said, and who asks among them", () => {
    const hostile = (kind: Request["kind"], said: string): Question => {
      const process = { pid: 7, startTime: "1", exe: `/tmp/${said}`, name: said, cmdline: [said, said] };
      const who: Caller = { ...caller, ...process, cwd: said, ancestors: [process, { ...process, pid: 8 }] };
      const request: Request = {
        ...{ kind, data: "userauth", destination: { ...unverified, claimed: said }, user: said },
        ...{ command: said, prompt: said, namespace: said, repository: said, branch: said, provider: said },
        ...{ key: { fingerprint: "SHA256:a", comment: said }, environment: [said, said], x11: true },
        ...{ forward: { kind: "local", listen: said, connect: said }, path: [], forwarded: false },
      };
      return { ...asked, request, caller: who, count: 3 };
    };
    fc.assert(
      fc.property(fc.constantFrom(...kinds), text, (kind, said) => {
        const rows = questionRows(describeBriefly(hostile(kind, said)), 79, true, "muxguard: ");
        expect(rows.length).toBeLessThanOrEqual(BRIEF_ROWS);
        expect(rows.filter((row) => /^ {0,3}because: rule "mine"/.test(row))).toEqual([]);
      }),
    );
  });

  it("needs no more than that for what people usually ask, with nothing left out", () => {
    const usual = [asked, { ...asked, request: { ...login, kind: "session" as const, command: "uptime" } }];
    for (const one of usual) expect(questionRows(describeBriefly(one), 79, true).join()).not.toContain("…");
  });
});

describe("many hosts", () => {
  const numbered = (from: number, to: number, name: (at: number) => string): string[] =>
    Array.from({ length: to - from + 1 }, (_, at) => name(from + at)).sort();

  it.each([
    [["web1"], "web1"],
    [["web2", "web1"], "web1, web2"],
    [numbered(1, 20, (at) => `web${at}.example`), "web1.example to web20.example"],
    [numbered(8, 11, (at) => `web${String(at).padStart(2, "0")}`), "web08 to web11"],
    [["web1", "web2", "web4", "db"], "db, web1, web2, web4"],
    [["web1", "web2", "web3", "web5"], "web1 to web3, web5"],
    [["web9", "web010", "web11"], "web9, web010, web11"],
    [numbered(1, 3, (at) => `10.0.0.${at}`), "10.0.0.1 to 10.0.0.3"],
  ])("%j are %s", (names, words) => {
    expect(describeHosts(names)).toBe(words);
  });

  it("are counted where there is no room for their names", () => {
    const names = Array.from(
      { length: 40 },
      (_, at) => `${String.fromCharCode(97 + (at % 26))}${at * 2}.example`,
    );
    expect(describeHosts(names)).toMatch(/^a0\.example, .* and \d+ more$/);
    expect(describeHosts(names).length).toBeLessThan(140);
  });
});
