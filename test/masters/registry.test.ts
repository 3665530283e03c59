/** Who is behind which control socket: stubs for masters and listeners. */
import { describe, expect, it } from "vitest";
import type { Master, MasterEvents } from "../../src/masters/master.ts";
import { type Book, type GuardedMaster, MasterRegistry } from "../../src/masters/registry.ts";
import type { ControlListener } from "../../src/platform/sockets/placed-listener.ts";

interface StubListener extends ControlListener {
  state: "listens" | "stopped" | "closed";
  /** Another one's socket is at the path now. */
  isReplaced: boolean;
}

function listenerAt(path: string): StubListener {
  const listener: StubListener = {
    path,
    state: "listens",
    isReplaced: false,
    isInPlace: () => listener.state === "listens" && !listener.isReplaced,
    stop: () => {
      listener.state = "stopped";
    },
    close: () => {
      listener.state = "closed";
    },
  };
  return listener;
}

class StubMaster {
  process: { pid: number; startTime: string };
  hasStopped = false;
  done: string[] = [];
  events: MasterEvents | undefined;

  constructor(pid: number) {
    this.process = { pid, startTime: String(pid) };
  }

  get pid(): number {
    return this.process.pid;
  }

  listen(events: MasterEvents): void {
    this.events = events;
  }

  stop(): void {
    this.hasStopped = true;
    this.events?.stopped();
  }

  stopped(): void {
    if (!this.hasStopped) this.stop();
  }

  async end(): Promise<void> {
    this.done.push("end");
    if (!this.hasStopped) this.stop();
    this.events?.ended();
  }

  release(): void {
    this.done.push("release");
  }
}

const listed = (registry: MasterRegistry) =>
  registry.list().map(({ path, origin, master: { pid } }) => ({ path, origin, pid }));

function setting() {
  const kept = new Map<number, string[]>();
  const book: Book = {
    add: ({ pid }) => void kept.set(pid, []),
    addPath: (pid, path) => void kept.get(pid)?.push(path),
    removePath: (pid, path) => {
      const paths = kept.get(pid);
      if (paths?.includes(path)) paths.splice(paths.indexOf(path), 1);
    },
    move: (pid, next) => {
      kept.set(next.pid, kept.get(pid) ?? []);
      kept.delete(pid);
    },
    remove: (pid) => void kept.delete(pid),
  };
  const registry = new MasterRegistry(book);
  const add = (kind: GuardedMaster["kind"], pid: number, paths: string[], host?: string, run?: string) => {
    const stub = new StubMaster(pid);
    const origin = { plain: true };
    const master = stub as unknown as Master;
    const named = {
      ...(host !== undefined && { host }),
      ...(run !== undefined && { inside: run === "" ? {} : { id: run } }),
    };
    const guarded: GuardedMaster = { kind, master, origin, ...named };
    let stops = 0;
    registry.add(guarded, () => stops++);
    const listeners = paths.map(listenerAt);
    for (const listener of listeners) registry.listen(guarded, listener);
    return { stub, guarded, listeners, stops: () => stops };
  };
  return { registry, kept, add };
}

describe("the end of a run", () => {
  it("ends the masters that were made inside of it, whose paths are free, and no others", () => {
    const { registry, kept, add } = setting();
    const ones = [add("adopted", 10, ["/a"], undefined, "a"), add("adopted", 11, ["/b"], undefined, "a")];
    const others = [add("adopted", 20, ["/c"], undefined, "b"), add("adopted", 30, ["/d"])];
    registry.endRun("a");
    for (const { stub, listeners, stops } of ones) {
      expect(stub.done).toEqual(["end"]);
      expect(listeners.map(({ state }) => state)).toEqual(["stopped"]);
      expect(stops()).toBe(1);
    }
    for (const { stub } of others) expect(stub.done).toEqual([]);
    expect([...kept.keys()]).toEqual([20, 30]);
  });
});

describe("the list of masters", () => {
  it("holds adopted and opened ones alike, a line for each path", () => {
    const { registry, add } = setting();
    add("adopted", 10, ["/a"]);
    add("opened", 20, ["/b", "/c"], "prod");
    expect(listed(registry)).toEqual([
      { path: "/a", origin: "adopted", pid: 10 },
      { path: "/b", origin: "opened", pid: 20 },
      { path: "/c", origin: "opened", pid: 20 },
    ]);
  });

  it("names the host of one that nobody listens for now, and none that takes no more clients", () => {
    const { registry, add } = setting();
    const { stub, listeners } = add("opened", 20, ["/b"], "prod");
    for (const listener of listeners) listener.isReplaced = true;
    expect(listed(registry)).toEqual([{ path: "to prod", origin: "opened", pid: 20 }]);
    stub.stop();
    expect(listed(registry)).toEqual([]);
  });

  it("finds the one whose listener is in place: a path may have been another's before", () => {
    const { registry, add } = setting();
    const { listeners } = add("adopted", 10, ["/a"]);
    for (const listener of listeners) listener.isReplaced = true;
    const { guarded } = add("adopted", 11, ["/a"]);
    expect(registry.at("/a")).toBe(guarded);
    expect(registry.at("/b")).toBeUndefined();
  });
});

