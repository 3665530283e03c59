/** Ways by which something outside would act for the run. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { PrivateBus } from "../../lab/desktop/bus.ts";
import { Pty } from "../../lab/terminal/pty.ts";
import { attempt } from "../../src/attempt.ts";
import { describeWith } from "../peer/tools.ts";
import { inProject, tryAll } from "./attack-table.ts";
import { ConfineLab } from "./confine-lab.ts";

describeWith(["tmux", "bus", "python", "bwrap"], "a confined run has nothing of the session:", () => {
  const lab = new ConfineLab();
  const terminals = mkdtempSync("/tmp/tmux-");
  const tmux = join(terminals, "default");
  const [said, typed] = [lab.path("said"), lab.path("typed")];
  let bus = "";
  const x11 = `/tmp/.X11-unix/X${3000 + (process.pid % 20_000)}`;

  beforeAll(async () => {
    for (const folder of ["bus", "systemd", "keyring", "podman"])
      mkdirSync(lab.path(`runtime/${folder}`), { mode: 0o700 });
    mkdirSync("/tmp/.X11-unix", { recursive: true, mode: 0o1777 });
    writeFileSync(join(lab.home, ".Xauthority"), "MIT-MAGIC-COOKIE-1", { mode: 0o600 });
    ({ socket: bus } = await PrivateBus.start(lab.path("runtime/bus"), (...words) => lab.start(...words)));
    const sockets = ["systemd/private", "keyring/control", "wayland-0", "podman/podman.sock"];
    for (const path of [...sockets.map((name) => lab.path(`runtime/${name}`)), x11]) await lab.listen(path);
    execFileSync("tmux", ["-S", tmux, "-f", "/dev/null", "new-session", "-d", "sh"], {
      env: lab.environment,
    });
  });
  afterAll(async () => {
    attempt(() => execFileSync("tmux", ["-S", tmux, "kill-server"], { stdio: "ignore" }));
    for (const path of [terminals, x11]) rmSync(path, { recursive: true, force: true });
    await lab.close();
  });

  const crontab = (...words: string[]): string =>
    execFileSync("crontab", words, { encoding: "utf8", stdio: "pipe" });
  const hadJobs = attempt(() => crontab("-l")) !== undefined;
  tryAll("session", {
    lab,
    facts: () => ({
      ...{ tmux, x11, terminal: "TERMINAL", bus },
      cron: !hadJobs && existsSync("/usr/bin/crontab"),
      mayType:
        (attempt(() => readFileSync("/proc/sys/dev/tty/legacy_tiocsti", "utf8").trim()) ?? "1") === "1",
    }),
    answers: {
      typed: (text) => readFileSync(typed, "utf8").includes(text),
      crontab: () => attempt(() => crontab("-l")),
      "no crontab": () => (hadJobs ? undefined : attempt(() => crontab("-r"))),
    },
    // a terminal, as the user has it; what the run says goes to a file, and what is typed for the shell after it
    start: async (words, environment) => {
      const line = `tty=$(tty); FACTS=$(printf '%s' "$FACTS" | sed "s#TERMINAL#$tty#") && "$@" > ${said}
        timeout --foreground 1 head -n 1 > ${typed}`;
      const [program, all] = inProject(lab, ["/bin/sh", "-c", line, "sh", ...words]);
      lab.environment.FACTS = environment.FACTS;
      await new Pty(lab, program, ...all).end();
      return readFileSync(said, "utf8");
    },
  });
});
