/** `muxguard policy check`, as a person or an editor starts it. */
import { readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh"], "muxguard policy check", () => {
  const lab = new Lab();
  afterAll(() => lab.close());

  it("exits with 0 where all is well, and says what is asked about in doubt", async () => {
    lab.policy('default = "allow"\n[[rule]]\nname = "no prod"\nhost = ["prod", "db"]\naction = "deny"\n');
    const { code, stdout } = await lab.muxguard("policy", "check");
    expect(stdout).toMatch(/policy\.toml:4:1: note: .* asked about where the default would allow it\n/);
    expect(stdout).toMatch(/ 0 mistakes, 0 warnings\n$/);
    expect(code).toBe(0);
  });

  it("knows the hosts of known_hosts and ssh_config, plain or hashed, and says what was meant", async () => {
    const key = readFileSync(`${lab.key("host")}.pub`, "utf8")
      .split(" ")
      .slice(0, 2)
      .join(" ");
    lab.hosts.know("alpha.example,[beta.example]:2222", key);
    lab.hosts.know("hidden.example", key, true);
    lab.host("gamma", ["HostName alpha.example"]);
    lab.host("web*", ["HostName alpha.example"]);
    const names = ["alpha.example", "gamma", "web7", "hidden.example", "alhpa.example", "delta"];
    lab.policy(
      `[[rule]]\naction = "allow"\nhost = ${JSON.stringify(names)}\n[[rule]]\naction = "allow"\nhost = "beta.example"\nport = 2222\n`,
    );
    const { code, stdout } = await lab.muxguard("policy", "check");
    expect(stdout.split("\n").slice(0, -2)).toEqual([
      expect.stringMatching(
        /policy\.toml:3:1: warning: host "alhpa.example" .* did you mean "alpha\.example"\?$/,
      ),
      expect.stringMatching(/policy\.toml:3:1: note: host "delta" is in no known_hosts and no ssh_config/),
    ]);
    expect(code).toBe(1);
  });

  it("prints objects for other programs", async () => {
    lab.policy('[[rule]]\nname = "a"\nuser = "a@b"\naction = "allow"\n');
    const { code, stdout } = await lab.muxguard("policy", "check", "--json");
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      {
        kind: "warning",
        file: lab.path("config/muxguard/policy.toml"),
        line: 3,
        column: 1,
        rule: "a",
        field: "user",
      },
    ]);
    expect(code).toBe(1);
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
