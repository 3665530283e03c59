/**
 * A run with a guard of its own, which leaves nothing behind.
 *
 * The socket is there before the guard: most commands never use a key, and need not wait until the guard is
 * loaded. A connection is answered only when it is.
 */
import { type FSWatcher, rmSync, watch } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { attempt } from "../../attempt.ts";
import type { Guard } from "../../daemon/guard.ts";
import type { AddedScope } from "../../daemon/opened.ts";
import { ensurePrivateFolder } from "../../platform/files/private-folder.ts";
import { noteConfined } from "../../platform/proc/namespaces.ts";
import {
  type Accepted,
  type Listener,
  type ListenOptions,
  listenPrivately,
} from "../../platform/sockets/listener.ts";
import { freeRunFolder, holdFolder, removeLeftRuns } from "../../runs/folders.ts";
import type { Rides } from "../../runs/ride/server.ts";
import type { Config } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";
import { filePolicy, type PolicySource, userPolicy } from "../../settings/policy-files.ts";
import type { OpenRun, RunRequest } from "./request.ts";

export async function openOwnRun(paths: Paths, config: Config, request: RunRequest): Promise<OpenRun> {
  await removeLeftRuns(paths.runtime, endMasters);
  const { policy: file } = request;
  const policy = file === undefined ? userPolicy(paths, config) : filePolicy(file, config);
  await policy.load();
  const run = new OwnRun(paths, config, request, policy);
  try {
    await run.listen();
  } catch (error) {
    await run.close();
    throw error;
  }
  return run;
}

/** Of the agent's socket: each client has a connection of its own to the agent. */
const agentOptions: ListenOptions = {
  needs: () => 1,
  turnAway: (socket) => {
    const loading = import("../../daemon/agent-server.ts");
    loading.then(({ AgentServer }) => AgentServer.turnAway(socket)).catch(() => socket.destroy());
  },
};

class OwnRun {
  readonly agentSocket: string;
  readonly askpassSocket: string;
  readonly folder: string;
  readonly sshConfig: string | undefined;
  readonly agents: readonly string[];
  readonly #paths: Paths;
  readonly #config: Config;
  readonly #request: RunRequest;
  readonly #policy: PolicySource;
  readonly #listeners: Listener[] = [];
  #held: { close(): void } | undefined;
  #watch: FSWatcher | undefined;
  #started: Promise<{ guard: Guard; scope: AddedScope }> | undefined;
  #answering: Promise<void> | undefined;
  #rides: Rides | undefined;
  #forget = (): void => {};

  constructor(paths: Paths, config: Config, request: RunRequest, policy: PolicySource) {
    this.#paths = paths;
    this.#config = config;
    this.#request = request;
    this.#policy = policy;
    this.folder = freeRunFolder(paths.runtime);
    this.sshConfig = config.sshConfig;
    this.agents = [...config.upstreamAgents, ...(request.upstream === undefined ? [] : [request.upstream])];
    this.agentSocket = join(this.folder, "agent.sock");
    this.askpassSocket = join(this.folder, "prompts.sock");
  }

  async listen(): Promise<void> {
    ensurePrivateFolder(this.folder);
    this.#held = holdFolder(this.folder);
    this.#request.meanwhile?.(this.folder);
    // both to their end: one that comes up after close() would keep this process
    const listening = await Promise.allSettled([
      this.#listen(this.agentSocket, "serve", agentOptions),
      this.#listen(this.askpassSocket, "serveAskpass"),
    ]);
    for (const one of listening) if (one.status === "rejected") throw one.reason;
    this.#watchEarly();
    // before the command, which could wait for the name of the agent's socket
    if (this.#config.upstreamAgents.includes("private")) {
      this.#started ??= this.#start();
      await this.#started;
    }
    if (this.#request.ride) await this.#ride();
  }

  /** For a socket that is replaced before its first use. The guard, once there, looks by itself. */
  #watchEarly(): void {
    const start = (): void => {
      if (this.#listeners.every((listener) => listener.isInPlace())) return;
      this.#started ??= this.#start();
      this.#started.catch((error: Error) => this.#cannotStart(error));
    };
    // where there can be no watch, the first use is what starts the guard
    this.#watch = attempt(() =>
      watch(this.folder, start)
        .on("error", () => this.#watch?.close())
        .unref(),
    );
  }

  #cannotStart(error: Error): void {
    this.#request.report(`muxguard: the guard did not start: ${error.message}`);
  }

