/** `muxguard completion`, with the shells that are here, and the manual page as it was built. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { Lab, MUXGUARD } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { describeWith } from "../tools.ts";

const lab = new Lab();
beforeAll(() => {
  lab.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
  lab.environment.PATH = `${lab.folder}:${lab.environment.PATH}`;
  lab.policy(
    '[[rule]]\nname = "fetches"\naction = "allow"\n[[rule]]\nname = "with blanks"\naction = "ask"\n',
  );
});
afterAll(() => lab.close());

const run = (shell: string, script: string): string[] =>
  execFileSync(shell, ["-c", script], { env: lab.environment, encoding: "utf8" }).trim().split(/\s+/);

describeWith(["python"], "completion in bash", () => {
  const completed = (...words: string[]): string[] => {
    const typed = words.map((word) => `'${word}'`).join(" ");
    return run(
      "bash",
      `eval "$(muxguard completion bash)"; COMP_WORDS=(muxguard ${typed}); COMP_CWORD=${words.length}
      _muxguard; echo "\${COMPREPLY[@]}"`,
    );
  };

  it.each([
    [["dem"], ["demo"]],
    [
      ["daemon", "re"],
      ["restart", "reload"],
    ],
    [["run", "--conf"], ["--confine"]],
    [["policy", "remove", ""], ["fetches"]],
    [["completion", "f"], ["fish"]],
  ])("%j", (words, found) => expect(completed(...words)).toEqual(found));
});

describeWith(["fish"], "completion in fish", () => {
  it("has the same", () => {
    const script = 'muxguard completion fish | source; complete -C "muxguard daemon re"';
    expect(run("fish", script)).toEqual(expect.arrayContaining(["restart", "reload"]));
  });
});

describeWith(["zsh", "tmux"], "completion in zsh", () => {
  it("has the same, as keys bring it", async () => {
    const terminal = new Terminal(lab.environment, lab.folder, "zsh -f");
    onTestFinished(() => terminal.close());
    const setUp =
      'autoload -U compinit && compinit -D; setopt listambiguous; eval "$(muxguard completion zsh)"';
    terminal.enter(`${setUp}; echo it is "ready"`);
    await terminal.shows("it is ready");
    terminal.press("C-l");
    terminal.type("muxguard dem");
    terminal.press("Tab");
    await terminal.shows("muxguard demo");
    terminal.press("C-u");
    terminal.type("muxguard daemon re");
    terminal.press("Tab", "Tab");
    await terminal.shows(/reload +restart/);
  });
});

it("has a manual page that is built with it", () => {
  const page = execFileSync("cat", ["dist/muxguard.1"], { encoding: "utf8" });
  expect(page).toMatch(/^\.TH MUXGUARD 1 /);
  expect(page).toContain("muxguard policy explain");
});
