/**
 * Mixed use for a while, and what the guard keeps of it: its memory and its descriptors, each minute. What only
 * grows shows here: signatures, lists, new connections, questions, sessions, runs, and what is denied of them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { ended } from "../lab/processes.ts";
import { list } from "./agent.ts";
import { AgentClient } from "./agent-client.ts";
import { signature } from "./flood.ts";
import type { Lab } from "./lab.ts";
import { residentMemory } from "./load.ts";
import { HOST, MuxLab } from "./mux-lab.ts";
import type { Row } from "./table.ts";

const MINUTE = 60_000;
/** How much more the last third may take than the second, in MB. */
const MOST_MORE = 3;
/** Looks at the memory, for each minute. */
const LOOKS = 6;

const policy = `
default = "deny"
[[rule]]
on = ["sign"]
namespace = "honest"
action = "allow"
[[rule]]
on = ["sign"]
namespace = "asked"
action = "ask"
remember = "never"
[[rule]]
on = ["sign"]
host = "${HOST}"
action = "allow"
[[rule]]
on = ["session"]
host = "${HOST}"
command = "true"
action = "allow"
`;

/** How long it lasts if nothing else is said. */
const USUAL_MINUTES = 2;

export async function benchSoak(lab: Lab, minutes = USUAL_MINUTES): Promise<Row[]> {
  const mux = await MuxLab.open(lab, { policy, stderr: "ignore" });
  const { guarded } = await mux.startMasters();
  const { pid } = mux.guard;
  const use = await MixedUse.begin(lab, mux, guarded);
  const looks: number[] = [];
  const began = performance.now();
  const passed = (): number => (performance.now() - began) / MINUTE;
  while (passed() < minutes) {
    await use.round();
    if (looks.length >= passed() * LOOKS) continue;
    looks.push(residentMemory(pid));
    if (looks.length % LOOKS === 0) process.stderr.write(`${looks.length / LOOKS} min: ${look(pid)}\n`);
  }
  await use.end();
  const third = Math.floor(looks.length / 3);
  const [second, last] = [average(looks.slice(third, -third)), average(looks.slice(-third))];
  const result = `${(last - second).toFixed(1)} MB more`;
  return [
    {
      measure: `resident memory in the last third of ${minutes} min of mixed use (${use.rounds} rounds)`,
      guard: `${last.toFixed(0)} MB, in the second third ${second.toFixed(0)} MB`,
      result,
      target: `< ${MOST_MORE} MB more`,
      holds: last - second < MOST_MORE,
    },
  ];
}

class MixedUse {
  rounds = 0;
  readonly #lab: Lab;
  readonly #mux: MuxLab;
  readonly #controlPath: string;
  readonly #lasting: AgentClient;

  private constructor(lab: Lab, mux: MuxLab, controlPath: string, lasting: AgentClient) {
    this.#lab = lab;
    this.#mux = mux;
    this.#controlPath = controlPath;
    this.#lasting = lasting;
  }

  static async begin(lab: Lab, mux: MuxLab, controlPath: string): Promise<MixedUse> {
    return new MixedUse(lab, mux, controlPath, await AgentClient.connect(mux.guard.socket));
  }

  async round(): Promise<void> {
    const { key } = this.#lab;
    for (let at = 0; at < 20; at++) await this.#lasting.request(signature(key, "honest"));
    for (let at = 0; at < 5; at++) await this.#lasting.request(signature(key, "denied"));
    for (let at = 0; at < 10; at++) await this.#comeAndGo();
    await this.#lasting.request(signature(key, "asked")); // a program says yes
    for (let at = 0; at < 3; at++) await this.#mux.ssh(this.#controlPath, "true");
    await this.#denied();
    const { environment } = this.#mux;
    if (this.rounds % 5 === 0) await this.#lab.runMuxguard(["run", "--", "ssh-add", "-L"], environment);
    if (this.rounds % 20 === 0) await this.#mux.ssh(undefined, "true"); // with a login
    this.rounds++;
  }

  /** A forward: after a session that was denied, a login of the same program is, too. */
  #denied(): Promise<void> {
    const words = ["-O", "forward", "-L", "18080:db.example:80", HOST];
    const args = [...this.#mux.arguments(this.#controlPath), ...words];
    return ended(this.#lab.spawn("ssh", args, { env: this.#mux.environment, stdio: "ignore" }));
  }

  async #comeAndGo(): Promise<void> {
    const client = await AgentClient.connect(this.#mux.guard.socket);
    await list(client);
    await client.request(signature(this.#lab.key, "honest"));
    await client.close();
  }

  end(): Promise<void> {
    return this.#lasting.close();
  }
}

/** What the process takes now. Its descriptors are shown to root alone. */
function look(pid: number): string {
  const [, anonymous = "NaN"] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  const heap = `${((Number(anonymous) * 1024) / 1e6).toFixed(1)} MB of its own`;
  return `${residentMemory(pid).toFixed(1)} MB, ${heap}, ${descriptorsOf(pid)} descriptors`;
}

function descriptorsOf(pid: number): number | string {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return "?";
  }
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
