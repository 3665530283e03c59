/** Whoever has the bus: hears all questions, and sends what it likes in their place or as answers. */
import type { NatsConnection } from "@nats-io/transport-node";
import type { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Ballot, digestOf, type Vote } from "../../../src/fleet/asking/messages.ts";
import { type Namespace, sign } from "../../../src/fleet/signed/keygen.ts";

export interface Heard {
  subject: string;
  said: string;
}

export class Hostile {
  readonly heard: Heard[] = [];
  /** Why answers don't count, as guards say on the bus. */
  told: string[] = [];
  readonly #fleet: FleetLab;
  readonly #bus: NatsConnection;

  private constructor(fleet: FleetLab, bus: NatsConnection) {
    this.#fleet = fleet;
    this.#bus = bus;
    bus.subscribe("mg.q.>", {
      callback: (_, message) => {
        const { type, said, reason } = message.json() as { type: string; said?: string; reason?: string };
        if (said !== undefined) this.heard.push({ subject: message.subject, said });
        if (type === "refused") this.told.push(reason ?? "");
      },
    });
  }

  static async join(fleet: FleetLab): Promise<Hostile> {
    return new Hostile(fleet, await fleet.hostile());
  }

  /** What somebody would say to it from elsewhere: yes. */
  yesTo({ said }: Heard, by = "alice"): Ballot {
    const { machine, guard, nonce, expires, question } = JSON.parse(said);
    const answer = { decision: "allow", remember: "once" } as const;
    const about = { machine, guard, id: question.id, nonce, digest: digestOf(said), expires };
    return { v: 1, ...about, by, from: "laptop", answer };
  }

  async vote(ballot: unknown, key = "alice", namespace: Namespace = "muxguard-approval"): Promise<Vote> {
    const { environment } = this.#fleet;
    const signed = JSON.stringify(ballot);
    return { signed, signature: await sign(signed, { key: this.#fleet.path(key), namespace, environment }) };
  }

  /** As an answer to this question. */
  send({ subject }: Heard, what: unknown): void {
    const text = typeof what === "string" ? what : JSON.stringify(what);
    this.#bus.publish(subject.replace("mg.q.", "mg.a."), text);
  }

  publish(subject: string, what: object): void {
    this.#bus.publish(subject, JSON.stringify(what));
  }

  async flush(): Promise<void> {
    await this.#bus.flush();
  }

  async close(): Promise<void> {
    await this.#bus.close();
  }
}
