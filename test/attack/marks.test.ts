/**
 * Ways out of a run. Whatever a program inside does to its line of processes, to its namespaces or to the process
 * that holds the run: at the sockets of the login session it gets what its run may, or nothing.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, beforeAll } from "vitest";
import { MUXGUARD, until } from "../../lab/lab.ts";
import { HOST, MuxLab } from "../../lab/mux-lab.ts";
import { PYTHON } from "../../lab/programs.ts";
import { describeWith, runs } from "../peer/tools.ts";
import { type Attacks, gainNothing, type Outcome } from "./attack.ts";

const POLICY = `default = "allow"
[[rule]]
name = "no evil"
scope = "evil"
action = "deny"
`;

const isRoot = userInfo().uid === 0;
const hasNamespaces = runs("unshare", ["-Urpf", "--mount-proc", "true"]);
if (!hasNamespaces) console.warn("skipped, for want of user namespaces: a run that leaves for others");
if (isRoot) console.warn("skipped, as root may: a limit that is raised again");

describeWith(["ssh", "sshd", "python"], "a program in a run gets neither a key nor a session by", () => {
  const lab = new MuxLab();
  const out = lab.path("out");
  let attempt: string;
  let honest: string;
  beforeAll(async () => {
    lab.policy(POLICY);
    await lab.open();
    await lab.startMaster();
    // a signature of the login session's key, and a session on its shared connection; their exit codes
    attempt = lab.script(
      "attempt",
      `#!/bin/sh
export SSH_AUTH_SOCK=\${AGENT:-${lab.agentSocket}}
ssh-add -T ${lab.path("me@laptop.pub")} > /dev/null 2>&1; sign=$?
ssh -F ${lab.sshConfig} -S ${lab.controlPath()} ${HOST} true > /dev/null 2>&1; session=$?
echo $sign $session > ${out}.new; mv ${out}.new ${out}\n`,
    );
    await lab.run(attempt, []);
    honest = readFileSync(out, "utf8");
  });
  afterAll(() => lab.close());

  /** @param line of sh, in the run, which starts "$attempt" and may end before it has ended */
  const leave = async (line: string, ...options: string[]): Promise<Outcome> => {
    rmSync(out, { force: true });
    lab.environment.attempt = attempt;
    const { events } = await lab.logged(async () => {
      await lab.muxguard("run", "--scope", "evil", ...options, "--", "/bin/sh", "-c", line);
      await until(() => existsSync(out), "the attempt's end");
    });
    const [sign, session] = readFileSync(out, "utf8").trim().split(" ");
    const denied = events.filter(({ decision }) => decision === "deny").map(({ kind }) => kind);
    return {
      tried: honest === "0 0\n" && denied.includes("sign") && denied.includes("session"),
      gained: (sign === "0" && "a signature") || (session === "0" && "a session"),
    };
  };

  const attacks: Attacks = {
    "being inside": () => leave('"$attempt"'),
    "a session of its own": () => leave('setsid "$attempt"'),
    "two forks, away from the terminal": () =>
      leave(
        "(setsid sh -c '\"$attempt\" &' > /dev/null 2>&1 < /dev/null &) ; while ! test -e $OUT; do sleep 0.05; done".replace(
          "$OUT",
          out,
        ),
      ),
    "an empty environment": () => leave('a=$attempt; exec env -i PATH="$PATH" "$a"'),
    "ending what holds the run": () =>
      leave("setsid sh -c 'while kill -0 $0; do :; done 2>/dev/null; \"$attempt\"' $PPID & kill -9 $PPID"),
    "stopping what holds the run": () =>
      leave("setsid sh -c '\"$attempt\"; kill -CONT $0' $PPID > /dev/null 2>&1 & kill -STOP $PPID"),
    "70 processes in between": () => {
      const deep = lab.script(
        "deep",
        '#!/bin/sh\nif [ "$1" -gt 0 ]; then "$0" $(($1 - 1)); else "$attempt"; fi; :\n',
      );
      return leave(`${deep} 70`);
    },
    "70 processes in between, once nobody holds the run": () => {
      const deep = lab.script(
        "deep",
        '#!/bin/sh\nif [ "$1" -gt 0 ]; then "$0" $(($1 - 1)); else "$attempt"; fi; :\n',
      );
      return leave(
        `setsid sh -c 'while kill -0 $0; do :; done 2>/dev/null; ${deep} 70' $PPID & kill -9 $PPID`,
      );
    },
    "another name of its program": () =>
      leave(`exec ${PYTHON} -c 'import os; os.execv("/bin/sh", ["/usr/bin/ssh", os.environ["attempt"]])'`),
    "a run within the run": () => leave(`'${process.execPath}' '${MUXGUARD}' run --scope fine -- "$attempt"`),
    "the agent socket of a run within the run": () =>
      leave(
        `'${process.execPath}' '${MUXGUARD}' run --scope fine -- sh -c 'AGENT=$SSH_AUTH_SOCK exec "$attempt"'`,
      ),
    "the agent socket of another run": async () => {
      const { socket, child } = await lab.holdRun("--scope", "fine");
      const outcome = await leave(`AGENT=${socket} "$attempt"`);
      child.kill("SIGTERM");
      return outcome;
    },
    "its own agent socket": () => leave('AGENT=$SSH_AUTH_SOCK "$attempt"'),
    ...(hasNamespaces && {
      "a user namespace": () => leave('exec unshare -Ur "$attempt"'),
      "a mount namespace": () => leave('exec unshare -Urm "$attempt"'),
      "a pid namespace": () => leave('exec unshare -Urpf "$attempt"'),
      "a pid namespace with a /proc of its own": () => leave('exec unshare -Urpf --mount-proc "$attempt"'),
      "a pid namespace, once nobody holds the run": () =>
        leave("setsid unshare -Urpf sh -c 'sleep 0.5; \"$attempt\"' & sleep 0.2; kill -9 $PPID"),
    }),
    ...(!isRoot && {
      "raising the limit again": () =>
        leave(`exec ${PYTHON} -c 'import os, resource
try: resource.setrlimit(10, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
except (OSError, ValueError): pass
os.execv(os.environ["attempt"], ["x"])'`),
    }),
  };
  gainNothing(attacks);
});
