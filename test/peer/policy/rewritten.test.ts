/** A policy that is rewritten while real programs sign: each signature is decided by a whole policy, the present one. */
import type { ChildProcess } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it, onTestFinished } from "vitest";
import { Lab, MUXGUARD } from "../../../lab/lab.ts";
import { describeWith } from "../tools.ts";

const [ALLOW, DENY] = ['default = "allow"\n', 'default = "deny"\n'];

/** Whole, it denies what is signed here. Its first half alone allows that. */
const HALVES = [`${DENY}[[rule]]\naction = "allow"\n`, 'namespace = "other"\n'] as const;

/** How many clients sign at once, and how often the policy changes. */
const [CLIENTS, CHANGES] = [3, 12];

describeWith(["ssh"], "a policy that is rewritten while programs sign", () => {
  let lab: Lab;
  let daemon: ChildProcess;
  const policy = (): string => lab.path("config/muxguard/policy.toml");

  beforeEach(async () => {
    lab = new Lab();
    lab.policy(DENY);
    await lab.startAgent("upstream.sock", lab.key("work"));
    rmSync(lab.path("work")); // ssh-keygen would sign with the file
    daemon = await lab.startDaemon();
  });
  afterEach(() => lab.close());

  async function signs(): Promise<boolean> {
    const words = ["-Y", "sign", "-q", "-n", "test", "-f", lab.path("work.pub")];
    const environment = { SSH_AUTH_SOCK: lab.agentSocket };
    const { code } = await lab.run("timeout", ["10", "ssh-keygen", ...words], { environment, input: "text" });
    if (code === 124) throw new Error("no answer came");
    return code === 0;
  }

  function replace(text: string): void {
    lab.write("config/muxguard/next", text);
    renameSync(lab.path("config/muxguard/next"), policy());
  }

  async function inTwoWrites(): Promise<void> {
    const fd = openSync(policy(), "w");
    for (const half of HALVES) {
      writeSync(fd, half);
      await delay(30);
    }
    closeSync(fd);
  }

  it("never decides by the half that is there between two writes in its place", async () => {
    replace(HALVES.join(""));
    let isOver = false;
    const client = async (): Promise<boolean[]> => {
      const signed: boolean[] = [];
      while (!isOver) signed.push(await signs());
      return signed;
    };
    const clients = Promise.all(Array.from({ length: CLIENTS }, client));
    for (let times = 0; times < CHANGES; times++) {
      await inTwoWrites();
      await delay(150); // clients get their answers in between
    }
    isOver = true;
    const signed = (await clients).flat();
    expect(signed.length).toBeGreaterThan(CHANGES);
    expect(signed).not.toContain(true);
    replace(HALVES[0]);
    expect(await signs()).toBe(true);
  }, 60_000);

  it.each([
    ["renamed to its name", replace],
    ["written in its place", (text: string) => lab.policy(text)],
  ])(
    "decides by the one that was just %s",
    async (_, change) => {
      for (let times = 0; times < CHANGES; times++)
        for (const text of [ALLOW, DENY]) {
          change(text);
          expect(await signs()).toBe(text === ALLOW);
          // by then it is watched, and not looked at
          if (times % 4 === 0)
            for (let more = 0; more < 3; more++) expect(await signs()).toBe(text === ALLOW);
        }
    },
    60_000,
  );

  it("lets nobody's yes through where the one that came while the question was open denies", async () => {
    replace('default = "ask"\n');
    const first = signs();
    const [question] = await lab.pending();
    replace('[[rule]]\nname = "no more"\naction = "deny"\n');
    await lab.muxguard("approve", "--for", "10m", question?.id ?? "");
    expect(await first).toBe(false);
    const denied = { decision: "deny", by: "rule:no more", reason: expect.stringContaining("came too late") };
    expect(lab.log().filter(({ kind }) => kind === "sign")).toMatchObject([denied]);
    const shown = await lab.muxguard("log");
    expect(shown.stdout).toContain('rule "no more"; it denies this by now, and the yes came too late');
    replace('default = "ask"\n');
    const again = signs(); // nothing is remembered
    await lab.muxguard("deny", (await lab.pending())[0]?.id ?? "");
    expect(await again).toBe(false);
  }, 60_000);

  it("decides by the present one also where the kernel's queue of changes was full", async () => {
    mkdirSync(lab.path("config/muxguard/policy.d"), { mode: 0o700 });
    replace(ALLOW);
    for (let times = 0; times < 4; times++) expect(await signs()).toBe(true);
    const most = Number(readFileSync("/proc/sys/fs/inotify/max_queued_events", "utf8"));
    daemon.kill("SIGSTOP");
    for (let changes = 0; changes < most; changes++) {
      const path = lab.path(`config/muxguard/policy.d/${changes}`);
      closeSync(openSync(path, "w"));
      unlinkSync(path);
    }
    replace(DENY);
    daemon.kill("SIGCONT");
    for (const text of [DENY, ALLOW, DENY]) {
      replace(text);
      for (let times = 0; times < 4; times++) expect(await signs()).toBe(text === ALLOW);
    }
  }, 60_000);
});

/** $1 and $2 are the limits; what follows changes the policy $4 in both ways, and signs with $5 after each. */
const IN_NAMESPACE = `
  echo "$1" > /proc/sys/user/max_inotify_instances && echo "$2" > /proc/sys/user/max_inotify_watches || exit 9
  node=$3 policy=$4 key=$5 muxguard=$6
  "$node" "$muxguard" daemon || exit 8
  SSH_AUTH_SOCK=$XDG_RUNTIME_DIR/muxguard/agent.sock; export SSH_AUTH_SOCK
  sign() { ssh-add -T "$key" > /dev/null 2>&1 && echo allowed || echo denied; }
  for time in 1 2 3; do
    echo 'default = "deny"' > "$policy"; sign; sign
    echo 'default = "allow"' > "$policy.next"; mv "$policy.next" "$policy"; sign; sign
  done
  "$node" "$muxguard" daemon stop > /dev/null`;

describeWith(["ssh", "userns"], "a daemon to which the kernel tells of no changes", () => {
  it.each<[string, string, number, number, RegExp]>([
    ["no inotify instance is left", "instances", 0, 1000, /is only looked at now and then: EMFILE/],
    ["no watch is left", "watches", 100, 0, /is only looked at now and then: ENOSPC/],
    ["some watches are left", "watches", 100, 8, /is only looked at now and then: ENOSPC/],
    ["one instance is left, for the daemon's folders", "instances", 1, 1000, /^/],
  ])(
    "looks at the policy itself: %s",
    async (_, __, instances, watches, said) => {
      const lab = new Lab();
      onTestFinished(() => lab.close());
      lab.policy('default = "deny"\n');
      await lab.startAgent("upstream.sock", lab.key("work"));
      const words = [
        process.execPath,
        lab.path("config/muxguard/policy.toml"),
        lab.path("work.pub"),
        MUXGUARD,
      ];
      const limits = [`${instances}`, `${watches}`];
      const ran = await lab.run("unshare", ["-Urm", "sh", "-c", IN_NAMESPACE, "sh", ...limits, ...words]);
      expect(ran.stdout).toBe("denied\ndenied\nallowed\nallowed\n".repeat(3));
      expect(ran).toMatchObject({ code: 0, stderr: expect.stringMatching(said) });
    },
    60_000,
  );
});
