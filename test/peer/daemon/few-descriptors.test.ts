/** A daemon with few file descriptors: who is let in is served, and who is not hears of it, with the reason. */
import type { ChildProcess } from "node:child_process";
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Lab, until } from "../../../lab/lab.ts";
import { endOf } from "../../../lab/processes.ts";
import { FrameDecoder } from "../../../src/wire/frame.ts";
import { encodeSshsig } from "../../../src/wire/signed-data.ts";
import { packet } from "../../support/agent-client.ts";
import { readBlob } from "../identity/keys.ts";
import { describeWith } from "../tools.ts";

const CLIENTS = 300;
const [FAILURE, LISTED, SIGNED] = [5, 12, 14];
const LACKS = /^no file descriptor is left for one more client: (64|256) are the most, see ulimit -n/;

/** What a client has got: the numbers of answers, and whether it was cut off. */
interface Got {
  answers: number[];
  isOver: boolean;
}

describeWith(["ssh"], "a daemon", () => {
  const lab = new Lab();
  const keyFile = lab.key("me");
  const list = packet({ type: "SSH_AGENTC_REQUEST_IDENTITIES" });
  const requests = [
    list,
    packet({
      type: "SSH_AGENTC_SIGN_REQUEST",
      key: readBlob(`${keyFile}.pub`),
      data: encodeSshsig({
        kind: "sshsig",
        namespace: "other",
        hashAlgorithm: "sha256",
        hash: Buffer.alloc(32),
      }),
      flags: 0,
    }),
  ];
  const held: Socket[] = [];

  beforeAll(async () => {
    await lab.startAgent("upstream.sock", keyFile);
    lab.policy('default = "allow"\n[[rule]]\nnamespace = "file"\naction = "ask"\nremember = "never"\n');
  });
  afterAll(() => lab.close());

  const letGo = (): void => held.splice(0).forEach((socket) => void socket.destroy());

  /** They stay, whether they are answered or not. */
  const clients = (path: string, count: number, sent: Buffer): Got[] =>
    Array.from({ length: count }, () => {
      const socket = connect(path);
      const [got, decoder] = [{ answers: [], isOver: false } as Got, new FrameDecoder()];
      held.push(socket);
      socket.on("connect", () => socket.write(sent)).on("error", () => {});
      socket.on("data", (chunk) => {
        if (sent.length > 0) got.answers.push(...decoder.push(chunk).map(({ payload }) => payload[0] ?? 0));
      });
      socket.on("close", () => {
        got.isOver = true;
      });
      return got;
    });

  const agent = () => ({ SSH_AUTH_SOCK: lab.agentSocket });
  const add = () => lab.run("ssh-add", ["-l"], { environment: agent() });
  const sign = () =>
    lab.run("ssh-keygen", ["-Y", "sign", "-n", "file", "-f", `${keyFile}.pub`], {
      environment: agent(),
      input: "some text\n",
    });

  describe.each([64, 256])("that may have %i descriptors", (most) => {
    let daemon: ChildProcess;
    beforeEach(async () => {
      daemon = await lab.startDaemon(most);
    });
    afterEach(async () => {
      letGo();
      await endOf(daemon);
    });

    it(`serves as many of ${CLIENTS} clients as it can, and tells the others that it doesn't`, async () => {
      const before = lab.log().length;
      const all = clients(lab.agentSocket, CLIENTS, Buffer.concat(requests));
      const isServed = ({ answers }: Got): boolean => answers.join() === `${LISTED},${SIGNED}`;
      const isRefused = ({ answers, isOver }: Got): boolean =>
        isOver && answers.every((answer) => answer === FAILURE);
      const settled = (): number => all.filter((one) => isServed(one) || isRefused(one)).length;
      await until(
        () => settled() === CLIENTS,
        () => `${settled()} of ${CLIENTS} clients`,
      );
      const served = all.filter(isServed).length;
      expect(served).toBeGreaterThan(most / 16);
      expect(all.filter(isRefused).length).toBe(CLIENTS - served);
      // a real client hears of it, once there is no room at all; and the user's own commands go on
      let real = await add();
      while (real.code === 0) {
        clients(lab.agentSocket, 1, list);
        real = await add();
      }
      expect(real).toMatchObject({ code: 1, stderr: expect.stringContaining("refused") });
      const { code, stdout } = await lab.muxguard("status");
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringMatching(/\nwrong +a connection was refused: no file/),
      });
      const entries = lab.log().slice(before);
      expect(entries.filter(({ kind }) => kind === "sign")).toHaveLength(served);
      const told = entries.filter(({ by }) => by === "fault:descriptors");
      expect(told).toHaveLength(5);
      for (const { reason } of told) expect(reason).toMatch(LACKS);
      expect(entries.filter(({ decision }) => decision === "deny")).toHaveLength(told.length);

      letGo();
      await until(async () => (await add()).code === 0, "a client that is served again");
    });

    it("can be answered while clients have all that is theirs", async () => {
      const signing = sign();
      const [question] = await lab.pending();
      const all = clients(lab.agentSocket, CLIENTS, list);
      await until(() => all.every(({ answers, isOver }) => isOver || answers.length > 0), "all clients");
      expect(await lab.muxguard("approve", question?.id ?? "", "--once")).toMatchObject({ code: 0 });
      expect(await signing).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("BEGIN SSH SIGNATURE"),
      });
    });

    it("says why to a command for which there is none", async () => {
      clients(lab.daemonSocket, CLIENTS, Buffer.alloc(0));
      const told = {
        code: 1,
        stdout: "",
        stderr: expect.stringMatching(/^muxguard: no file descriptor is left/),
      };
      await until(async () => (await lab.muxguard("status")).code === 1, "a command that is refused");
      expect(await lab.muxguard("status")).toMatchObject(told);
      letGo();
      await until(async () => (await lab.muxguard("status")).code === 0, "a command that is served again");
    });
  });
});
