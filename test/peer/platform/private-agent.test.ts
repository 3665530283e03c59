/** An ssh-agent of the guard's own: the real one, started in a folder of the test. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { startPrivateAgent } from "../../../src/platform/sockets/private-agent.ts";
import { encodeAgentRequest, parseAgentReply } from "../../../src/wire/agent/agent.ts";
import { encodeFrame, FrameDecoder } from "../../../src/wire/frame.ts";
import { makeFolder } from "../../support/agents.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const LIST = encodeFrame(encodeAgentRequest({ type: "SSH_AGENTC_REQUEST_IDENTITIES" })).packet;

async function answerOf(socket: Socket): Promise<string> {
  socket.write(LIST);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  const [frame] = new FrameDecoder().push(chunk);
  return frame ? parseAgentReply(frame.payload).type : "a part of an answer";
}

/** The ssh-agents that listen at a path which begins so. */
function agentsIn(folder: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && commandLine(pid).some((word) => word.startsWith(`${folder}/`)))
    .filter((pid) => nameOf(pid) === "ssh-agent");
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // it has ended
  }
}

function nameOf(pid: number): string {
  try {
    const [, name, state] = /\((.*)\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return state === "Z" ? "" : (name ?? "");
  } catch {
    return "";
  }
}

const gone = (folder: string): Promise<void> =>
  vi.waitFor(() => expect(agentsIn(folder)).toEqual([]), { timeout: 5000 });

/** Has a script stand in the way of ssh-agent: "$agent" is the real one. */
function wrapAgent(script: string): void {
  const folder = makeFolder();
  const agent = execFileSync("/bin/sh", ["-c", "command -v ssh-agent"], { encoding: "utf8" }).trim();
  writeFileSync(join(folder, "ssh-agent"), `#!/bin/sh\nagent=${agent}\n${script}\n`);
  chmodSync(join(folder, "ssh-agent"), 0o755);
  vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
}

describe("a private agent", () => {
  test("answers over a socket that has no name", async () => {
    const folder = makeFolder();
    const agent = await startPrivateAgent(folder);
    onTestFinished(() => agent.close());
    expect(readdirSync(folder)).toEqual([]);
    expect(await answerOf(agent.connect())).toBe("SSH_AGENT_IDENTITIES_ANSWER");
  });

  test("ends at once when it is closed, by a signal to no number", async () => {
    const folder = makeFolder();
    const kill = vi.spyOn(process, "kill");
    const agent = await startPrivateAgent(folder);
    expect(agentsIn(folder)).toHaveLength(1);
    agent.close();
    // by itself it would look after its command only every 10 seconds
    await gone(folder);
    expect(kill).not.toHaveBeenCalled();
  });

  test("may have ended before it is closed", async () => {
    const folder = makeFolder();
    const agent = await startPrivateAgent(folder);
    process.kill(agentsIn(folder)[0] ?? 0, "SIGKILL");
    await gone(folder);
    agent.close();
  });
});

describe("a private agent that does not start is told of, and leaves nothing:", () => {
  const failure = async (folder: string): Promise<string> => {
    const error = await startPrivateAgent(folder).catch((fault: Error) => fault);
    expect(readdirSync(folder)).toEqual([]);
    return error instanceof Error ? error.message : "it started";
  };

  test("there is no ssh-agent", async () => {
    vi.stubEnv("PATH", makeFolder());
    expect(await failure(makeFolder())).toBe("ssh-agent did not start: spawn ssh-agent ENOENT");
  });

  test("it ends by itself", async () => {
    wrapAgent("exit 1");
    expect(await failure(makeFolder())).toBe("ssh-agent did not start");
  });

  test("it binds no socket", async () => {
    wrapAgent('echo "$$"; exec cat');
    expect(await failure(makeFolder())).toMatch(/ENOENT.*agent-/);
  });

  test("somebody who watches the folder connected to it, and would have been let in", async () => {
    const folder = makeFolder();
    const connected = join(makeFolder(), "connected");
    // the few milliseconds, drawn out until the stranger is there
    wrapAgent(
      `sock="$2"; shift 2; exec "$agent" -a "$sock" /bin/sh -c 'until [ -e ${connected} ]; do :; done; exec "$@"' sh "$@"`,
    );
    const starting = failure(folder);
    const path = await vi.waitFor(() => {
      const [home = ""] = readdirSync(folder);
      expect(readdirSync(join(folder, home))).toEqual(["s"]);
      return join(folder, home, "s");
    });
    const stranger = connect(path);
    onTestFinished(() => void stranger.destroy());
    await once(stranger, "connect");
    writeFileSync(connected, "");
    expect(await starting).toMatch(/another process connected to the private agent/);
    await gone(folder);
  });
});
