import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { type ListeningSocket, openListeningSocket } from "../../../src/platform/sockets/listening-socket.ts";
import { makeFolder } from "../../support/agents.ts";

async function listen(path: string, says = ""): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {}); // nobody reads what it says
    socket.end(says);
  }).listen(path);
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return server;
}

function open(path: string): ListeningSocket {
  const socket = openListeningSocket(path);
  if (!socket) throw new Error(`nobody listens at ${path}`);
  onTestFinished(() => closeSync(socket.fd));
  return socket;
}

test("says which process listens", async () => {
  const path = join(makeFolder(), "s");
  const script =
    "use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un($ARGV[0])); listen(S, 5); $| = 1; print 1; <STDIN>";
  const child = spawn("perl", ["-e", script, path], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  expect(open(path).pid).toBe(child.pid);
});

test("leads to the socket that was opened, whatever is at its path by then", async () => {
  const path = join(makeFolder(), "s");
  await listen(path, "first");
  const { fd, pid } = open(path);
  expect(pid).toBe(process.pid);
  renameSync(path, `${path}.old`);
  await listen(path, "second");
  expect(await text(connect(`/proc/self/fd/${fd}`))).toBe("first");
});

test.each([
  ["there is nothing", () => {}],
  ["a file is in its place", (path: string) => writeFileSync(path, "")],
  ["a link leads nowhere", (path: string) => symlinkSync("/nowhere", path)],
])("is none where %s", (_, prepare) => {
  const path = join(makeFolder(), "s");
  prepare(path);
  expect(openListeningSocket(path)).toBeUndefined();
});

test("is none where the one who listened has gone", async () => {
  const folder = makeFolder();
  const server = await listen(join(folder, "listening"));
  renameSync(join(folder, "listening"), join(folder, "left"));
  await new Promise((resolve) => server.close(resolve));
  expect(openListeningSocket(join(folder, "left"))).toBeUndefined();
  unlinkSync(join(folder, "left"));
});