  async #listen(path: string, serve: "serve" | "serveAskpass", options: ListenOptions = {}): Promise<void> {
    const served = (socket: Socket, accepted: Accepted): void => {
      this.#serve(socket, accepted, serve).catch((error: Error) => {
        this.#cannotStart(error);
        socket.destroy();
      });
    };
    this.#listeners.push(await listenPrivately(path, served, options));
  }

  async noteConfined(pid: number, moved: readonly string[]): Promise<void> {
    const forget = noteConfined(pid, moved);
    if (!forget) throw new Error("the guard can't see its namespaces");
    this.#forget = forget;
  }

  get rideFolder(): string | undefined {
    return this.#rides?.folder;
  }

  async #ride(): Promise<void> {
    this.#started ??= this.#start();
    const { guard, scope } = await this.#started;
    const { Rides } = await import("../../runs/ride/server.ts");
    const { ownPrompter } = await import("../guards/terminal.ts");
    const connections = await guard.guardConnections(scope, this.#request.report);
    const prompters = [ownPrompter(this.#request.terminal), ...guard.promptersFor(this.#request.confined)];
    const folder = join(this.folder, "ride");
    this.#rides = await Rides.start({ connections, scope: scope.scope, prompters, folder });
  }

  async close(): Promise<void> {
    this.#watch?.close();
    // none of them is put back from here on
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
    await this.#rides?.close();
    await this.#answering?.catch(() => {}); // was reported when it failed
    const started = await this.#started?.catch(() => undefined);
    await started?.guard.close();
    this.#held?.close();
    this.#forget();
    // where no descriptor is left for it, the next run removes it
    attempt(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  async #serve(socket: Socket, accepted: Accepted, serve: "serve" | "serveAskpass"): Promise<void> {
    this.#started ??= this.#start();
    const { scope } = await this.#started;
    // closed in the meantime: its descriptor may be another connection's by now
    if (!socket.destroyed) scope[serve](socket, accepted);
  }

  async #start(): Promise<{ guard: Guard; scope: AddedScope }> {
    const { Guard } = await import("../../daemon/guard.ts");
    const { ownTerminal } = await import("../guards/terminal.ts");
    const { name, upstream, report, terminal, confined, why } = this.#request;
    const claimed = why !== undefined && { why };
    const { memberOf } = await import("../../daemon/fleet/member.ts");
    const fleet = await memberOf(this.#config, this.#paths, this.folder, false);
    const guard = await Guard.start({
      ...(fleet && { fleet }),
      paths: this.#paths,
      config: this.#config,
      environment: process.env,
      holdsQuestions: false,
      report,
      folder: this.folder,
      onQuestion: () => this.#answer(guard),
    });
    await fleet?.load();
    const scope = guard.addScope({
      run: { name, pid: process.pid, ...(confined && { confined }), ...claimed },
      ride: this.#request.ride,
      policy: this.#policy,
      ...(upstream !== undefined && { upstream }),
      approvers: [ownTerminal(terminal)],
      report,
    });
    this.#watch?.close();
    void guard.watchFolder(this.#listeners); // never rejects
    return { guard, scope };
  }

  /** With the first question the way is opened by which `muxguard approve` comes in. */
  #answer(guard: Guard): void {
    if (this.#answering) return;
    this.#answering = serveAnswers(guard, join(this.folder, "daemon.sock"));
    this.#answering.catch((error: Error) => {
      this.#request.report(`muxguard: this can't be approved from elsewhere: ${error.message}`);
    });
  }
}

async function serveAnswers(guard: Guard, path: string): Promise<void> {
  const { serveRpc } = await import("../../daemon/rpc-server.ts");
  guard.closeWith(await serveRpc({ guard, path }));
}

/** Of a ride: nobody can reach them any more. */
async function endMasters(folder: string): Promise<void> {
  const { endOrphans } = await import("../../masters/records.ts");
  endOrphans(folder);
}
