/** Clients that use the guard all the time: sessions, logins, signatures, and connections through the server. */
import type { ChildProcess } from "node:child_process";
import { createServer, type Server } from "node:net";
import { finished, type Result } from "../../../lab/processes.ts";
import { HOST, type World } from "./world.ts";

export const kinds = ["session", "login", "signature", "forward"] as const;
export type Kind = (typeof kinds)[number];

/** For one use, in milliseconds: after that it hangs. */
export const LIMIT = 30_000;

export interface Counts {
  done: number;
  failed: number;
}

export class Traffic {
  readonly #world: World;
  readonly #running = new Set<ChildProcess>();
  readonly #workers: Promise<void>[] = [];
  readonly counts = Object.fromEntries(kinds.map((kind) => [kind, { done: 0, failed: 0 }])) as Record<
    Kind,
    Counts
  >;
  readonly hung: string[] = [];
  /** The ids of what was done, where no server tells. */
  readonly effects: string[] = [];
  #last = 0;
  #stopping = false;
  #recorder: Server | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  async start(): Promise<void> {
    this.#stopping = false;
    const port = await this.#record();
    const ways: Record<Kind, (id: string) => Promise<Result>> = {
      session: (id) => this.#ssh(this.#world.master, `${this.#note(id)}; sleep 0.1`),
      login: (id) => this.#ssh("none", this.#note(id)),
      signature: (id) => this.#sign(id),
      forward: (id) => this.#forward(id, port),
    };
    for (const kind of kinds) this.#workers.push(this.#work(kind, ways[kind]));
  }

  /** Those that run. */
  get clients(): ChildProcess[] {
    return [...this.#running];
  }

  /** Resolves once all have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workers.splice(0));
    this.#recorder?.close();
  }

  async #work(kind: Kind, use: (id: string) => Promise<Result>): Promise<void> {
    while (!this.#stopping) {
      const { code } = await use(`${kind}-${this.#last++}`).catch(() => ({ code: 1 }));
      this.counts[kind][code === 0 ? "done" : "failed"]++;
    }
  }

  /** What a remote command does, and the server's side keeps. */
  #note(id: string): string {
    return `echo ${id} >>${this.#world.path("effects")}`;
  }

  async #ssh(controlPath = "none", ...words: string[]): Promise<Result> {
    return this.#run("ssh", ["-F", this.#world.home.hosts.config, "-S", controlPath, HOST, ...words]);
  }

  async #sign(id: string): Promise<Result> {
    const result = await this.#run(
      "ssh-keygen",
      ["-Y", "sign", "-n", id, "-f", this.#world.publicKey],
      "text",
    );
    if (result.stdout.includes("BEGIN SSH SIGNATURE")) this.effects.push(id);
    return result;
  }

  /** The setting does nothing: it has the id on the command line, by which the log tells who asked. */
  #forward(id: string, port: number): Promise<Result> {
    const options = ["-S", this.#world.master ?? "none", "-o", `SetEnv=ID=${id}`, "-W", `127.0.0.1:${port}`];
    return this.#run("ssh", ["-F", this.#world.home.hosts.config, ...options, HOST], `${id}\n`);
  }

  /** What it is connected to writes down what comes, and closes. */
  async #record(): Promise<number> {
    const server = createServer((socket) => {
      socket.setEncoding("utf8").on("data", (text: string) => {
        this.effects.push(...text.split("\n").filter((id) => id !== ""));
        socket.end();
      });
      socket.on("error", () => {});
    });
    this.#recorder = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as { port: number }).port;
  }

  async #run(program: string, args: readonly string[], input = ""): Promise<Result> {
    const child = this.#world.start(program, args, { env: this.#world.environment, stdio: "pipe" });
    this.#running.add(child);
    const limit = setTimeout(() => {
      this.hung.push(`${program} ${args.join(" ")}`);
      child.kill("SIGKILL");
    }, LIMIT);
    child.stdin?.on("error", () => {}).end(input);
    try {
      return await finished(child);
    } finally {
      clearTimeout(limit);
      this.#running.delete(child);
    }
  }
}
