/** The policies of the documents, as they are printed, do what is said of them: with real git over real ssh. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addKeys } from "../../../lab/agent.ts";
import { AskpassLab } from "../../../lab/askpass-lab.ts";
import type { Result } from "../../../lab/lab.ts";
import { MuxLab } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { blockWith } from "../../docs/documents.ts";
import { describeWith } from "../tools.ts";
import { asPrinted, fetch, HOST, openWithRepository, push } from "./repository.ts";

describeWith(["ssh", "sshd", "git"], "the policy of the README", () => {
  describe("for a shared connection", () => {
    const lab = new OpenLab();
    beforeAll(async () => {
      await openWithRepository(lab);
      lab.policy('default = "allow"\n');
      const { code, stderr } = await lab.muxguard("open", HOST);
      if (code !== 0) throw new Error(stderr);
      lab.policy(`default = "deny"\n${asPrinted('"fetching over a shared connection"')}`);
    });
    afterAll(() => lab.close());

    it("lets git fetch", async () => {
      const { result, events } = await lab.logged(() => lab.shell(fetch));
      expect(result, result.stderr).toMatchObject({ code: 0 });
      expect(events).toMatchObject([{ kind: "session", by: "rule:fetching over a shared connection" }]);
    });

    it("lets git not push, nor another program fetch", async () => {
      const other = `ssh -F ${lab.sshConfig} ${HOST} git-upload-pack store.git`;
      for (const line of [push, other]) {
        const { result, events } = await lab.logged(() => lab.shell(line));
        expect(result.code).not.toBe(0);
        expect(events[0]).toMatchObject({ kind: "session", decision: "deny", by: "default" });
      }
    });
  });

  describe("for logins", () => {
    const lab = new MuxLab();
    beforeAll(async () => {
      await openWithRepository(lab);
      lab.policy(asPrinted('"git at github"'));
      lab.settings('approvers = ["queue"]\n');
    });
    afterAll(() => lab.close());

    it.each([
      ["fetch", fetch],
      ["push", push],
    ])("lets git log in, to %s", async (_, line) => {
      const { result, events } = await lab.logged(() => lab.shell(line));
      expect(result, result.stderr).toMatchObject({ code: 0 });
      expect(events).toMatchObject([{ kind: "sign", by: "rule:git at github", host: HOST }]);
    });

    it.each([
      ["another program", "/bin/sh", "default"],
      ["the scope claude", "claude", "rule:agents ask, and the answer lasts ten minutes"],
    ])("asks for %s", async (_, scope, because) => {
      const command = [lab.path("not-git"), "-F", lab.sshConfig, HOST, "true"];
      lab.script("not-git", '#!/bin/sh\nssh "$@"\nexit $?\n');
      const asking: Promise<Result> = lab.muxguard("run", "--scope", scope, "--", ...command);
      const [question] = await lab.pending();
      expect(question).toMatchObject({ because });
      await lab.muxguard("deny", question?.id ?? "");
      expect(await asking).toMatchObject({ code: 255 });
    });
  });

  describe("for OpenSSH's own questions", () => {
    const lab = new AskpassLab();
    beforeAll(async () => {
      lab.config('approvers = ["queue"]\n');
      lab.policy(`default = "deny"\n${blockWith('on     = ["confirm"]')}`);
      const key = lab.key("me@laptop");
      await lab.startServer(HOST, key);
      addKeys(await lab.startAgent(), "-c", key);
      await lab.startDaemon();
    });
    afterAll(() => lab.close());

    it("asks for ssh-add -c, and not again for the same agent", async () => {
      const login = (): Promise<Result> => lab.run("ssh", ["-F", lab.sshConfig, HOST, "echo in"]);
      const first = login();
      const [question] = await lab.pending();
      expect(question?.request).toMatchObject({ kind: "confirm", key: { comment: "me@laptop" } });
      await lab.muxguard("approve", question?.id ?? "");
      expect(await first).toMatchObject({ code: 0, stdout: "in\n" });
      const { result, events } = await lab.logged(login);
      expect(result).toMatchObject({ code: 0, stdout: "in\n" });
      expect(events).toMatchObject([{ kind: "confirm", by: expect.stringMatching(/^grant:/) }]);
    });
  });
});
