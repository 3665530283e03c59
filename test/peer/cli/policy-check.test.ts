/** `muxguard policy check`, as a person or an editor starts it. */
import { afterAll, describe, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";

describe("muxguard policy check", () => {
  const lab = new Lab();
  afterAll(() => lab.close());

  it("exits with 0 where all is well, and says what is asked about in doubt", async () => {
    lab.policy('default = "allow"\n[[rule]]\nname = "no prod"\nhost = ["prod", "db"]\naction = "deny"\n');
    const { code, stdout } = await lab.muxguard("policy", "check");
    expect(stdout).toMatch(/policy\.toml:4:1: note: .* asked about where the default would allow it\n/);
    expect(stdout).toMatch(/ 0 mistakes, 0 warnings\n$/);
    expect(code).toBe(0);
  });

  it("exits with 1 for what can never match", async () => {
    lab.policy('[[rule]]\nkey = "~/.ssh/id_ed25519"\naction = "allow"\n');
    const { code, stdout } = await lab.muxguard("policy", "check");
    expect(stdout).toMatch(/policy\.toml:2:1: warning: key .* is a path/);
    expect(code).toBe(1);
  });

  it("exits with 78 for mistakes, and tells of all of them", async () => {
    lab.policy('default = "no"\n[[rule]]\nhots = "a"\naction = "allow"\n');
    const { code, stdout } = await lab.muxguard("policy", "check");
    expect(stdout).toMatch(
      /policy\.toml:1:11: .*\n.*policy\.toml:3:1: .*did you mean "host"\?\n.*2 mistakes/,
    );
    expect(code).toBe(78);
  });
});
