/** Ways to a private key's file. */
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { firstWords } from "../../lab/processes.ts";
import { PYTHON } from "../../lab/programs.ts";
import { describeWith } from "../peer/tools.ts";
import { tryAll } from "./attack-table.ts";
import { ConfineLab } from "./confine-lab.ts";

/** A socket in the runtime folder, at which a program of the user's passes an open key on. */
const PASSES = `
import array, os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
key = os.open(sys.argv[2], os.O_RDONLY)
print("ready", flush=True)
while True:
    link, _ = listener.accept()
    link.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [key]))])
    link.close()
`;

const OTHER = "other.example";

describeWith(["ssh", "sshd", "python", "bwrap"], "a confined run reads no", () => {
  const lab = new ConfineLab();
  const passer = lab.path("runtime/passer");
  const ssh = join(lab.home, ".ssh");
  const named = lab.path("keys-of-mine/deploy");
  const elsewhere = lab.path("elsewhere/key");
  let victims: (number | undefined)[] = [];

  beforeAll(async () => {
    const key = await lab.withAgent();
    for (const folder of ["keys-of-mine", "elsewhere", "links", "home/.ssh/forge"])
      mkdirSync(lab.path(folder), { recursive: true, mode: 0o700 });
    for (const name of [
      "home/.ssh/notes.txt",
      "home/.ssh/forge/deploy",
      "keys-of-mine/deploy",
      "elsewhere/key",
    ])
      lab.key(name);
    symlinkSync(key, lab.path("links/key"));
    symlinkSync(elsewhere, join(ssh, "id_linked"));
    mkdirSync(join(lab.home, ".gnupg/private-keys-v1.d"), { recursive: true, mode: 0o700 });
    writeFileSync(join(lab.home, ".gnupg/private-keys-v1.d/one.key"), "(protected-private-key)\n");
    await lab.startServer(OTHER, key);
    lab.host(`*.${OTHER}`, [`IdentityFile ${named}`]);
    const sleeps = (cwd: string, input?: string) =>
      lab.start("/bin/sh", ["-c", `exec sleep 1000 ${input ? `7< ${input}` : ""}`], { cwd, stdio: "ignore" })
        .pid;
    victims = [sleeps("/"), sleeps(lab.home), sleeps("/", key)];
    const passes = lab.start(PYTHON, ["-c", PASSES, passer, key], { stdio: ["ignore", "pipe", "inherit"] });
    await firstWords(passes);
  });
  afterAll(() => lab.close());

  tryAll("keys", {
    lab,
    facts: () => ({
      ...{ named, linked: lab.path("links/key"), linkedFrom: elsewhere, other: OTHER, passer },
      ...{ victim: victims[0], atHome: victims[1], reader: victims[2] },
    }),
    answers: {
      "make a key": (name) => {
        renameSync(lab.key(name), join(ssh, name));
        return join(ssh, name);
      },
    },
  });
});
