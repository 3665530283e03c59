/** A master's process: a stub answers at the socket, and names a process that a test ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Master, type MasterParts } from "../../src/masters/master.ts";
import { ProcessTable } from "../../src/platform/proc/process.ts";
import { HiddenSocket, listenAtControlPath } from "../../src/platform/sockets/control-socket.ts";
import type { DescriptorSocket } from "../../src/platform/sockets/descriptor-socket.ts";
import { FrameDecoder } from "../../src/wire/frame.ts";
import { parseMuxRequest } from "../../src/wire/mux/request.ts";
import { makeFolder } from "../support/agents.ts";
import { eventually, replyPacket } from "../support/mux-guard.ts";

interface Stub {
  parts: MasterParts;
  /** Who answers as the master; asked anew each time. */
  process: ChildProcess;
  probes: number;
  close(): void;
}

function start(): ChildProcess {
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 1e6)"], { stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function stub(check: MasterParts["check"] = () => {}): Promise<Stub> {
  const path = join(makeFolder(), "s");
  const table = new ProcessTable();
  onTestFinished(() => table.close());
  const listener = await listenAtControlPath(path, (socket) => answer(socket));
  onTestFinished(() => listener.close());
  const all: Stub = {
    parts: {
      hidden: HiddenSocket.at(path),
      check,
      identify: (pid) => table.read(pid),
      whereabouts: async () => ({ path: [], forwarded: false }),
    },
    process: start(),
    probes: 0,
    close: () => listener.close(),
  };
  const answer = (socket: DescriptorSocket): void => {
    const decoder = new FrameDecoder();
    all.probes++;
    socket.send(replyPacket({ type: "MUX_MSG_HELLO", version: 4, extensions: [] }));
    const { pid = 0 } = all.process;
    const take = (payload: Buffer): void => {
      const request = parseMuxRequest(payload);
      if (request.type === "MUX_C_ALIVE_CHECK")
        socket.send(replyPacket({ type: "MUX_S_ALIVE", requestId: request.requestId, pid }));
    };
    socket.listen({
      receive: (bytes) => {
        for (const { payload } of decoder.push(bytes)) take(payload);
      },
      closed: () => {},
    });
  };
  return all;
}

function listening(master: Master): string[] {
  const seen: string[] = [];
  master.listen({
    stopped: () => void seen.push("stopped"),
    moved: ({ pid }) => void seen.push(`moved from ${pid}`),
    ended: () => void seen.push("ended"),
  });
  return seen;
}

describe("a master whose process ends", () => {
  it("has ended where nobody answers any more", async () => {
    const all = await stub();
    const master = await Master.greet(all.parts);
    const seen = listening(master);
    all.close();
    all.process.kill("SIGKILL");
    await eventually(() => seen.length === 2);
    expect(seen).toEqual(["stopped", "ended"]);
    expect(master.hasStopped).toBe(true);
  });

  it("goes on as the process that answers now: ssh went to the background late", async () => {
    const all = await stub();
    const master = await Master.greet(all.parts);
    const seen = listening(master);
    const parent = all.process;
    expect(master.pid).toBe(parent.pid);
    all.process = start();
    parent.kill("SIGKILL");
    await eventually(() => seen.length === 1);
    expect(seen).toEqual([`moved from ${parent.pid}`]);
    expect(master.pid).toBe(all.process.pid);
    expect(master.hasStopped).toBe(false);
    // and that one's end is the master's
    all.close();
    all.process.kill("SIGKILL");
    await eventually(() => seen.includes("ended"));
  });

  it("is followed also while its first process lives on, as a client of its child", async () => {
    const all = await stub();
    const master = await Master.greet(all.parts);
    const seen = listening(master);
    const parent = all.process;
    all.process = start();
    await Promise.all([master.follow(), master.follow()]);
    expect(seen).toEqual([`moved from ${parent.pid}`]);
    expect(all.probes).toBe(2); // once for both
    parent.kill("SIGKILL");
    await new Promise((resolve) => parent.once("exit", resolve));
    await master.follow();
    expect(seen).toHaveLength(1);
  });

  it("is not followed to a process that it must not be", async () => {
    let isRight = true;
    const all = await stub(() => {
      if (!isRight) throw new Error("not ssh");
    });
    const master = await Master.greet(all.parts);
    const seen = listening(master);
    isRight = false;
    const parent = all.process;
    all.process = start();
    parent.kill("SIGKILL");
    await eventually(() => seen.length === 2);
    expect(seen).toEqual(["stopped", "ended"]);
  });
});

describe("a master that is found", () => {
  it("is asked again if it hands the socket to its child while it is looked at", async () => {
    const first: { all?: Stub; child?: ChildProcess } = {};
    const all = await stub((pid) => {
      if (pid !== first.child?.pid) {
        if (first.all && first.child) first.all.process = first.child;
        throw new Error("it does not listen there");
      }
    });
    first.all = all;
    first.child = start();
    expect((await Master.greet(all.parts)).pid).toBe(first.child.pid);
  });

  it("is none where the wrong one answers each time", async () => {
    const all = await stub(() => {
      throw new Error("not ssh");
    });
    await expect(Master.greet(all.parts)).rejects.toThrow("not ssh");
  });

  it("is not signalled under a pid that is another process's by now", async () => {
    const all = await stub();
    const { identify } = all.parts;
    let isOther = false;
    const parts: MasterParts = {
      ...all.parts,
      identify: (pid) => ({ ...identify(pid), ...(isOther && { startTime: "1" }) }),
    };
    const master = await Master.greet(parts);
    const seen = listening(master);
    isOther = true;
    const ending = master.end();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(all.process.signalCode).toBeNull();
    isOther = false;
    all.close();
    await ending;
    expect(seen).toContain("ended");
  });
});
