/**
 * Makes docs/first-five-minutes.md, `npm run five-minutes`: what a new user types, in a home of its own, from `git
 * clone` to a guarded push, with what is printed and how long it takes. Needs the network, for npm.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { Lab, until } from "../../lab/lab.ts";
import { Pty } from "../../lab/terminal/pty.ts";
import { UserHome } from "../../lab/users/user-home.ts";
import { messageOf } from "../../src/errors.ts";

const HOST = "git.example";
const project = process.cwd();

interface Step {
  /** As it is shown; and as it is typed, where that differs. */
  shown: string;
  typed?: string;
  /** How many lines of what it prints are shown: from its end. */
  last?: number;
  /** Takes its time from the network. */
  network?: true;
  /** A person answers meanwhile. */
  asked?: true;
}

interface Done extends Step {
  printed: string[];
  seconds: number;
}

const setUp: Step[] = [
  { shown: "git clone -q …/muxguard", typed: `git clone -q '${project}' muxguard`, network: true },
  { shown: "cd muxguard && npm ci", typed: "cd muxguard && npm ci --silent", network: true },
  {
    shown: "npm install -g --prefix ~/.local . && PATH=~/.local/bin:$PATH",
    typed: "npm install --silent -g --prefix ~/.local . && PATH=~/.local/bin:$PATH",
    network: true,
  },
  { shown: "muxguard init --yes" },
];
const use: Step[] = [
  { shown: "cd ~/site && git push", typed: "cd ~/site && git push --no-progress", asked: true },
  {
    shown: "git commit -q --allow-empty -m second && git push",
    typed: "git commit -q --allow-empty -m second && git push --no-progress",
  },
  { shown: "muxguard log -n 2" },
  { shown: "muxguard init --undo", last: 2 },
];

/** As a terminal of this width shows a line. */
const COLUMNS = 100;

function folded(line: string): string[] {
  return line.length <= COLUMNS ? [line] : [line.slice(0, COLUMNS), ...folded(line.slice(COLUMNS))];
}

/** A shell at whose prompt a person types. */
class Session {
  readonly #pty: Pty;
  readonly #tidy: (text: string) => string;
  #lines = 0;

  constructor(pty: Pty, tidy: (text: string) => string) {
    this.#pty = pty;
    this.#tidy = tidy;
  }

  /** Types what makes no sound: no echo, no prompt. */
  async quiet(line: string): Promise<void> {
    await this.#run(line, 30_000);
  }

  async #run(line: string, limit: number): Promise<string> {
    const mark = `line ${++this.#lines}`;
    const from = this.#pty.text.length;
    this.#pty.type(`${line}; echo "${mark} ended: $?"\r`);
    const end = new RegExp(`${mark} ended: (\\d+)`);
    const text = (): string => this.#pty.text.slice(from);
    await until(
      () => end.test(text()),
      () => `the end of ${line}: ${text()}`,
      limit,
    );
    const [, code] = end.exec(text()) ?? [];
    if (code !== "0") throw new Error(`${line}: exit code ${code}: ${text()}`);
    return text().replace(/line \d+ ended: \d+[\s\S]*$/, "");
  }

  async do(step: Step): Promise<Done> {
    const began = performance.now();
    const text = await this.#run(step.typed ?? step.shown, 240_000);
    const seconds = (performance.now() - began) / 1000;
    const lines = this.#tidy(text)
      .split("\n")
      .map((line) => line.trimEnd());
    const printed = lines
      .flatMap(folded)
      .filter((line, at) => line !== "" || (at > 0 && at < lines.length - 1));
    return { ...step, printed: step.last === undefined ? printed : printed.slice(-step.last), seconds };
  }
}

/** Says yes to the first question that waits, as the person would in another terminal of this home. */
const APPROVE = "{ until muxguard approve >/dev/null 2>&1; do sleep 1; done & } 2>/dev/null";

async function play(lab: Lab): Promise<Done[]> {
  const key = lab.key("me@laptop");
  await lab.startAgent("agent.7", key);
  const server = await lab.startServer(HOST, key);
  const home = new UserHome(lab, {
    shell: "/bin/bash",
    environment: {
      SSH_AUTH_SOCK: lab.path("agent.7"),
      npm_config_registry: execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).trim(),
    },
  });
  home.knows(server);
  home.write(".bashrc", "# mine\n", 0o644);
  home.write(".gitconfig", "[user]\nname = Me\nemail = me@example\n[push]\nautoSetupRemote = true\n");
  const store = home.path("store.git");
  execFileSync("git", ["init", "-q", "--bare", "-b", "main", store]);
  execFileSync("git", ["init", "-q", "-b", "main", home.path("site")]);
  const git = (...words: string[]) =>
    execFileSync("git", ["-C", home.path("site"), ...words], { stdio: "ignore" });
  git("-c", "user.name=Me", "-c", "user.email=me@example", "commit", "--allow-empty", "-m", "first");
  git("remote", "add", "origin", `${HOST}:${store}`);
  const { username } = userInfo();
  const tidy = (text: string): string =>
    text
      .replaceAll("\r", "")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal obeys
      .replace(/\x1b\[[\d;?]*[A-Za-z]/g, "")
      .replaceAll(home.folder, "~")
      .replaceAll(lab.path("run"), "/run/user/1000")
      .replaceAll(lab.path("agent.7"), "/tmp/ssh-abc/agent.7")
      .replaceAll(new RegExp(`\\b${username}\\b`, "g"), "me");
  const shell = new Pty(lab, ...home.command("/bin/bash", "--noprofile", "-i"));
  shell.resize(50, 104);
  const session = new Session(shell, tidy);
  await session.quiet("stty -echo; PS1=; PS2=; bind 'set enable-bracketed-paste off' 2>/dev/null");
  const done: Done[] = [];
  for (const step of setUp) done.push(await session.do(step));
  shell.type("exec bash -i\r");
  await session.quiet("stty -echo; set +m; PS1=; PATH=~/.local/bin:$PATH");
  for (const step of use) {
    if (step.asked) await session.quiet(APPROVE);
    done.push(await session.do(step));
  }
  await session.quiet("muxguard daemon stop >/dev/null 2>&1 || true");
  shell.type("exit\r");
  await shell.end();
  return done;
}

function document(done: readonly Done[]): string {
  const sum = (steps: readonly Done[]): string =>
    steps.reduce((all, { seconds }) => all + seconds, 0).toFixed(0);
  const own = done.filter(({ network }) => !network);
  const blocks = done.map(({ shown, printed, seconds }) =>
    [
      `    $ ${shown}`,
      ...printed.map((line) => (line === "" ? "" : `    ${line}`)),
      "",
      `${seconds.toFixed(1)} s.`,
    ].join("\n"),
  );
  return `# The first five minutes

What a new user types, from \`git clone\` to a guarded \`git push\`, in a home of its own with an ssh-agent, on a
busy machine with two cores. \`npm run five-minutes\` makes this page. All of it took ${sum(done)} seconds; muxguard's
own part, without what comes from the network, ${sum(own)}.

${blocks.slice(0, setUp.length).join("\n\n")}

A new shell asks the guard. The push is asked about once. The answer was \`muxguard approve\`, as in another
terminal.

${blocks.slice(setUp.length).join("\n\n")}
`;
}

const lab = new Lab();
try {
  writeFileSync("docs/first-five-minutes.md", document(await play(lab)));
} catch (error) {
  process.stderr.write(`five-minutes: ${messageOf(error)}\n`);
  process.exitCode = 1;
} finally {
  await lab.close();
}
