import { expect, it } from "vitest";
import { KnownHostsCommands } from "../../../src/identity/hosts/known-hosts-command.ts";
import type { SshConfig } from "../../../src/identity/ssh/config.ts";

const type = "ssh-ed25519";
const blob = Buffer.concat([text(Buffer.from(type)), text(Buffer.alloc(32, 7))]);
const line = `web1 ${type} ${blob.toString("base64")}\n`;

function text(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function configOf(knownHostsCommand: string): SshConfig {
  return {
    hostname: "10.0.0.7",
    port: 2222,
    user: "git",
    knownHostsCommand,
    userKnownHostsFiles: [],
    globalKnownHostsFiles: [],
    strictHostKeyChecking: "ask",
  };
}

function make(now = () => 0) {
  const runs: string[][] = [];
  const commands = new KnownHostsCommands(now, async (program, args) => {
    runs.push([program, ...args]);
    return line;
  });
  const ask = (host: string, command: string) => commands.ask(blob, { host }, configOf(command));
  return { runs, ask };
}

it("runs what ssh would run, without a shell, and takes what it prints for lines of known_hosts", async () => {
  const { runs, ask } = make();
  const entries = await ask("web1", `/bin/khc '%H' %I "%n as %r;x" %t %p %% %h`);
  expect(entries).toHaveLength(1);
  expect(runs).toEqual([
    ["/bin/khc", "[10.0.0.7]:2222", "HOSTNAME", "web1 as git;x", type, "2222", "%", "10.0.0.7"],
  ]);
});

it.each(["khc %H", "/bin/khc %C", "/bin/khc '%H", "/bin/khc $" + "{NO_SUCH_VARIABLE}", ""])(
  "runs nothing for %j",
  async (command) => {
    const { runs, ask } = make();
    expect(await ask("web1", command)).toEqual([]);
    expect(runs).toEqual([]);
  },
);

it("keeps an answer for a minute", async () => {
  let now = 0;
  const { runs, ask } = make(() => now);
  const first = await ask("web1", "/bin/khc %n");
  now = 59_999;
  expect(await ask("web1", "/bin/khc %n")).toBe(first);
  now = 60_000;
  await ask("web1", "/bin/khc %n");
  expect(runs).toHaveLength(2);
});

it("runs no more than 120 times a minute for whoever thinks up names", async () => {
  let now = 0;
  const { runs, ask } = make(() => now);
  for (let at = 0; at < 10_000; at++) await ask(`host${at}`, "/bin/khc %n");
  expect(runs).toHaveLength(120);
  expect(await ask("host-10001", "/bin/khc %n")).toEqual([]);
  now = 60_000;
  expect(await ask("host-10001", "/bin/khc %n")).toHaveLength(1);
});
