/** Lines of shells' start-up files that leave the guard, and those that don't. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderWithSsh, setsAgent } from "../../../src/runs/unguarded/profiles.ts";
import { makeFolder } from "../../support/agents.ts";

const last = (text: string, ride = false): boolean => {
  const lines = text.split("\n");
  return setsAgent(lines, lines.length - 1, ride);
};

describe("an agent of another than the guard", () => {
  it.each([
    "export SSH_AUTH_SOCK=/run/agent",
    'SSH_AUTH_SOCK="$HOME/.1password/agent.sock" PATH=/usr/bin:$PATH',
    "setenv SSH_AUTH_SOCK /run/agent",
    "set -gx SSH_AUTH_SOCK /run/agent",
    'eval "$(ssh-agent -s)"',
    "eval $(keychain --eval id_ed25519)",
    "ssh-agent -c | source",
    "[ -S /run/agent ] && export SSH_AUTH_SOCK=/run/agent",
    '[ -n "$SSH_AUTH_SOCK" ] && export SSH_AUTH_SOCK=/run/agent',
  ])("is seen in %s", (line) => {
    expect(last(line)).toBe(true);
  });

  it.each([
    "echo $SSH_AUTH_SOCK",
    "export SSH_AUTH_SOCK=$XDG_RUNTIME_DIR/muxguard/agent.sock",
    'eval "$(muxguard env)"',
    "unset SSH_AUTH_SOCK",
    '[ -n "$MUXGUARD_PROMPTS" ] || export SSH_AUTH_SOCK=/run/agent',
    '[ -n "$MUXGUARD_PROMPTS" ] ||\n  eval "$(ssh-agent)"',
  ])("is not seen in %s", (line) => {
    expect(last(line, true)).toBe(false);
  });

  it.each([
    'if [ -z "$SSH_AUTH_SOCK" ]; then\n  eval "$(ssh-agent -s)"',
    "export SSH_AUTH_SOCK=$" + "{SSH_AUTH_SOCK:-/run/agent}",
    '[ -n "$SSH_AUTH_SOCK" ] || export SSH_AUTH_SOCK=/run/agent',
    "set -q SSH_AUTH_SOCK; or set -gx SSH_AUTH_SOCK /run/agent",
  ])("is none in a run, which has one, and is one in a ride: %s", (line) => {
    expect([last(line), last(line, true)]).toEqual([false, true]);
  });
});

it("a folder before the ride's counts where it has an ssh", () => {
  const root = makeFolder();
  for (const name of ["with", "without"]) mkdirSync(join(root, name));
  writeFileSync(join(root, "with/ssh"), "");
  expect(folderWithSsh(`export PATH=${root}/without:${root}/with:$PATH`)).toBe(join(root, "with"));
  expect(folderWithSsh(`PATH="${root}/with:$PATH"`)).toBe(join(root, "with"));
  expect(folderWithSsh(`export PATH=$PATH:${root}/with`)).toBeUndefined();
  expect(folderWithSsh(`export PATH=${root}/without:$PATH`)).toBeUndefined();
});
