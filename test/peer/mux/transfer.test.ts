/**
 * What goes through sessions of a guarded control socket arrives byte by byte: 64 MiB in both directions, by
 * all the programs that ride on ssh.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { describeWith } from "../tools.ts";

const SIZE = 64 * 1024 * 1024;

describeWith(["ssh", "sshd", "git", "rsync"], "a transfer over a guarded control socket", () => {
  const lab = new MuxLab();
  const data = randomBytes(SIZE);
  beforeAll(async () => {
    lab.policy('default = "deny"\n[[rule]]\nname = "sessions"\non = ["session", "sign"]\naction = "allow"\n');
    writeFileSync(lab.path("data"), data);
    await lab.open();
    await lab.startMaster();
  });
  afterEach(() => rmSync(lab.path("copy"), { force: true }));
  afterAll(() => lab.close());

  const [there, copy] = [`${HOST}:${lab.path("data")}`, lab.path("copy")];
  const commands: Record<string, string> = {
    "ssh to here": `$ssh ${HOST} cat ${lab.path("data")} > copy`,
    "ssh to there": `$ssh ${HOST} 'cat > ${copy}' < data`,
    "ssh there and back": `$ssh ${HOST} cat < data > copy`,
    "ssh through pipes": `cat data | $ssh ${HOST} cat | cat > copy`,
    "scp to here": `scp -q -F ssh_config ${there} copy`,
    "scp to there": `scp -q -F ssh_config data ${HOST}:${copy}`,
    "scp in its old protocol": `scp -O -q -F ssh_config data ${HOST}:${copy}`,
    "sftp to here": `echo 'get ${lab.path("data")} ${copy}' | sftp -q -F ssh_config -b - ${HOST}`,
    "sftp to there": `echo 'put data ${copy}' | sftp -q -F ssh_config -b - ${HOST}`,
    "rsync to here": `rsync -e "$ssh" ${there} copy`,
    "rsync to there": `rsync -e "$ssh" data ${HOST}:${copy}`,
  };

  it.each(Object.entries(commands))(
    "by %s is complete, and needs no connection of its own",
    async (_, line) => {
      const connections = lab.connections();
      const { result, events } = await lab.logged(() => lab.shell(line));
      expect(result).toMatchObject({ code: 0, stderr: "" });
      expect(readFileSync(copy).equals(data)).toBe(true);
      expect(events).toMatchObject([{ kind: "session", decision: "allow", by: "rule:sessions", host: HOST }]);
      expect(lab.connections()).toBe(connections);
    },
  );

  it("by git is complete: clone, push and fetch", async () => {
    writeFileSync(
      lab.path("gitconfig"),
      "[user]\nname = Me\nemail = me@example\n[init]\ndefaultBranch = main\n[core]\ncompression = 0\n",
    );
    Object.assign(lab.environment, {
      GIT_CONFIG_GLOBAL: lab.path("gitconfig"),
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_SSH_COMMAND: `ssh -F ${lab.sshConfig}`,
    });
    const store = lab.path("store.git");
    const first = `git init -q --bare ${store} && git clone -q ${HOST}:${store} work`;
    const commit = "cp data work/data && git -C work add data && git -C work commit -q -m first";
    const more = "git -C work push -q origin main && git clone -q --no-checkout";
    const connections = lab.connections();
    const { result, events } = await lab.logged(() =>
      lab.shell(`${first} && ${commit} && ${more} ${HOST}:${store} fetched && git -C fetched fetch -q`),
    );
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(await lab.shell("git -C fetched show origin/main:data | cmp - data")).toMatchObject({ code: 0 });
    const commands = events.map(({ command }) => command?.replace(/ .*/, ""));
    expect(commands).toEqual(["git-upload-pack", "git-receive-pack", "git-upload-pack", "git-upload-pack"]);
    expect(lab.connections()).toBe(connections);
  });
});
