/** The README's policy for a ride, as it is printed: git may fetch, and nothing else. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { OpenLab } from "../../../lab/open-lab.ts";
import { describeWith } from "../tools.ts";
import { asPrinted, fetch, HOST, openWithRepository, push } from "./repository.ts";

describeWith(["ssh", "sshd", "git"], "the policy of the README for a ride", () => {
  const lab = new OpenLab();
  beforeAll(async () => {
    await openWithRepository(lab);
    lab.policy(asPrinted('on     = ["connect"]'));
  });
  afterAll(() => lab.close());

  it("lets git fetch, over a login of the guard's own", async () => {
    const { result, events } = await lab.logged(() => lab.ride(fetch));
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(events.map(({ kind, decision }) => `${decision} ${kind}`)).toContain("allow session");
  });

  it("lets git not push, nor ssh run anything, nor another host be opened", async () => {
    const { stdout } = await lab.ride(`${push}; echo $?; ssh ${HOST} id; echo $?; ssh prod.example; echo $?`);
    expect(stdout).toBe("128\n255\n255\n");
    const denied = lab.log().filter(({ decision }) => decision === "deny");
    expect(denied.map(({ kind, host }) => `${kind} ${host}`)).toEqual([
      `session ${HOST}`,
      `session ${HOST}`,
      "connect prod.example",
    ]);
  });
});
