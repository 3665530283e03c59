/** One act of a user's is one question, although ssh logs in, makes a master and opens a session for it. */
import { afterEach, expect, it } from "vitest";
import { until } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { opened, QUEUE } from "../opened.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], 'with default = "ask", ControlMaster auto and ControlPersist', () => {
  const lab = opened(new MuxLab(), 'default = "ask"\n', QUEUE);
  afterEach(() => lab.endMasters());

  /**
   * Runs a line of sh, approves each question as it comes, as long as it lasts but for once where that is
   * said, and returns the kinds of them.
   */
  const approving = async (line: string, ...length: string[]) => {
    const asked: string[] = [];
    let ended = false;
    const { result, events } = await lab.logged(async () => {
      const running = lab.shell(`ssh="$ssh -o ControlPersist=60"; ${line}`).finally(() => {
        ended = true;
      });
      while (!ended) {
        const { stdout } = await lab.muxguard("pending", "--json");
        for (const { id, request } of stdout
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line))) {
          asked.push(request.kind);
          await lab.muxguard("approve", id, ...length);
        }
      }
      return running;
    });
    return { result, events, asked };
  };

  it("a fresh ssh asks once, and its own session not again", async () => {
    const { result, asked, events } = await approving(`$ssh ${HOST} echo in`);
    expect(result).toMatchObject({ code: 0, stdout: "in\n", stderr: "" });
    expect(asked).toEqual(["sign"]);
    expect(events.every(({ decision }) => decision === "allow")).toBe(true);
    await until(() => lab.isAdopted(), "the adoption");
  });

  const SESSIONS = `for word in one one two; do $ssh ${HOST} echo $word; done; LC_X=1 $ssh -o SendEnv=LC_X ${HOST} echo two; $ssh -s ${HOST} sftp < /dev/null`;

  it("a session of another process asks, and the others of its kind do not", async () => {
    await approving(`$ssh ${HOST} true`, "--once");
    await until(() => lab.isAdopted(), "the adoption");
    const { result, asked, events } = await approving(SESSIONS);
    expect(result.stdout.replaceAll("\r", "")).toMatch(/^one\none\ntwo\ntwo\n/);
    expect(asked).toEqual(["session"]);
    const covered = { kind: "session", decision: "allow", by: `grant:${events[0]?.id}` };
    expect(events.slice(1)).toMatchObject([covered, covered, covered, covered]);
  });

  it("each session of another process asks, where the answers are for once", async () => {
    await approving(`$ssh ${HOST} true`, "--once");
    await until(() => lab.isAdopted(), "the adoption");
    const { result, asked } = await approving(SESSIONS, "--once");
    expect(result.stdout.replaceAll("\r", "")).toMatch(/^one\none\ntwo\ntwo\n/);
    expect(asked).toEqual(["session", "session", "session", "session", "session"]);
  });

  it("a login that is approved for a while covers plain sessions of the same programs, and no more", async () => {
    const adopted = `until ls ${lab.sockets}/.muxguard/* > /dev/null 2>&1; do sleep 0.01; done`;
    const { result, asked, events } = await approving(
      [
        `$ssh ${HOST} true; ${adopted}`,
        `$ssh ${HOST} echo one; $ssh ${HOST} echo two; $ssh -s ${HOST} sftp < /dev/null`,
        `perl -e 'system(@ARGV)' $ssh ${HOST} echo three; $ssh -A ${HOST} echo four`,
        `$ssh -O forward -L ${lab.path("forward.sock")}:localhost:1 ${HOST}`,
      ].join("; "),
    );
    expect(result.stdout.replaceAll("\r", "")).toMatch(/^one\ntwo\nthree\nfour\n/);
    expect(asked).toEqual(["sign", "session", "session", "forward"]);
    const covered = { kind: "session", by: `grant:${events[0]?.id}` };
    expect(events.slice(1, 4)).toMatchObject([covered, covered, covered]);
  });

  it("a question that is denied for a login leaves nothing behind", async () => {
    const connecting = lab.ssh(HOST, "true");
    const [question] = await lab.pending();
    await lab.muxguard("deny", question?.id ?? "");
    expect(await connecting).toMatchObject({ code: 255, stdout: "" });
    expect(lab.isAdopted()).toBe(false);
  });
});
