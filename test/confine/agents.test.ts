/** Ways to a signature by the user's key. */
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { describeWith } from "../peer/tools.ts";
import { tryAll } from "./attack-table.ts";
import { ConfineLab } from "./confine-lab.ts";

const OTHER = "other.example";

describeWith(["ssh", "sshd", "python", "bwrap"], "a confined run gets no signature by", () => {
  const lab = new ConfineLab();
  const others = new ConfineLab();
  const gpgAgent = lab.path("runtime/gnupg/S.gpg-agent.ssh");
  const named = lab.path("named/agent.sock");
  const later = mkdtempSync("/tmp/ssh-");
  let key: string;
  let victim: number | undefined;

  beforeAll(async () => {
    key = await lab.withAgent();
    for (const folder of ["runtime/gnupg", "named", "links"]) mkdirSync(lab.path(folder), { mode: 0o700 });
    for (const path of [gpgAgent, named, others.agent]) await lab.agentAt(path, key);
    await lab.startServer(OTHER, key);
    lab.host("named.example", [`IdentityAgent ${named}`]);
    symlinkSync(lab.agent, lab.path("links/agent"));
    linkSync(lab.agent, join(lab.agentFolder, "again"));
    victim = lab.start("sleep", ["1000"], { cwd: "/", stdio: "ignore" }).pid;
  });
  afterAll(async () => {
    await Promise.all([lab.close(), others.close()]);
    rmSync(later, { recursive: true, force: true });
  });

  tryAll("agents", {
    lab,
    facts: () => ({
      ...{ victim, gpgAgent, identityAgent: named, otherAgent: others.agent, other: OTHER },
      linked: lab.path("links/agent"),
      hardLinked: join(lab.agentFolder, "again"),
      agentFolder: lab.agentFolder,
    }),
    answers: { "start an agent": (name) => lab.agentAt(join(later, name), key) },
  });
});
