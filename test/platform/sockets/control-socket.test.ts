import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ended } from "../../../lab/lab.ts";
import {
  checkControlFolder,
  HiddenSocket,
  hiddenName,
  listenAtControlPath,
  OWN_PREFIX,
  pathOfHidden,
} from "../../../src/platform/sockets/control-socket.ts";
import { DescriptorSocket } from "../../../src/platform/sockets/descriptor-socket.ts";
import { answers } from "../../../src/platform/sockets/listener.ts";
import type { ControlListener } from "../../../src/platform/sockets/placed-listener.ts";
import { makeFolder } from "../../support/agents.ts";
import { copiesOf, eventually } from "../../support/mux-guard.ts";

const isRoot = userInfo().uid === 0;

/** Says its name to each client. */
async function listen(path: string, name = "guard", replace = false): Promise<ControlListener> {
  const listener = await listenAtControlPath(
    path,
    (socket) => {
      socket.listen({ receive: () => {}, closed: () => {} });
      socket.send(Buffer.from(name));
    },
    { replace },
  );
  onTestFinished(() => listener.close());
  return listener;
}

async function whoAnswers(connect: () => DescriptorSocket): Promise<string> {
  const socket = connect();
  const said: Buffer[] = [];
  socket.listen({ receive: (bytes) => void said.push(bytes), closed: () => {} });
  await eventually(() => said.length > 0);
  socket.destroy();
  return Buffer.concat(said).toString();
}

const at = (path: string) => (): DescriptorSocket => DescriptorSocket.connect(path);

async function staleSocket(path: string): Promise<void> {
  const script = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  await ended(spawn(process.execPath, ["-e", script, path]));
}

