/** Rides in sandboxes without Unix sockets, over named pipes of the run. */
import { closeSync, openSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { firstWords } from "../lab/processes.ts";
import { MUXGUARD } from "../lab/programs.ts";
import { rideProgram } from "../src/installation.ts";
import { NODE } from "./as-ssh.ts";
import type { Lab } from "./lab.ts";
import { cells, compare, difference } from "./mux.ts";
import { HOST, MuxLab } from "./mux-lab.ts";
import type { Row } from "./table.ts";

const TRANSFERRED = 64 * 1024 * 1024;

export async function benchFifo(lab: Lab): Promise<Row[]> {
  const mux = await MuxLab.open(lab);
  const { bare } = await mux.startMasters();
  const run = lab.spawn(NODE, [MUXGUARD, "run", "--ride", "--", "sh", "-c", "command -v ssh; cat"], {
    env: mux.environment,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ride = dirname(dirname(await firstWords(run)));
  const file = join(lab.folder, "data");
  writeFileSync(file, "");
  truncateSync(file, TRANSFERRED);
  const overFifos = (command: string, input?: number): Promise<void> =>
    lab.run(NODE, [rideProgram(), "--over-fifos", ride, HOST, command], mux.environment, input);
  const withFile = async (send: (input: number) => Promise<void>): Promise<void> => {
    const input = openSync(file, "r");
    await send(input).finally(() => closeSync(input));
  };
  const session = await compare(
    () => mux.ssh(bare, "true"),
    () => overFifos("true"),
    { rounds: 30, batch: 1, warmUp: 2 },
  );
  const plan = { rounds: 15, batch: 1, warmUp: 1 };
  const to = await compare(
    () => withFile((input) => mux.ssh(bare, "cat > /dev/null", { input })),
    () => withFile((input) => overFifos("cat > /dev/null", input)),
    plan,
  );
  const from = await compare(
    () => mux.ssh(bare, `cat ${file}`),
    () => overFifos(`cat ${file}`),
    plan,
  );
  const { added, ratio } = difference(session);
  const name = "in a ride without Unix sockets, against plain ssh over a master";
  return [
    {
      ...cells(`\`ssh host true\` ${name}`, session),
      result: `+ ${added.toFixed(0)} ms, ${ratio.toFixed(2)} × bare`,
    },
    { ...cells("64 MiB to the host there", to), result: speeds(to) },
    { ...cells("64 MiB from the host there", from), result: speeds(from) },
  ];
}

function speeds({ bare, guard }: Parameters<typeof difference>[0]): string {
  const of = (p50: number): string => (TRANSFERRED / 1e6 / (p50 / 1000)).toFixed(0);
  return `${of(guard.p50)} MB/s, bare ${of(bare.p50)}`;
}
