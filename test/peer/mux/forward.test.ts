/** Forwards over a guarded control socket: each kind, its end, and what a rule on it refuses. */
import { existsSync, symlinkSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { accepts, freePort } from "../../../lab/lab.ts";
import { HOST, MuxLab } from "../../../lab/mux-lab.ts";
import { describeWith } from "../tools.ts";

describeWith(["ssh", "sshd"], "a forward over a guarded control socket", () => {
  const lab = new MuxLab();
  let echo: { server: Server; port: number };
  let pid = 0;
  beforeAll(async () => {
    lab.policy('default = "allow"\n');
    await lab.open();
    pid = await lab.startMaster();
    echo = await startEcho();
    await lab.startServer("behind.example", lab.path("me@laptop"));
  });
  afterAll(async () => {
    echo.server.close();
    await lab.close();
  });

  const forward = (...args: string[]) => lab.ssh("-O", "forward", ...args, HOST);
  const cancel = (...args: string[]) => lab.ssh("-O", "cancel", ...args, HOST);
  const allowed = { code: 0, signal: null, stdout: "", stderr: "" };

  it("from here (-L) leads there until it is cancelled", async () => {
    const port = await freePort();
    const spec = `127.0.0.1:${port}:127.0.0.1:${echo.port}`;
    const { result, events } = await lab.logged(() => forward("-L", spec));
    expect(result).toEqual(allowed);
    const local = { kind: "local", listen: `127.0.0.1:${port}`, connect: `127.0.0.1:${echo.port}` };
    expect(events).toMatchObject([{ kind: "forward", decision: "allow", host: HOST, forward: local }]);
    expect(await exchange(port, "through")).toBe("THROUGH");
    const cancelled = await lab.logged(() => cancel("-L", spec));
    expect(cancelled.result).toEqual(allowed);
    expect(cancelled.events).toMatchObject([{ kind: "forward", operation: "cancel", forward: local }]);
    await expect(exchange(port, "through")).rejects.toThrow("ECONNREFUSED");
  });

  it("from there (-R) leads here until it is cancelled", async () => {
    const port = await freePort();
    const spec = `127.0.0.1:${port}:127.0.0.1:${echo.port}`;
    const { result, events } = await lab.logged(() => forward("-R", spec));
    expect(result).toEqual(allowed);
    expect(events).toMatchObject([{ forward: { kind: "remote", listen: `127.0.0.1:${port}` } }]);
    expect(await exchange(port, "back")).toBe("BACK");
    expect(await cancel("-R", spec)).toEqual(allowed);
    await expect(exchange(port, "back")).rejects.toThrow("ECONNREFUSED");
  });

  it("from there with a port of the server's choice (-R 0) prints the port", async () => {
    const { code, stdout } = await forward("-R", `0:127.0.0.1:${echo.port}`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\n$/);
    expect(await exchange(Number(stdout), "chosen")).toBe("CHOSEN");
    expect(await cancel("-R", `${stdout.trim()}:127.0.0.1:${echo.port}`)).toMatchObject({ code: 0 });
  });

  it("of SOCKS (-D) leads wherever its client says, until it is cancelled", async () => {
    const port = await freePort();
    const { result, events } = await lab.logged(() => forward("-D", `127.0.0.1:${port}`));
    expect(result).toEqual(allowed);
    expect(events).toMatchObject([{ forward: { kind: "dynamic", listen: `127.0.0.1:${port}` } }]);
    expect(await exchange(port, "socks", socks("127.0.0.1", echo.port))).toBe("SOCKS");
    expect(await cancel("-D", `127.0.0.1:${port}`)).toEqual(allowed);
    await expect(exchange(port, "socks")).rejects.toThrow("ECONNREFUSED");
  });

  it("of SOCKS on the far side (-R PORT) leads wherever its client there says", async () => {
    const port = await freePort();
    const { result, events } = await lab.logged(() => forward("-R", `${port}`));
    expect(result).toEqual(allowed);
    expect(events).toMatchObject([{ forward: { kind: "remote", connect: "*" } }]);
    expect(await exchange(port, "socks", socks("127.0.0.1", echo.port))).toBe("SOCKS");
    expect(await cancel("-R", `${port}`)).toEqual(allowed);
  });

  it("of Unix sockets leads from one to the other, both ways", async () => {
    const server = createServer(upperCase);
    await new Promise<void>((resolve) => server.listen(lab.path("echo.sock"), resolve));
    for (const [option, name] of [
      ["-L", "local.sock"],
      ["-R", "remote.sock"],
    ] as const) {
      const spec = `${lab.path(name)}:${lab.path("echo.sock")}`;
      const { result, events } = await lab.logged(() => forward(option, spec));
      expect(result).toEqual(allowed);
      const paths = { listen: lab.path(name), connect: lab.path("echo.sock") };
      expect(events).toMatchObject([{ kind: "forward", forward: paths }]);
      expect(await exchange(lab.path(name), "path")).toBe("PATH");
      expect(await cancel(option, spec)).toMatchObject({ code: 0 });
      expect(await accepts(lab.path(name))).toBe(false);
    }
    server.close();
  });

  it("is denied by way of /proc: the master's own is another one, and a link there leads to the agent", async () => {
    const link = lab.path("link");
    symlinkSync(lab.agentSocket, link);
    const master = `/proc/${pid}/root${link}`;
    for (const path of [master, `/proc/self/root${link}`, `/dev/fd/../cwd`]) {
      const { result, events } = await lab.logged(() => forward("-R", `${lab.path("there")}:${path}`));
      expect(result.stderr).toContain("leads through /proc");
      expect(events).toMatchObject([{ decision: "deny", by: "fault:target" }]);
    }
    expect(existsSync(lab.path("there"))).toBe(false);
  });

  it("to a socket of the guard's is denied, too, where its listen path is a link", async () => {
    symlinkSync(lab.folder, lab.path("folder"));
    const spec = `${lab.path("folder/l")}:${lab.agentSocket}`;
    const { result, events } = await lab.logged(() => forward("-L", spec));
    expect(result.stderr).toContain("muxguard itself uses");
    expect(events).toMatchObject([{ decision: "deny", by: "fault:target" }]);
    expect(existsSync(lab.path("l"))).toBe(false);
  });

  it("of stdin and stdout (-W) carries bytes both ways, and the end", async () => {
    const { result, events } = await lab.logged(() =>
      lab.run("ssh", ["-F", lab.sshConfig, "-W", `127.0.0.1:${echo.port}`, HOST], { input: "stdio" }),
    );
    expect(result).toEqual({ ...allowed, stdout: "STDIO" });
    const stdio = { kind: "stdio", connect: `127.0.0.1:${echo.port}` };
    expect(events).toMatchObject([{ kind: "forward", decision: "allow", forward: stdio }]);
  });

  it("of ProxyJump goes through the guarded master, and is decided as a stdio forward", async () => {
    const logins = lab.logins();
    const { result, events } = await lab.logged(() => lab.ssh("-J", HOST, "behind.example", "echo behind"));
    expect(result).toMatchObject({ code: 0, stdout: "behind\n" });
    expect(events).toMatchObject([
      { kind: "forward", host: HOST, forward: { kind: "stdio" } },
      { kind: "sign", host: "behind.example" },
    ]);
    expect(lab.logins()).toBe(logins);
  });

  it("that is asked for with a session is made by the master", async () => {
    const port = await freePort();
    const spec = `127.0.0.1:${port}:127.0.0.1:${echo.port}`;
    const { result, events } = await lab.logged(() => lab.ssh("-L", spec, HOST, "true"));
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(events.map(({ kind }) => kind)).toEqual(["forward", "session"]);
    expect(await exchange(port, "stays")).toBe("STAYS");
    expect(await cancel("-L", spec)).toEqual(allowed);
  });

  const refused: Record<string, string[]> = {
    "-L": ["-O", "forward", "-L", "127.0.0.1:1666:internal:666", HOST],
    "-R": ["-O", "forward", "-R", "127.0.0.1:1666:internal:666", HOST],
    "-L with paths": ["-O", "forward", "-L", "/tmp/muxguard-no.sock:/run/secret.sock", HOST],
    "-D, which leads there too": ["-O", "forward", "-D", "127.0.0.1:1080", HOST],
    "-R without a destination, which leads there too": ["-O", "forward", "-R", "1080", HOST],
  };
  it.each(Object.entries(refused))("that is denied says so to ssh: %s", async (_, args) => {
    lab.policy(
      'default = "allow"\n[[rule]]\nname = "no 666"\nconnect = "*:666,*/secret.sock"\naction = "deny"\n',
    );
    const connections = lab.connections();
    const { result, events } = await lab.logged(() => lab.ssh(...args));
    expect(result).toMatchObject({ code: 255, stdout: "" });
    expect(result.stderr).toContain("muxguard: denied: ");
    expect(result.stderr).toContain(`(rule "no 666")`);
    expect(events).toMatchObject([{ kind: "forward", decision: "deny", by: "rule:no 666" }]);
    expect(lab.connections()).toBe(connections);
    expect(await accepts("/tmp/muxguard-no.sock")).toBe(false);
  });

  it("that is denied ends nothing: the master goes on", async () => {
    expect(await lab.masterPid()).toBe(pid);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
  });
});

function upperCase(socket: Socket): void {
  socket.on("error", () => {});
  socket.on("data", (data) => socket.write(data.toString().toUpperCase()));
}

async function startEcho(): Promise<{ server: Server; port: number }> {
  const server = createServer(upperCase);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

/** Connects, sends the text, and returns what comes back. @param prologue is to be answered first */
function exchange(to: number | string, text: string, prologue?: Prologue): Promise<string> {
  const socket = typeof to === "string" ? connect(to) : connect(to, "127.0.0.1");
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", async () => {
      try {
        await prologue?.(socket);
        const answer = once(socket);
        socket.write(text);
        resolve((await answer).toString());
      } catch (error) {
        reject(error);
      } finally {
        socket.destroy();
      }
    });
  });
}

type Prologue = (socket: Socket) => Promise<void>;

function once(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once("data", resolve);
    socket.once("end", () => reject(new Error("the connection ended")));
  });
}

/** A SOCKS5 client's part of the conversation: RFC 1928. */
function socks(host: string, port: number): Prologue {
  return async (socket) => {
    const ask = async (...bytes: number[]): Promise<Buffer> => {
      const answer = once(socket);
      socket.write(Buffer.from(bytes));
      return answer;
    };
    expect([...(await ask(5, 1, 0))]).toEqual([5, 0]);
    const answer = await ask(5, 1, 0, 1, ...host.split(".").map(Number), port >> 8, port & 255);
    expect([...answer.subarray(0, 2)]).toEqual([5, 0]);
  };
}