describe("what is kept for the next guard", () => {
  it("loses each path with its listener, and does not grow", () => {
    const { registry, kept, add } = setting();
    const { guarded, listeners } = add("opened", 20, ["/0"], "prod");
    for (let at = 1; at < 5; at++) {
      registry.listen(guarded, listenerAt(`/${at}`));
      registry.stop(`/${at - 1}`);
    }
    expect(kept).toEqual(new Map([[20, ["/4"]]]));
    expect(listeners[0]?.state).toBe("closed");
  });

  it("loses a path that somebody has taken away", () => {
    const { registry, kept, add } = setting();
    const { guarded, listeners } = add("opened", 20, ["/0"], "prod");
    for (const listener of listeners) listener.isReplaced = true;
    registry.listen(guarded, listenerAt("/1"));
    expect(kept.get(20)).toEqual(["/1"]);
  });

  it("keeps an opened master until it has ended: nobody else can reach it", () => {
    const { kept, add } = setting();
    const { stub, listeners, stops } = add("opened", 20, ["/b"], "prod");
    stub.stop();
    expect(kept).toEqual(new Map([[20, []]]));
    expect(listeners[0]?.state).toBe("stopped"); // sessions go on
    expect(stops()).toBe(1);
    stub.events?.ended();
    expect(kept).toEqual(new Map());
  });

  it("follows a master that forks", () => {
    const { registry, kept, add } = setting();
    const { stub } = add("adopted", 10, ["/a"]);
    const before = stub.process;
    stub.process = { pid: 11, startTime: "11" };
    stub.events?.moved(before);
    expect(kept).toEqual(new Map([[11, ["/a"]]]));
    expect(listed(registry)).toEqual([{ path: "/a", origin: "adopted", pid: 11 }]);
  });
});

describe("closing", () => {
  it("one path of several leaves the others and the master", () => {
    const { registry, add } = setting();
    const { stub, listeners } = add("opened", 20, ["/b", "/c"], "prod");
    expect(registry.endAt("/b")).toEqual({ path: "/b", remaining: ["/c"] });
    expect(listeners.map(({ state }) => state)).toEqual(["closed", "listens"]);
    expect(stub.done).toEqual([]);
    expect(registry.endAt("/b")).toBeUndefined();
  });

  it("the last path ends the master", () => {
    const { registry, add } = setting();
    const { stub } = add("opened", 20, ["/b"], "prod");
    expect(registry.endAt("/b")).toEqual({ path: "/b", remaining: [] });
    expect(stub.done).toEqual(["end"]);
    expect(registry.all()).toEqual([]);
  });

  it("a host ends all that were opened for it, and no adopted one", () => {
    const { registry, add } = setting();
    const [one, two] = [add("opened", 20, ["/b", "/c"], "prod"), add("opened", 21, ["/d"], "prod")];
    const [other, adopted] = [add("opened", 22, ["/e"], "test"), add("adopted", 10, ["/a"])];
    expect(registry.endHost("prod")).toBe(2);
    expect([one, two, other, adopted].map(({ stub }) => stub.done.length)).toEqual([1, 1, 0, 0]);
    expect(registry.endAt("/a")).toBeUndefined();
  });

  it("all gives adopted sockets back, and ends opened masters, those too that have stopped", async () => {
    const { registry, add } = setting();
    const adopted = add("adopted", 10, ["/a"]);
    const opened = add("opened", 20, ["/b"], "prod");
    const stopped = add("opened", 21, ["/c"], "test");
    stopped.stub.stop();
    const given: string[] = [];
    await registry.close(({ master }, { path }) => void given.push(`${master.pid} at ${path}`));
    expect(given).toEqual(["10 at /a"]);
    expect(adopted.stub.done).toEqual(["release"]);
    expect(opened.stub.done).toEqual(["end", "release"]);
    expect(stopped.stub.done).toEqual(["end", "release"]);
    expect(adopted.listeners[0]?.state).toBe("closed");
  });

  it("ends a run's masters, whose paths would be anybody's: also of a run that another guard guards", async () => {
    const { registry, add } = setting();
    const ones = [add("adopted", 10, ["/a"], undefined, "a"), add("adopted", 11, ["/b"], undefined, "")];
    const given: string[] = [];
    await registry.close((_, { path }) => void given.push(path));
    expect(given).toEqual([]);
    for (const { stub, listeners, stops } of ones) {
      expect(stub.done).toEqual(["end", "release"]);
      expect(listeners.map(({ state }) => state)).not.toContain("listens");
      expect(stops()).toBe(1); // its hidden name goes
    }
  });
});
