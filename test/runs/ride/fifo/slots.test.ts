/** What a program of the run may do to the pipes: it spoils nothing but its own place. */
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fifoPlaces, MAX_REQUEST, TICKET } from "../../../../src/runs/ride/fifo/request.ts";
import { type ServeSlot, Slots } from "../../../../src/runs/ride/fifo/slots.ts";

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const forLong = { timeout: 30_000 };

describe("the pipes of a ride", () => {
  let ride = "";
  let slots: Slots;
  let served: { line: string; gone: AbortSignal }[] = [];
  let opened: number[] = [];
  /** Serves until the client leaves. */
  const serve: ServeSlot = (_, line, __, gone) => {
    served.push({ line, gone });
    return new Promise((resolve) => gone.addEventListener("abort", () => resolve()));
  };
  const open = (path: string, flags: number): number => {
    const fd = openSync(path, flags | O_NONBLOCK);
    opened.push(fd);
    return fd;
  };
  const close = (fd: number): void => {
    closeSync(fd);
    opened = opened.filter((other) => other !== fd);
  };
  const folders = (): string[] =>
    readdirSync(fifoPlaces(ride).folder).filter((name) => name.length === TICKET);
  const ask = (times = 1): void => {
    const fd = openSync(fifoPlaces(ride).ask, O_WRONLY | O_NONBLOCK);
    writeSync(fd, "?".repeat(times));
    closeSync(fd);
  };
  /** A place of its own: its folder. */
  const claim = async (): Promise<string> => {
    ask();
    const fd = open(fifoPlaces(ride).tickets, O_RDONLY);
    const bytes = Buffer.alloc(TICKET);
    await vi.waitFor(() => expect(readSync(fd, bytes)).toBe(TICKET), forLong);
    close(fd);
    return join(fifoPlaces(ride).folder, bytes.toString());
  };
  const readers = (folder: string): number[] =>
    ["reply", "out", "err"].map((name) => open(join(folder, name), O_RDONLY));
  const start = (patience?: number): void => {
    slots = new Slots(ride, serve, patience);
  };

  beforeEach(() => {
    ride = mkdtempSync(join(tmpdir(), "mg-fifo-"));
    served = [];
    opened = [];
  });
  afterEach(() => {
    slots.close();
    for (const fd of opened) closeSync(fd);
    rmSync(ride, { recursive: true, force: true });
  });

  it("give each client a place, take its line, and notice its end", async () => {
    start();
    const [one, two] = [await claim(), await claim()];
    expect(one).not.toBe(two);
    readers(one);
    const request = open(join(one, "request"), O_WRONLY);
    writeSync(request, '{"a":');
    writeSync(request, '"ü"}\n');
    await vi.waitFor(() => expect(served).toHaveLength(1), forLong);
    expect(served[0]).toMatchObject({ line: '{"a":"ü"}', gone: { aborted: false } });
    close(request);
    await vi.waitFor(() => expect(existsSync(one)).toBe(false), forLong);
    expect(served[0]?.gone.aborted).toBe(true);
    expect(existsSync(two)).toBe(true);
  });

  it.each<[string, (folder: string) => unknown]>([
    ["without reading anything", (folder) => writeSync(open(join(folder, "request"), O_WRONLY), "{}\n")],
    [
      "more than a request may be",
      async (folder) => {
        readers(folder);
        const fd = open(join(folder, "request"), O_WRONLY);
        writeSync(fd, "x".repeat(MAX_REQUEST));
        // the pipe takes more once the guard has read
        await vi.waitFor(() => writeSync(fd, "xxx"), forLong);
      },
    ],
    [
      "two requests",
      (folder) => {
        readers(folder);
        writeSync(open(join(folder, "request"), O_WRONLY), "{}\n{}\n");
      },
    ],
    ["nothing at all", (folder) => close(open(join(folder, "request"), O_WRONLY))],
  ])("close the place of a client that asks %s", async (_, act) => {
    start();
    const folder = await claim();
    await act(folder);
    await vi.waitFor(() => expect(existsSync(folder)).toBe(false), forLong);
    expect(served.every(({ gone }) => gone.aborted)).toBe(true);
  });

  it("give up a place that nobody comes to", async () => {
    start(1);
    const folder = await claim();
    await vi.waitFor(() => expect(existsSync(folder)).toBe(false), forLong);
  });

  it("are so many and no more, however many are asked for, and free ones go to those who wait", async () => {
    start();
    ask(5000);
    await vi.waitFor(() => expect(folders()).toHaveLength(64), forLong);
    const folder = join(fifoPlaces(ride).folder, folders()[0] ?? "");
    close(open(join(folder, "request"), O_WRONLY));
    await vi.waitFor(() => expect(existsSync(folder)).toBe(false), forLong);
    expect(folders()).toHaveLength(64);
  });

  it("write to no file and remove none that a link in their place leads to", async () => {
    start();
    const folder = await claim();
    const victim = join(ride, "victim");
    mkdirSync(victim);
    for (const name of ["out", "ask", "file"]) writeFileSync(join(victim, name), "mine");
    readers(folder);
    for (const name of ["out", "err", "reply"]) {
      rmSync(join(folder, name));
      symlinkSync(join(victim, "out"), join(folder, name));
    }
    const request = open(join(folder, "request"), O_WRONLY);
    writeSync(request, "{}\n");
    await vi.waitFor(() => expect(served).toHaveLength(1), forLong);
    const { folder: all } = fifoPlaces(ride);
    renameSync(all, `${all}.old`);
    symlinkSync(victim, all);
    close(request);
    await vi.waitFor(() => expect(served[0]?.gone.aborted).toBe(true), forLong);
    slots.close();
    expect(readdirSync(victim).sort()).toEqual(["ask", "file", "out"]);
    expect(readFileSync(join(victim, "out"), "utf8")).toBe("mine");
    expect(lstatSync(all).isSymbolicLink()).toBe(true);
  });
});
