/**
 * Shells whose PATH does not lead to muxguard when their start-up file is read: Debian's ~/.profile reads ~/.bashrc
 * before it adds ~/.local/bin. They have the guard all the same, and nothing is said where muxguard is gone.
 */
import { mkdirSync, readFileSync, renameSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Lab, MUXGUARD, until } from "../../../lab/lab.ts";
import type { Shell } from "../../../lab/terminal/shell.ts";
import { UserHome } from "../../../lab/users/user-home.ts";
import { quoted } from "../../../src/runs/ride/shims.ts";
import { describeWith } from "../tools.ts";

/** What Debian gives to each new user. */
const PROFILE = `if [ -n "$BASH_VERSION" ]; then
    if [ -f "$HOME/.bashrc" ]; then
\t. "$HOME/.bashrc"
    fi
fi
if [ -d "$HOME/.local/bin" ] ; then
    PATH="$HOME/.local/bin:$PATH"
fi
`;
/** The PATH of a login there, and where these tests have Node. */
const USUAL_PATH = `/usr/local/bin:/usr/bin:/bin:${dirname(process.execPath)}`;

let lab: Lab;
let home: UserHome;
let shell: Shell;

beforeEach(() => {
  lab = new Lab();
});
afterEach(async () => {
  await shell.run(`${inside()}; kill $(muxguard status | sed -n 's/^daemon *pid //p')`);
  await until(async () => (await shell.run("muxguard status")) === 3, "the daemon's end");
  await shell.end();
  await lab.close();
});

let bin = "";
const inside = (): string => `PATH=${quoted(bin)}:$PATH`;

/** muxguard in a folder of the home that is not on the PATH. */
function make(program: string, folder: string): void {
  home = new UserHome(lab, { shell: program, environment: { PATH: USUAL_PATH } });
  bin = home.path(folder);
  mkdirSync(bin, { recursive: true });
  for (const name of ["muxguard", "muxguard-env"])
    symlinkSync(join(dirname(MUXGUARD), name), join(bin, name));
  shell = home.open();
}

async function init(...options: string[]): Promise<string> {
  const said = lab.path("said");
  const code = await shell.run(`(${inside()}; muxguard init ${options.join(" ")}) >${said} 2>&1`);
  expect(code, readFileSync(said, "utf8")).toBe(0);
  return readFileSync(said, "utf8");
}

/** What a new shell prints. */
async function prints(program: string, line: string): Promise<{ out: string; err: string }> {
  const [out, err] = [lab.path("out"), lab.path("err")];
  await shell.run(`setsid -w ${program} '${line}' >${out} 2>${err} </dev/null`);
  const own = /^(?:bash: (?:cannot set terminal process group|no job control).*|.*Inappropriate ioctl.*)\n/gm;
  return { out: readFileSync(out, "utf8"), err: readFileSync(err, "utf8").replace(own, "") };
}

const tools = ["bwrap", "python", "zsh", "fish"] as const;
describeWith([...tools], "a shell whose PATH does not lead to muxguard yet", () => {
  const shells = [
    ["/usr/bin/bash", "bash -lic", ".local/bin"],
    ["/usr/bin/bash", "bash -lic", 'it\'s "mine" $HOME/bin'],
    ["/usr/bin/zsh", "zsh -ic", 'it\'s "mine" $HOME/bin'],
    ["/usr/bin/fish", "fish -ic", "it's \\mine $HOME/bin"],
  ] as const;
  it.each(shells)("has the guard: %s, %s, %s", async (program, command, folder) => {
    make(program, folder);
    home.write(".profile", PROFILE);
    home.write(".bashrc", "PS1='$ '");
    await prints(command, "true"); // fish makes files of its own
    const before = home.snapshot();
    await init("--yes");
    expect(await init("--yes")).toContain("nothing to change");
    const guarded = { out: `${lab.path("run/muxguard/agent.sock")}\n`, err: "" };
    // the first one starts the daemon, which may say that nobody can be asked
    expect(await prints(command, "echo $SSH_AUTH_SOCK")).toMatchObject({ out: guarded.out });
    expect(await prints(command, "echo $SSH_AUTH_SOCK")).toEqual(guarded);
    renameSync(bin, `${bin}-gone`);
    expect(await prints(command, "echo $SSH_AUTH_SOCK")).toEqual({ out: "\n", err: "" });
    renameSync(`${bin}-gone`, bin);
    await init("--undo");
    const left = [...home.snapshot()].filter(([path]) => before.has(path));
    expect(new Map(left)).toEqual(before);
  });
});
