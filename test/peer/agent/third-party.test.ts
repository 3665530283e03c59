/**
 * SSH clients that send no session-bind: they work, where they log in to is unknown, and no rule that names a
 * host matches them.
 */
import { writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab, MUXGUARD, type Result, type Server } from "../../../lab/lab.ts";
import { describeWith, PYTHON } from "../tools.ts";

const user = userInfo().username;

interface Client {
  /** The file name of its executable. */
  exe: RegExp;
  /** The command that logs in and runs `echo in`. */
  command(lab: Lab, server: Server): string[];
}

const paramiko = `
import paramiko, sys
known_hosts, port, user = sys.argv[1:]
client = paramiko.SSHClient()
client.load_host_keys(known_hosts)
client.connect("127.0.0.1", int(port), user, look_for_keys=False)
sys.stdout.write(client.exec_command("echo in")[1].read().decode())
client.close()
`;

const ssh2 = `
import { createRequire } from "node:module";
const { Client } = createRequire(process.argv[2])("ssh2");
const [port, username] = process.argv.slice(3);
const client = new Client();
client.on("ready", () => client.exec("echo in", (error, stream) => {
  if (error) throw error;
  stream.pipe(process.stdout);
  stream.on("close", () => client.end());
}));
client.on("error", (error) => { console.error(error.message); process.exitCode = 1; });
client.connect({ host: "127.0.0.1", port: Number(port), username, agent: process.env.SSH_AUTH_SOCK });
`;

const clients: Record<"paramiko" | "plink" | "dbclient" | "ssh2", Client> = {
  paramiko: {
    exe: /^python3/,
    command(lab, { port, hostKey }) {
      writeFileSync(lab.path("login.py"), paramiko);
      writeFileSync(lab.path("login.known"), `[127.0.0.1]:${port} ${hostKey}\n`);
      return [PYTHON, lab.path("login.py"), lab.path("login.known"), `${port}`, user];
    },
  },
  plink: {
    exe: /^plink$/,
    command: (_, { port, hostKey }) => {
      const trust = ["-hostkey", hostKey];
      return ["plink", "-batch", "-agent", ...trust, "-P", `${port}`, `${user}@127.0.0.1`, "echo in"];
    },
  },
  dbclient: {
    exe: /^dbclient$/,
    command: (_, { port }) => ["dbclient", "-y", "-y", "-p", `${port}`, `${user}@127.0.0.1`, "echo in"],
  },
  ssh2: {
    exe: /^node$/,
    command(lab, { port }) {
      writeFileSync(lab.path("login.mjs"), ssh2);
      return [process.execPath, lab.path("login.mjs"), import.meta.filename, `${port}`, user];
    },
  },
};

describe("a client that sends no session-bind", () => {
  for (const [name, client] of Object.entries(clients)) {
    const tools = name === "ssh2" ? ["sshd"] : ["sshd", name];
    describeWith(tools, `such as ${name}`, () => {
      const lab = new Lab();
      const key = lab.key("me@laptop");
      let server: Server;
      beforeAll(async () => {
        await lab.startAgent("upstream.sock", key);
        server = await lab.startServer("plain.example", key);
      });
      afterAll(() => lab.close());

      // plink and dbclient keep what they know in the home folder
      const guarded = (): Promise<Result> =>
        lab.run(process.execPath, [MUXGUARD, "run", "--", ...client.command(lab, server)], {
          environment: { HOME: lab.folder },
        });

      it("logs in under a rule for unverified destinations, and is shown as one", async () => {
        lab.policy('default = "deny"\n[[rule]]\nname = "unverified"\nverified = false\naction = "allow"\n');
        const { result, events } = await lab.logged(guarded);
        expect(result, result.stderr).toMatchObject({ code: 0, stdout: "in\n" });
        expect(events).toMatchObject([
          {
            kind: "sign",
            data: "userauth",
            decision: "allow",
            by: "rule:unverified",
            verified: false,
            how: "no session-bind",
            user,
            key: { comment: "me@laptop" },
          },
        ]);
        for (const absent of ["host", "hostKey", "claimed", "forwarded"])
          expect(events[0]).not.toHaveProperty(absent);
        expect(events[0]?.caller?.exe?.split("/").at(-1)).toMatch(client.exe);
      });

      it("does not get to a host that a rule denies, only because it doesn't say where it goes", async () => {
        const allow = '[[rule]]\nname = "rest"\naction = "allow"\n';
        lab.policy(`[[rule]]\nname = "no prod"\nhost = "plain.example"\naction = "deny"\n${allow}`);
        const { result, events } = await lab.logged(guarded);
        expect(result).toMatchObject({ stdout: "" });
        expect(result.code).not.toBe(0);
        expect(result.stderr).toContain('this could be plain.example, which rule "no prod" denies');
        expect(events.length).toBeGreaterThan(0);
        for (const event of events) expect(event).toMatchObject({ decision: "deny", verified: false });
      });

      it.each([
        ["names every host", 'host = "*"'],
        ["names a host and asks for no proof of it", 'host = "*"\nverified = false'],
        ["asks for a proof", "verified = true"],
      ])("is never matched by a rule that %s", async (_, rule) => {
        lab.policy(`default = "deny"\n[[rule]]\nname = "named"\n${rule}\naction = "allow"\n`);
        const { result, events } = await lab.logged(guarded);
        expect(result.code).not.toBe(0);
        expect(result.stdout).toBe("");
        expect(result.stderr).toContain(`muxguard: denied: log in to an unknown destination as ${user}`);
        expect(events.length).toBeGreaterThan(0);
        for (const event of events) expect(event).toMatchObject({ decision: "deny", by: "default" });
      });
    });
  }
});