describe("a listener at a control path", () => {
  it("is there under its name alone, for its owner alone", async () => {
    const folder = makeFolder();
    const before = process.umask(0);
    try {
      const listener = await listen(join(folder, "s"));
      expect(listener.isInPlace()).toBe(true);
    } finally {
      process.umask(before);
    }
    expect(readdirSync(folder)).toEqual(["s"]);
    expect(statSync(join(folder, "s")).mode & 0o777).toBe(0o600);
    expect(await whoAnswers(at(join(folder, "s")))).toBe("guard");
  });

  it("takes a path of 107 bytes, and none of 108", async () => {
    const folder = makeFolder();
    const longest = join(folder, "x".repeat(106 - folder.length));
    await listen(longest);
    expect(await whoAnswers(at(longest))).toBe("guard");
    await expect(listen(`${longest}x`)).rejects.toThrow("socket path of 108 bytes");
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it("takes the place of a socket that a crash left behind", async () => {
    const path = join(makeFolder(), "s");
    await staleSocket(path);
    await listen(path);
    expect(await whoAnswers(at(path))).toBe("guard");
  });

  it("replaces who listens there, who is still reached by another name", async () => {
    const folder = makeFolder();
    const [path, aside] = [join(folder, "s"), join(folder, "aside")];
    const master = await listen(path, "master");
    renameSync(path, aside);
    await listen(path, "other");
    const guard = await listen(path, "guard", true);
    expect(await whoAnswers(at(path))).toBe("guard");
    expect(await whoAnswers(at(aside))).toBe("master");
    expect([guard.isInPlace(), master.isInPlace()]).toEqual([true, false]);
    expect(readdirSync(folder).sort()).toEqual(["aside", "s"]);
  });

  it.each<[string, (path: string) => unknown, string]>([
    ["a file", (path) => writeFileSync(path, "mine"), "is in the way, and is no socket"],
    ["a link", (path) => symlinkSync("elsewhere", path), "is in the way, and is no socket"],
    ["a folder", (path) => mkdirSync(path), "is in the way, and is no socket"],
    ["somebody who listens", (path) => listen(path, "other"), "somebody listens at"],
  ])("leaves %s alone, and nothing behind", async (_, put, reason) => {
    const folder = makeFolder();
    const path = join(folder, "s");
    await put(path);
    const { ino } = lstatSync(path);
    const before = copiesOf(folder);
    await expect(listen(path)).rejects.toThrow(reason);
    expect(lstatSync(path).ino).toBe(ino);
    expect(readdirSync(folder)).toEqual(["s"]);
    await eventually(() => copiesOf(folder) === before);
  });

  it.each([0o777, 0o1777, 0o770, 0o702])("is not made where others may write: mode %o", async (mode) => {
    const folder = makeFolder();
    chmodSync(folder, mode);
    await expect(listen(join(folder, "s"))).rejects.toThrow(
      `others may write to ${folder}; chmod 700 ${folder}`,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is made where others may look", async () => {
    const folder = makeFolder();
    chmodSync(folder, 0o755);
    await listen(join(folder, "s"));
  });

  it("is not made in a folder that is none, or another user's", async () => {
    const folder = makeFolder();
    expect(() => checkControlFolder(join(folder, "missing"))).toThrow(
      `${folder}/missing is no folder; mkdir -m 700 ${folder}/missing`,
    );
    const theirs = isRoot ? join(folder, "theirs") : "/";
    if (isRoot) {
      mkdirSync(theirs, { mode: 0o700 });
      chownSync(theirs, 65534, 65534);
    }
    expect(() => checkControlFolder(theirs)).toThrow(`${theirs} belongs to another user`);
  });
});

describe("the end of a listener", () => {
  it("takes its name and its connections along, and leaves no descriptor", async () => {
    const folder = makeFolder();
    const path = join(folder, "s");
    const listener = await listen(path);
    const client = DescriptorSocket.connect(path);
    const happened: string[] = [];
    client.listen({
      receive: (bytes) => void happened.push(bytes.toString()),
      closed: () => void happened.push("closed"),
    });
    await eventually(() => happened.length === 1);
    listener.close();
    listener.close();
    await eventually(() => happened.length === 2);
    expect(happened).toEqual(["guard", "closed"]);
    expect(readdirSync(folder)).toEqual([]);
    expect(await answers(path)).toBe(false);
    await eventually(() => copiesOf(folder) === 0);
  });

  it.each<[string, (path: string) => unknown]>([
    ["another listener", (path) => listen(path, "other", true)],
    [
      "a file",
      (path) => {
        unlinkSync(path);
        writeFileSync(path, "");
      },
    ],
  ])("leaves the name alone if it means %s by then", async (_, put) => {
    const path = join(makeFolder(), "s");
    const listener = await listen(path);
    await put(path);
    const { ino } = lstatSync(path);
    expect(listener.isInPlace()).toBe(false);
    listener.close();
    expect(lstatSync(path).ino).toBe(ino);
  });

  it("does not mind that its name is gone", async () => {
    const path = join(makeFolder(), "s");
    const listener = await listen(path);
    unlinkSync(path); // as a master does when it ends
    expect(listener.isInPlace()).toBe(false);
    listener.close();
  });
});

describe("a hidden socket", () => {
  it("without a name is reached through its object alone", async () => {
    const folder = makeFolder();
    const path = join(folder, "s");
    await listen(path, "master");
    const hidden = HiddenSocket.nameless(path);
    expect(readdirSync(folder)).toEqual([]);
    expect(await whoAnswers(() => hidden.connect())).toBe("master");
    expect(hidden.name).toBeUndefined();
    hidden.close();
  });

  it("keeps to its socket when the name changes hands", async () => {
    const path = join(makeFolder(), "s");
    await listen(path, "master");
    const hidden = HiddenSocket.at(path);
    await listen(path, "other", true);
    expect(await whoAnswers(() => hidden.connect())).toBe("master");
    expect(hidden.name).toBe(path);
    hidden.close();
  });

  it("has a name from which its control path is known again", () => {
    for (const path of ["/home/me/.ssh/root@prod-db:22", "/tmp/a/.hidden", "/tmp/a/abc123.socket"]) {
      const hidden = hiddenName(path);
      expect(hidden).toContain(`/${OWN_PREFIX}/`);
      expect(pathOfHidden(hidden)).toBe(path);
    }
  });
});
