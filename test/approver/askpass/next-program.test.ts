import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nextAskpass } from "../../../src/approver/askpass/next-program.ts";
import { makeFolder } from "../../support/agents.ts";

const OURS = "/opt/bin/muxguard-askpass";

function programs(...names: string[]): string {
  const folder = makeFolder();
  for (const name of names) {
    writeFileSync(join(folder, name), "#!/bin/sh\n");
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

const nextOf = (environment: NodeJS.ProcessEnv, configured?: string): string | undefined =>
  nextAskpass({ DISPLAY: ":0", PATH: "", ...environment }, configured).SSH_ASKPASS;

describe("the program that is asked in muxguard-askpass's place", () => {
  it("is SSH_ASKPASS where that is another one", () => {
    expect(nextOf({ SSH_ASKPASS: "/usr/bin/ksshaskpass" })).toBe("/usr/bin/ksshaskpass");
    expect(nextOf({})).toBeUndefined();
  });

  it("is the one of config.toml, which needs no display", () => {
    const { SSH_ASKPASS, SSH_ASKPASS_REQUIRE } = nextAskpass({ SSH_ASKPASS: OURS }, "/opt/mine");
    expect({ SSH_ASKPASS, SSH_ASKPASS_REQUIRE }).toEqual({
      SSH_ASKPASS: "/opt/mine",
      SSH_ASKPASS_REQUIRE: "force",
    });
  });

  it("is a known one of the PATH, the usual name first", () => {
    const folder = programs("ksshaskpass", "ssh-askpass");
    expect(nextOf({ SSH_ASKPASS: OURS, PATH: `/nowhere:${folder}` })).toBe(join(folder, "ssh-askpass"));
  });

  it("is never muxguard-askpass, whatever it is called", () => {
    const folder = programs("muxguard-askpass", "ksshaskpass");
    symlinkSync(join(folder, "muxguard-askpass"), join(folder, "ssh-askpass"));
    expect(nextOf({ SSH_ASKPASS: join(folder, "ssh-askpass"), PATH: folder })).toBe(
      join(folder, "ksshaskpass"),
    );
    expect(nextOf({ SSH_ASKPASS: "muxguard-askpass", PATH: folder })).toBe(join(folder, "ksshaskpass"));
  });

  it("is none without a display, even if SSH_ASKPASS_REQUIRE forces muxguard-askpass", () => {
    const environment = { SSH_ASKPASS: OURS, SSH_ASKPASS_REQUIRE: "force", PATH: programs("ssh-askpass") };
    expect(nextAskpass(environment).SSH_ASKPASS).toBeUndefined();
    expect(nextAskpass(environment).SSH_ASKPASS_REQUIRE).toBeUndefined();
  });

  it("is no folder, and nothing that can't be executed", () => {
    const folder = programs("ksshaskpass");
    mkdirSync(join(folder, "ssh-askpass"));
    writeFileSync(join(folder, "lxqt-openssh-askpass"), "");
    expect(nextOf({ SSH_ASKPASS: OURS, PATH: folder })).toBe(join(folder, "ksshaskpass"));
  });
});
