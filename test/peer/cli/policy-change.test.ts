/** What changes the policy: `list`, `add`, `remove` and `edit` of `muxguard policy`. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { Lab, MUXGUARD } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { describeWith } from "../tools.ts";

const POLICY = `# my policy
default = "ask"   # for the rest

# never
[[rule]]
name = "no prod"   # at all
host = "prod"
action = "deny"

[[rule]]
name   = "agents"
scope  = "claude"
action = "ask"
remember = "10m"
# the end
`;

const lab = new Lab();
const file = lab.path("config/muxguard/policy.toml");
const approved = lab.path("config/muxguard/approved.toml");
const present = (): string => readFileSync(file, "utf8");
const policy = (...args: string[]) => lab.muxguard("policy", ...args);
beforeEach(() => {
  lab.policy(POLICY);
  rmSync(approved, { force: true });
});
afterAll(() => lab.close());

describe("muxguard policy list", () => {
  it("has the rules in their order, with their places", async () => {
    lab.write("config/muxguard/approved.toml", '[[rule]]\nname = "mine"\naction = "allow"\n');
    expect(await policy("list")).toMatchObject({
      code: 0,
      stdout: [
        'policy.toml:5    deny   "no prod"  host = "prod"',
        'policy.toml:10   ask    "agents"  scope = "claude", remember = "10m"',
        'default = "ask" (policy.toml:2)',
        "these answer what is asked:",
        'approved.toml:1  allow  "mine"\n',
      ].join("\n"),
    });
    const { stdout } = await policy("list", "--json");
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { name: "no prod", action: "deny", file, line: 5, approved: false, rule: { host: "prod" } },
      { name: "agents", rule: { remember: "10m" } },
      { name: "mine", file: approved, approved: true },
      { default: "ask", file, line: 2 },
    ]);
  });
});

describe("muxguard policy add", () => {
  const rule = [
    "--name",
    "lab",
    "--host",
    "lab*",
    "--port",
    "2222",
    "--verified",
    "yes",
    "--on",
    "sign",
    "--on",
    "session",
  ];

  it("shows the rule and what there is to say of it, and writes nothing without a yes", async () => {
    const { code, stdout } = await policy("add", ...rule, "--user", "a@b", "--action", "allow");
    expect(stdout).toContain(
      '  | name = "lab"\n  | on = ["sign", "session"]\n  | host = "lab*"\n  | port = 2222\n',
    );
    expect(stdout).toMatch(/policy\.toml:\d+:1: warning: user never matches "a@b"/);
    expect(stdout).toMatch(/nothing is written\n$/);
    expect(code).toBe(1);
    expect((await policy("add", ...rule, "--action", "allow", "--dry-run")).code).toBe(0);
    expect(present()).toBe(POLICY);
  });

  it("writes it behind what is there, which stays as it is, and remove leaves the file as it was", async () => {
    expect((await policy("add", ...rule, "--action", "deny", "--yes")).code).toBe(0);
    expect(present().startsWith(POLICY)).toBe(true);
    expect((await policy("list")).stdout).toMatch(
      /"lab" {2}on = \["sign", "session"\], host = "lab\*", port = 2222, verified = true\n/,
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await policy("remove", "lab")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        / {2}\| name = "lab"\n[\s\S]*removed the rule "lab" from policy\.toml\n$/,
      ),
    });
    expect(present()).toBe(POLICY);
  });

  it("tells of a rule before it that takes all of it", async () => {
    const { stdout } = await policy(
      "add",
      "--name",
      "late",
      "--host",
      "prod",
      "--user",
      "me",
      "--action",
      "allow",
      "-n",
    );
    expect(stdout).toMatch(/warning: never matches: rule "no prod" before it takes all of it \(line 5\)/);
  });

  it("may be a rule of approved.toml", async () => {
    expect(
      (await policy("add", "--name", "mine", "--host", "x", "--action", "allow", "--approved", "-y")).code,
    ).toBe(0);
    expect(readFileSync(approved, "utf8")).toMatch(/^# Rules that "allow always" wrote[\s\S]*name = "mine"/);
    expect(present()).toBe(POLICY);
  });

  it.each([
    [["--name", "x", "--action", "alow"], 64, /did you mean "allow"\?/],
    [["--name", "x"], 64, /--action/],
    [["--name", "x", "--action", "deny", "--hots", "a"], 64, /unknown option '--hots'/],
    [["--name", "", "--action", "deny"], 64, /a rule needs a name/],
    [["--name", "x", "--action", "deny", "--verified", "maybe"], 64, /verified: expected true or false/],
    [["--name", "x", "--action", "ask", "--remember", "long"], 64, /remember: neither a duration/],
  ])("refuses %j", async (args, code, stderr) => {
    expect(await policy("add", ...args, "-y")).toMatchObject({ code, stderr: expect.stringMatching(stderr) });
    expect(present()).toBe(POLICY);
  });
});

describe("muxguard policy remove", () => {
  it("leaves everything else as it is, byte for byte", async () => {
    await policy("remove", "no prod");
    expect(present()).toBe(POLICY.replace(/\[\[rule\]\]\nname = "no prod"[\s\S]*?"deny"\n/, ""));
  });

  it("wants the place where several have the name", async () => {
    lab.policy(`${POLICY}[[rule]]\nname = "agents"\naction = "deny"\n`);
    expect(await policy("remove", "agents")).toMatchObject({
      code: 1,
      stderr: "muxguard: several rules are called so; say which one: policy.toml:10, policy.toml:16\n",
    });
    expect((await policy("remove", "policy.toml:16")).code).toBe(0);
    expect(present()).toBe(POLICY);
    expect(await policy("remove", "none")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('"none"'),
    });
  });

  it("leaves an entry in the log where the rule answered questions", async () => {
    lab.write("config/muxguard/approved.toml", '# kept\n[[rule]]\nname = "mine"\naction = "allow"\n');
    const { events } = await lab.logged(() => policy("remove", "mine"));
    expect(events).toMatchObject([{ operation: "forget", reason: expect.stringContaining("mine") }]);
    expect(readFileSync(approved, "utf8")).toBe("# kept\n");
  });
});

describe("muxguard policy edit", () => {
  const edit = (script: string, ...args: string[]) =>
    lab.run(process.execPath, [MUXGUARD, "policy", "edit", ...args], {
      environment: { VISUAL: `sh ${lab.script("editor", script)}`, EDITOR: "false" },
    });
  const isTidy = (): void => {
    const names = readdirSync(lab.path("config/muxguard"));
    expect(names.filter((name) => name.startsWith(".edit") || name.endsWith(".new"))).toEqual([]);
  };

  it("puts what was edited in place, for its owner alone", async () => {
    const edited = await edit('sed -i "s/10m/20m/; s/prod/production/" "$1"');
    expect(edited).toMatchObject({ code: 0, stdout: expect.stringMatching(/policy\.toml is in place\n$/) });
    expect(present()).toBe(POLICY.replaceAll("10m", "20m").replaceAll(/prod/g, "production"));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    isTidy();
  });

  it("never puts a mistake in place", async () => {
    const { code, stdout } = await edit('sed -i "s/host/hots/" "$1"');
    expect(stdout).toMatch(/policy\.toml:7:1: unknown field "hots"; did you mean "host"\?\ndiscarded/);
    expect(code).toBe(78);
    expect(present()).toBe(POLICY);
    isTidy();
  });

  it("leaves it as it is where nothing changed, or the editor fails", async () => {
    expect(await edit("true")).toMatchObject({ code: 0, stdout: expect.stringMatching(/: unchanged\n$/) });
    expect(await edit('echo x >>"$1"; exit 3')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/ended with 3/),
    });
    expect(present()).toBe(POLICY);
    isTidy();
  });

  it("does not overwrite what somebody else has written meanwhile", async () => {
    const { code, stdout } = await edit(`echo '# other' >>'${file}'; sed -i s/10m/20m/ "$1"`);
    expect(stdout).toMatch(/was changed meanwhile\ndiscarded/);
    expect(code).toBe(1);
    expect(present()).toBe(`${POLICY}# other\n`);
  });

  it("says which cases no longer hold", async () => {
    const cases = lab.path("config/muxguard/policy.test.toml");
    writeFileSync(cases, '[[case]]\nname = "prod"\nhost = "prod"\nexpect = "deny"\n', { mode: 0o600 });
    const { stdout } = await edit('sed -i s/prod/lab/ "$1"');
    rmSync(cases);
    expect(stdout).toMatch(/FAIL {2}prod: expected deny, is ask/);
  });

  it("makes a file that is not there yet, and edits no other", async () => {
    const made = await edit(
      'printf \'[[rule]]\\nname = "n"\\naction = "ask"\\n\' >"$1"',
      "policy.d/new.toml",
    );
    expect(made.code).toBe(0);
    expect(existsSync(lab.path("config/muxguard/policy.d/new.toml"))).toBe(true);
    rmSync(lab.path("config/muxguard/policy.d"), { recursive: true });
    for (const name of ["../x.toml", "policy.d/../../x.toml", "/etc/passwd", "policy.d/.x.toml"])
      expect(await edit("true", name)).toMatchObject({
        code: 64,
        stderr: expect.stringContaining("no settings file"),
      });
  });
});

describeWith(["tmux"], "muxguard policy at a terminal", () => {
  let terminal: Terminal;
  beforeEach(() => {
    // each edit takes what lies ready for it
    const editor = lab.script("editor", `cp '${lab.path("next")}' "$1"\n`);
    const env = { ...lab.environment, VISUAL: `sh ${editor}` };
    terminal = new Terminal(env, lab.folder);
    return () => terminal.close();
  });
  const command = `${process.execPath} ${MUXGUARD} policy`;

  it("asks what is to become of a mistake, and never keeps it", async () => {
    lab.write("next", POLICY.replace("host", "hots"));
    terminal.enter(`${command} edit; echo "ended $?"`);
    await terminal.shows(/What now\? \(e\)dit again, \(d\)iscard:/);
    terminal.enter("k"); // is no choice: it is asked again
    await terminal.shows(/What now\?[\s\S]*What now\?/);
    lab.write("next", POLICY.replace('"10m"', '"30m"'));
    terminal.enter("e");
    await terminal.shows(/is in place\s+ended 0/);
    expect(present()).toBe(POLICY.replace('"10m"', '"30m"'));
  });

  it("leaves the file as it was when it is discarded, mistake or warning", async () => {
    lab.write("next", POLICY.replace('"prod"', '"prod:22"'));
    terminal.enter(`${command} edit; echo "ended $?"`);
    await terminal.shows(
      /never matches "prod:22"[\s\S]*What now\? \(k\)eep it, \(e\)dit again, \(d\)iscard:/,
    );
    terminal.enter("d");
    await terminal.shows(/nothing is changed\s+ended 1/);
    expect(present()).toBe(POLICY);
  });

  it("writes a rule after a yes", async () => {
    terminal.enter(`${command} add --name lab --host lab --action deny; echo "ended $?"`);
    await terminal.shows(/Write it\? \[y\/N\]/);
    terminal.press("Enter");
    await terminal.shows(/nothing is written\s+ended 1/);
    expect(present()).toBe(POLICY);
    terminal.enter(`clear; ${command} add --name lab --host lab --action deny; echo "ended $?"`);
    await terminal.shows(/Write it\? \[y\/N\]/);
    terminal.enter("y");
    await terminal.shows(/written\s+ended 0/);
    expect(present()).toContain('name = "lab"');
  });
});

describe("what runs in a run", () => {
  it.each([["add", "--name", "x", "--action", "allow", "--yes"], ["remove", "no prod"], ["edit"]])(
    "can't change the policy: %s",
    async (...args) => {
      const env = `VISUAL=touch ${lab.path("touched")}`;
      const inside = await lab.muxguard(
        "run",
        "--",
        "env",
        env,
        process.execPath,
        MUXGUARD,
        "policy",
        ...args,
      );
      expect(inside).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^muxguard: refused: inside of a muxguard run/m),
      });
      expect(present()).toBe(POLICY);
    },
  );

  it("may look at it", async () => {
    const inside = await lab.muxguard("run", "--", process.execPath, MUXGUARD, "policy", "list");
    expect(inside).toMatchObject({ code: 0, stdout: expect.stringContaining('"no prod"') });
  });
});
