/** What leads a run's ssh to its guard: the programs, and the variables by which others find them. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { identityAgentOption, leadLine, leadSsh } from "../../../src/runs/leading/shims.ts";
import { makeFolder } from "../../support/agents.ts";

let root: string;
let folder: string;
let real: string;

beforeEach(() => {
  root = makeFolder();
  folder = join(root, "run-1");
  mkdirSync(folder);
  real = program("usr/ssh");
  program("usr/scp");
});

function program(path: string): string {
  const whole = join(root, path);
  mkdirSync(join(whole, ".."), { recursive: true });
  writeFileSync(whole, "");
  return whole;
}

const lead = (environment: NodeJS.ProcessEnv = {}, jumps = false): NodeJS.ProcessEnv =>
  leadSsh({
    folder,
    agentSocket: "/r/agent.sock",
    environment: { PATH: join(root, "usr"), ...environment },
    jumps,
  });
const shim = (): string => join(folder, "muxguard-ssh/ssh");
const text = (name: string): string => readFileSync(join(folder, "muxguard-ssh", name), "utf8");

describe("the shims of a run", () => {
  it("come first in PATH, and become ssh with the guard's agent as the first option", () => {
    expect(lead().PATH).toBe(`${folder}/muxguard-ssh:${root}/usr`);
    expect(text("ssh")).toBe(`#!/bin/sh\nexec '${real}' -o 'IdentityAgent=/r/agent.sock' "$@"\n`);
    expect(text("scp")).toBe(`#!/bin/sh\nexec '${root}/usr/scp' -S '${shim()}' "$@"\n`);
  });

  it("pass over those of a run around this one, which would lead to its guard", () => {
    const outer = program("run-0/muxguard-ssh/ssh");
    const environment = lead({ PATH: `${join(outer, "..")}:${join(root, "usr")}`, GIT_SSH: outer });
    expect(text("ssh")).toContain(`exec '${real}' `);
    expect(environment.GIT_SSH).toBe(shim());
  });

  it("are not made inside of a ride, whose ssh has no agent, nor where there is no ssh", () => {
    program("ride/ride.sock");
    expect(lead({ PATH: join(program("ride/bin/ssh"), "..") })).toEqual({});
    expect(lead({ PATH: join(root, "nothing") })).toEqual({});
  });

  it("hand on the name ssh where jump hosts need it, and read no file of BASH_ENV", () => {
    lead({}, true);
    expect(text("ssh")).toMatch(/^#!\/bin\/bash -p\nexec -a ssh '/);
  });
});

describe("the variables by which others find their ssh", () => {
  it("lead git and rsync also where PATH is made anew, and leave core.sshCommand in its place", () => {
    const environment = lead();
    expect(environment).toMatchObject({ GIT_SSH: shim(), RSYNC_RSH: shim() });
    expect(environment).not.toHaveProperty("GIT_SSH_COMMAND");
  });

  it.each([
    ["what PATH leads", "ssh -i key", "ssh -i key"],
    ["the same ssh by its path", "USR/ssh -i key", "SHIM -i key"],
    ["behind an assignment", "A=1 USR/ssh -i key", "A=1 SHIM -i key"],
    ["in quotes", "'USR/ssh' -i '/a b'", "SHIM -i '/a b'"],
    ["by a link", "USR/link/ssh -v", "SHIM -v"],
    ["another ssh", "/opt/other/ssh -v", "/opt/other/ssh -o IdentityAgent=/r/a.sock -v"],
    ["no ssh", "/opt/plink -ssh", "/opt/plink -ssh"],
    ["a file called ssh in an option alone", "ssh -i /keys/ssh.pub", "ssh -i /keys/ssh.pub"],
  ])("keep their options: %s", (_, line, expected) => {
    mkdirSync(join(root, "usr/link"));
    symlinkSync(real, join(root, "usr/link/ssh"));
    const led = { shim: "/r/muxguard-ssh/ssh", real, option: "IdentityAgent=/r/a.sock" };
    const found = leadLine(line.replace("USR", join(root, "usr")), led);
    expect(found).toBe(expected.replace("SHIM", led.shim));
  });

  it("are those of git's settings, too, where they hold core.sshCommand", () => {
    const settings = { GIT_CONFIG_KEY_0: "Core.sshCommand", GIT_CONFIG_VALUE_0: `${real} -4` };
    const environment = lead({ ...settings, GIT_CONFIG_KEY_1: "user.name", GIT_CONFIG_VALUE_1: real });
    expect(environment.GIT_CONFIG_VALUE_0).toBe(`${shim()} -4`);
    expect(environment).not.toHaveProperty("GIT_CONFIG_VALUE_1");
  });

  it("are all led that are set", () => {
    const environment = lead({ GIT_SSH_COMMAND: `${real} -4`, RSYNC_RSH: `${real} -6`, GIT_SSH: real });
    expect(environment).toMatchObject({
      GIT_SSH_COMMAND: `${shim()} -4`,
      RSYNC_RSH: `${shim()} -6`,
      GIT_SSH: shim(),
    });
  });
});

it.each([
  ["/r/a.sock", "IdentityAgent=/r/a.sock"],
  ["/r/100%/a.sock", "IdentityAgent=/r/100%%/a.sock"],
  ["/r/a b/a.sock", 'IdentityAgent="/r/a b/a.sock"'],
  ["/r/$" + "{HOME}/a.sock", undefined],
  ['/r/"/a.sock', undefined],
])("the path of an agent is spelled so that ssh reads it as it is: %s", (path, expected) => {
  expect(identityAgentOption(path)).toBe(expected);
});
