import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ended, until } from "../../../lab/lab.ts";
import { Peer } from "../../../src/platform/proc/peer.ts";
import { ProcessTable } from "../../../src/platform/proc/process.ts";
import { ProcessGone } from "../../../src/platform/proc/table/open-stat.ts";
import { type Listener, listenPrivately } from "../../../src/platform/sockets/listener.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "mg-")));
const perl = realpathSync(execFileSync("perl", ["-e", "print $^X"], { encoding: "utf8" }));
const table = new ProcessTable();
const children: ChildProcess[] = [];
let listener: Listener;
let accepted: (connection: { socket: Socket; peer: Peer }) => void;

beforeAll(async () => {
  listener = await listenPrivately(join(folder, "s"), (socket, connection) =>
    accepted({ socket, peer: new Peer(connection, table) }),
  );
});

const isRoot = userInfo().uid === 0;
if (!isRoot) console.warn("skipped, as only root may do so: a peer in a pid namespace of its own");

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.splice(0).map(ended));
});

afterAll(async () => {
  await listener.close();
  table.close();
  rmSync(folder, { recursive: true });
});

function connection(): Promise<{ socket: Socket; peer: Peer }> {
  return new Promise((resolve) => {
    accepted = resolve;
  });
}

/** A perl program that connects, keeps the connection over an exec, and then does what it is told to. */
async function client(then: string, ...via: string[]): Promise<{ child: ChildProcess; peer: Peer }> {
  const program = `$^F = 99; use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un($ARGV[0])) or die; ${then}`;
  const [command = "perl", ...args] = [...via, "perl", "-e", program, listener.path];
  const connected = connection();
  const child = spawn(command, args, { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  return { child, peer: (await connected).peer };
}

describe("the peer of a connection", () => {
  it("is the process that connected", async () => {
    const { child, peer } = await client("<STDIN>");
    expect(peer).toMatchObject({ pid: child.pid, uid: userInfo().uid });
    expect(peer.identify()).toMatchObject({ pid: child.pid, exe: perl, cwd: folder, container: false });
    expect(peer.identify().ancestors[0]?.pid).toBe(process.pid);
  });

  it("is unchanged as long as it runs the same program", async () => {
    const { child, peer } = await client("<STDIN>; chdir '/'; <STDIN>");
    const before = peer.identify();
    child.stdin?.write("\n");
    await until(() => peer.identify().cwd === "/", "the change of folder");
    expect(peer.isUnchanged(before)).toBe(true);
  });

  it("has changed once it has called exec", async () => {
    const { child, peer } = await client("<STDIN>; exec qw(sleep 1000)");
    const before = peer.identify();
    child.stdin?.write("\n");
    await until(() => peer.identify().cmdline.join() === "sleep,1000", "the exec");
    expect(peer.identify().exe).not.toBe(perl);
    expect(peer.identify().pid).toBe(child.pid);
    expect(peer.isUnchanged(before)).toBe(false);
  });

  it("has changed once it has called exec of the same program with other arguments", async () => {
    const { child, peer } = await client('<STDIN>; exec $^X, "-e", "<STDIN>", "git-upload-pack"');
    const before = peer.identify();
    child.stdin?.write("\n");
    await until(() => peer.identify().cmdline.at(-1) === "git-upload-pack", "the exec");
    expect(peer.identify().exe).toBe(before.exe);
    expect(peer.isUnchanged(before)).toBe(false);
  });

  it.each(["before it was first asked for", "later on"])("is gone when it has ended %s", async (when) => {
    const { child, peer } = await client("<STDIN>");
    const before = when === "later on" ? peer.identify() : undefined;
    child.kill("SIGKILL");
    await ended(child);
    expect(() => peer.identify()).toThrow(ProcessGone);
    if (before) expect(peer.isUnchanged(before)).toBe(false);
  });

  it.each(["before it was first asked for", "later on"])(
    "is gone when it has ended %s, also while a child of its keeps the connection",
    async (when) => {
      const { child, peer } = await client(
        "if (fork) { <STDIN>; exit } print $$; $| = 1; print S 'x'; sleep 1000",
      );
      const [chunk] = await once(child.stdout ?? child, "data");
      if (when === "later on") peer.identify();
      child.stdin?.write("\n");
      await ended(child);
      expect(() => peer.identify()).toThrow(ProcessGone);
      process.kill(Number(chunk), "SIGKILL");
    },
  );

  it.skipIf(!isRoot)("is in a container if it has a pid namespace of its own", async () => {
    const { child, peer } = await client("<STDIN>", "unshare", "--pid", "--fork", "--kill-child");
    const caller = peer.identify();
    expect(caller).toMatchObject({ exe: perl, container: true });
    expect(caller.pid).not.toBe(child.pid);
    expect(caller.ancestors[0]?.pid).toBe(child.pid);
  });

  it("costs no descriptor once the connection is closed", async () => {
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const visit = async (): Promise<void> => {
      const connected = connection();
      const client = connect(listener.path);
      const { socket, peer } = await connected;
      expect(peer.identify().pid).toBe(process.pid);
      const closed = Promise.all([once(socket, "close"), once(client, "close")]);
      socket.resume();
      client.resume().end();
      await closed;
    };
    for (const _ of ["the first", "the second time"]) await visit(); // after that it is known
    const before = descriptors();
    for (let count = 0; count < 1000; count++) await visit();
    expect(descriptors()).toBeLessThanOrEqual(before);
  });
});
