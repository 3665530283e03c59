/**
 * The recipe for an agent, its scope and its policy as they are printed: with real git in a ride. What confines
 * it is tested elsewhere; it is left out here.
 */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Result } from "../../../lab/lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { blockWith } from "../../docs/documents.ts";
import { describeWith } from "../tools.ts";
import { asPrinted, fetch, openWithRepository, push } from "./repository.ts";

const PRODUCTION = "prod-db";

describeWith(["ssh", "sshd", "git"], "the recipe for an agent", () => {
  const lab = new OpenLab();
  beforeAll(async () => {
    await openWithRepository(lab);
    lab.host(PRODUCTION, ["ControlPath none"]);
    await lab.startServer(PRODUCTION, lab.path("me@laptop"));
    lab.hosts.knowAddresses();
    lab.settings(`approvers = ["queue"]\n${blockWith("[scope.agent]\nride")}`); // scopes are read by the run
    const policy = asPrinted('name    = "git fetch"');
    writeFileSync(lab.path("config/muxguard/agent.toml"), policy, { mode: 0o600 });
    lab.policy('default = "deny"\n'); // not this one
  });
  afterAll(() => lab.close());

  const inAgent = (line: string): Promise<Result> =>
    lab.muxguard("run", "--scope", "agent", "--no-confine", "--", "/bin/sh", "-c", line);

  it("lets git fetch without a question", async () => {
    const { result, events } = await lab.logged(() => inAgent(fetch));
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(events).toContainEqual(expect.objectContaining({ kind: "session", by: "rule:git fetch" }));
    expect(events.map(({ decision }) => decision)).not.toContain("deny");
  });

  it("asks about each push, and shows what is pushed to", async () => {
    const pushing = inAgent(push);
    const [question] = await lab.pending();
    expect(question).toMatchObject({
      because: "rule:git push",
      request: { kind: "session", command: expect.stringMatching(/^git-receive-pack '.*store\.git'$/) },
      choices: ["once"],
    });
    await lab.muxguard("approve", question?.id ?? "");
    const { code, stderr } = await pushing;
    expect(code, stderr).toBe(0);
  });

  it("denies production by each of its names, and by its address", async () => {
    const address = `-p ${lab.portOf(PRODUCTION)} 127.0.0.1`;
    const { result, events } = await lab.logged(() =>
      inAgent(`ssh ${PRODUCTION} true; echo $?; ssh ${address} true; echo $?`),
    );
    expect(result.stdout).toBe("255\n255\n");
    const denied = { kind: "connect", decision: "deny", by: "rule:production is not for agents" };
    expect(events).toMatchObject([denied, denied]);
  });

  it("lets commits be signed, and nothing else", async () => {
    const policy = lab.path("config/muxguard/agent.toml");
    const signing = `-c gpg.format=ssh -c user.signingKey=${lab.path("me@laptop.pub")}`;
    const line = `git -C work ${signing} commit -q -S --allow-empty -m signed && git -C work cat-file commit HEAD`;
    const { result, events } = await lab.logged(() =>
      lab.muxguard("run", "--policy", policy, "--", "/bin/sh", "-c", line),
    );
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(result.stdout).toContain("BEGIN SSH SIGNATURE");
    expect(events).toMatchObject([{ kind: "sign", namespace: "git", by: "rule:commits are signed" }]);
  });
});
