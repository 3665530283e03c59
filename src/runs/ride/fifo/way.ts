/** The guard's side of a ride's named pipes: what a client asks there, decided as at a control socket. */
import { attempt } from "../../../attempt.ts";
import { messageOf } from "../../../errors.ts";
import type { Client } from "../../../guard/client.ts";
import { callerIn, type Scope } from "../../../guard/decide/scope.ts";
import type { Asker } from "../../../guard/decide/verdict.ts";
import { address } from "../../../guard/mux/facts.ts";
import { type InnerRequest, innerClient } from "../../../guard/mux/inner-client.ts";
import type { Connections } from "../../../masters/connections.ts";
import { closeDescriptors } from "../../../platform/libc/descriptors.ts";
import type { Caller } from "../../../policy/request.ts";
import type { RideRequest } from "../../../rpc/requests.ts";
import { checkedFifoRequest } from "./checked-request.ts";
import type { FifoReply, FifoSession } from "./request.ts";
import type { Slot } from "./slot.ts";
import { Slots } from "./slots.ts";

export interface FifoWayParts {
  /** Of the run's ride. */
  folder: string;
  connections: Connections;
  scope: Scope;
  /** The run's control socket for a plain destination. @throws Error with a line for stderr */
  wayTo(request: RideRequest, asker: Asker): Promise<{ path: string }>;
}

export class FifoWay {
  readonly #parts: FifoWayParts;
  readonly #slots: Slots;
  readonly #holder: Caller | undefined;

  constructor(parts: FifoWayParts) {
    const { scope, connections, folder } = parts;
    this.#parts = parts;
    this.#holder = scope.run && attempt(() => connections.processes.read(scope.run?.pid ?? 0));
    this.#slots = new Slots(folder, (slot, line, name, gone) => this.#serve(slot, line, name, gone));
  }

  close(): void {
    this.#slots.close();
  }

  async #serve(slot: Slot, line: string, name: string, gone: AbortSignal): Promise<void> {
    const reply = await this.#answer(slot, line, name, gone).catch(
      (error: unknown): FifoReply => ({ error: messageOf(error) }),
    );
    slot.reply(reply);
  }

  async #answer(slot: Slot, line: string, name: string, gone: AbortSignal): Promise<FifoReply> {
    const { connections, scope, wayTo } = this.#parts;
    const { destination, asks, terminal } = checkedFifoRequest(line);
    const client = this.#clientOf(name, gone);
    const asker: Asker = {
      caller: attempt(() => callerIn(scope, client.identify())),
      gone,
      tells: true,
      isUnchanged: () => attempt(() => client.identify()) !== undefined,
      waiting: (line, isTold) => {
        if (terminal && !isTold) slot.reply({ report: line });
        return terminal;
      },
    };
    const { path } = await wayTo({ destination, purpose: purposeOf(asks) }, asker);
    const descriptors = asks.kind === "stdio" ? slot.take("in", "out") : slot.take("in", "out", "err");
    closeDescriptors(slot.take("err")); // a client reads it to its end
    const serve = connections.serveInner(path, { scope, client, terminal });
    if (!serve) {
      closeDescriptors(descriptors);
      throw new Error("muxguard: the shared connection is gone; try again");
    }
    const end = await innerClient(innerRequestOf(asks), descriptors, serve, gone);
    if (end === "lost") throw new Error("muxguard: the shared connection is gone; try again");
    return "refused" in end ? { error: end.refused } : end;
  }

  /**
   * Something in the run: a pipe says no more. So it is no program that a rule could allow by its name, and
   * where it lives, it may see other files.
   */
  #clientOf(name: string, gone: AbortSignal): Client {
    const identify = (): Caller => {
      const { pid, startTime, session } = this.#holder ?? {};
      if (gone.aborted || pid === undefined || startTime === undefined || session === undefined)
        throw new Error("the client has ended");
      this.#parts.connections.processes.read(pid, startTime); // throws where the run's holder has ended
      const itself = { pid, startTime: `${startTime}.${name}`, name: "a sandboxed program", cmdline: [] };
      return { ...itself, session, ancestors: [], container: true };
    };
    return { identify, isUnchanged: () => attempt(identify) !== undefined };
  }
}

function purposeOf(asks: FifoSession): RideRequest["purpose"] {
  if (asks.kind === "stdio") {
    return { forward: { kind: "stdio", connect: address(asks.host, asks.port ?? "path") } };
  }
  return asks.subsystem ? { subsystem: asks.command } : { command: asks.command };
}

function innerRequestOf(asks: FifoSession): InnerRequest {
  return asks.kind === "session" ? asks : { ...asks, port: asks.port ?? "path" };
}
