/**
 * What a terminal obeys, in all that a request can bring with it: a question, a list and the log show it, and no
 * screen gets it raw.
 */
import { randomBytes } from "node:crypto";
import { constants, copyFileSync, mkdirSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { addKeys } from "../../lab/agent.ts";
import { MUXGUARD, type Result, until } from "../../lab/lab.ts";
import { HOST, MuxLab } from "../../lab/mux-lab.ts";
import { ASKPASS } from "../../lab/programs.ts";
import { Pty } from "../../lab/terminal/pty.ts";
import { encodeAgentRequest } from "../../src/wire/agent/agent.ts";
import { encodeSshsig, encodeUserauth } from "../../src/wire/signed-data.ts";
import { readBlob } from "../peer/identity/keys.ts";
import { describeWith } from "../peer/tools.ts";
import { AgentClient } from "../support/agent-client.ts";
import { gainNothing } from "./attack.ts";
import { startNamedSsh } from "./named-ssh.ts";

/** Sets the title, moves the cursor, turns the writing round, rings. */
const raw = (mark: string): string[] => [
  `\x1b]0;${mark}`,
  `\x1b[13;37H${mark}`,
  `\u202e${mark}`,
  `\u009b${mark}`,
  `\x07${mark}`,
];
/** Where a line can't be broken, or ssh takes none. */
const evilLine = (mark: string): string => `mg${mark}${raw(mark).join("")}`;
const evil = (mark: string): string => `${evilLine(mark)}\nFAKE${mark}`;

function rawIn(text: string, mark: string): string | undefined {
  const found =
    raw(mark).find((one) => text.includes(one)) ?? new RegExp(`^FAKE${mark}`, "m").exec(text)?.[0];
  return found === undefined ? undefined : JSON.stringify(found);
}

describeWith(["ssh", "sshd", "python"], "a terminal obeys nothing that comes", () => {
  const lab = new MuxLab();
  /** Each for a purpose of its own: what is the same is one question. */
  const keygenFor = (purpose: string): string[] => keygen.map((word) => (word === "file" ? purpose : word));
  const keygen = ["-q", "-Y", "sign", "-n", "file", "-f", lab.path("me@laptop.pub"), lab.sshConfig];
  const muxguard = (...words: string[]): string[] => [process.execPath, MUXGUARD, ...words];
  let key: Buffer;
  /** What was shown of all requests, on all screens; of pending alone. */
  let [shown, pending] = ["", ""];

  const asAgent = async (data: Buffer, of = key, path = lab.agentSocket): Promise<void> => {
    const client = await AgentClient.open(path);
    const request = encodeAgentRequest({ type: "SSH_AGENTC_SIGN_REQUEST", key: of, data, flags: 0 });
    await client.exchange(request).finally(() => client.close());
  };
  const sshsig = (namespace = "file"): Buffer =>
    encodeSshsig({ kind: "sshsig", namespace, hashAlgorithm: "sha256", hash: randomBytes(32) });
  const login = (user: string): Buffer => {
    const fixed = { kind: "userauth", method: "publickey", algorithm: "ssh-ed25519" } as const;
    return encodeUserauth({ ...fixed, sessionIdentifier: randomBytes(32), user, key });
  };
  const run = (command: string, ...words: string[]): Promise<Result> => lab.run(command, words);

  /** By what the text is in: each asks, and waits for its answer. */
  const requests: Record<string, () => Promise<unknown>> = {
    command: () => lab.ssh(HOST, evil("command")),
    user: () => asAgent(login(evil("user"))),
    namespace: () => asAgent(sshsig(evil("namespace"))),
    comment: () => asAgent(sshsig(), readBlob(lab.path("evil.pub"))),
    claim: async () => asAgent(login("me"), key, await startNamedSsh(lab, "--", evil("claim"))),
    folder: () => run("/bin/sh", "-c", `cd mgfolder*; exec ssh-keygen ${keygenFor("folder").join(" ")}`),
    words: () => run("ssh-keygen", ...keygenFor("words"), evil("words")),
    program: () => run(lab.path(evil("program")), ...keygen),
    scope: () => lab.muxguard("run", "--scope", evil("scope"), "--", "ssh-keygen", ...keygen),
    variable: () => lab.ssh(`-oSetEnv="${evilLine("variable")}=1"`, HOST, "true"),
    forward: () => lab.ssh("-O", "forward", "-L", `${lab.path(evilLine("forward"))}:localhost:1`, HOST),
    prompt: () =>
      lab.run(ASKPASS, [`Allow shared connection to ${evil("prompt")}? `], {
        environment: { SSH_ASKPASS_PROMPT: "confirm", SSH_ASKPASS_REQUIRE: "force" },
      }),
  };

  beforeAll(async () => {
    lab.settings('approvers = ["queue", "terminal"]\nmax_questions = 30\n');
    lab.policy(`default = "ask"\n[[rule]]\nhost = "${HOST}"\non = ["sign"]\naction = "allow"\n`);
    await lab.open();
    await lab.startMaster();
    key = readBlob(lab.path("me@laptop.pub"));
    addKeys(lab.path("upstream.sock"), lab.key("evil", "-C", evilLine("comment")));
    mkdirSync(lab.path(evil("folder")));
    copyFileSync("/usr/bin/ssh-keygen", lab.path(evil("program")), constants.COPYFILE_FICLONE);
    const watch = new Pty(lab, ...muxguard("watch"));
    watch.resize(60, 250);
    await watch.shows("nothing waits");
    const asking = Object.values(requests).map((request) => request().catch(() => {}));
    await lab.pending(asking.length);
    await until(() => watch.text.includes("mgcommand") || watch.text.includes("mguser"), "watch");
    const before = await Promise.all(["pending", "status"].map((command) => lab.muxguard(command)));
    pending = before[0]?.stdout ?? "";
    await lab.muxguard("lock");
    const results = (await Promise.all(asking)) as (Partial<Result> | undefined)[];
    await lab.muxguard("unlock");
    const after = await lab.muxguard("log");
    const said = [...before, after, ...results].map((result) => `${result?.stdout}\n${result?.stderr}`);
    // a new line is where the cursor stands, on a screen that is drawn as a whole
    shown = [...said, lab.told, watch.text.replaceAll("\nFAKE", "")].join("\n");
  });
  afterAll(() => lab.close());

  gainNothing({
    ...Object.fromEntries(
      Object.keys(requests).map((mark) => [
        `in its ${mark}, in questions, lists, the log and on stderr`,
        async () => ({ tried: pending.includes(`mg${mark}`), gained: rawIn(shown, mark) }),
      ]),
    ),
    "in all of a run at once, on its own terminal": async () => {
      const line = `cd mgfolder*; ssh-keygen ${keygen.join(" ")} '${evilLine("words")}'`;
      const words = muxguard("run", "--scope", evil("scope"), "--", "/bin/sh", "-c", line);
      const terminal = new Pty(lab, ...words);
      terminal.resize(60, 200);
      await terminal.shows("Allow it?");
      const marks = ["folder", "scope", "words"];
      const isShown = (): boolean => marks.every((mark) => terminal.text.includes(`mg${mark}`));
      const turn = async (): Promise<boolean> => {
        terminal.type("\x1b[6~"); // PgDn, to all there is to say
        return isShown();
      };
      await until(turn, "all of the question", 20_000, 200);
      await lab.muxguard("lock");
      await terminal.end();
      await lab.muxguard("unlock");
      return {
        tried: isShown(),
        gained: marks.map((mark) => rawIn(terminal.text, mark)).find(Boolean),
      };
    },
    "in the name of a control socket": async () => {
      const path = lab.path(`sockets/${evilLine("socket")}`);
      const { code } = await lab.ssh("-M", "-N", "-f", "-S", path, HOST);
      let said = "";
      const isTold = async (): Promise<boolean> => {
        const { stdout } = await lab.muxguard("status");
        said = stdout;
        return said.includes("mgsocket");
      };
      await until(isTold, "its adoption", 20_000, 100);
      return { tried: code === 0, gained: rawIn(said + lab.told, "socket") };
    },
    "in what commands are given": async () => {
      const word = evil("word");
      const commands = [
        ["adopt", lab.path(word)],
        ["close", word],
        ["open", word],
        ["approve", word],
        ["forget", word],
        ["log", "--since", word],
        ["run", "--policy", evilLine("word"), "--", "true"],
        ["run", "--", word],
        [evilLine("word")],
      ];
      const results = await Promise.all(commands.map((words) => lab.muxguard(...words)));
      const said = results.map(({ stdout, stderr }) => stdout + stderr);
      return {
        tried:
          results.every(({ code }) => code !== 0) && said.filter((one) => one.includes("mgword")).length > 4,
        gained: said.map((one) => rawIn(one, "word")).find(Boolean),
      };
    },
  });
});
