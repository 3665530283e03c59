/**
 * Rides in a sandbox without Unix sockets: a seccomp filter denies them, as in those of coding agents, and bwrap
 * takes the network, the processes and the right to write.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { finished, type Result, until } from "../../../lab/lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { describeWith } from "../tools.ts";

const RULES = `default = "deny"
[[rule]]
on = ["connect", "sign"]
action = "allow"
[[rule]]
name = "by name"
on = ["session"]
command = "for *"
caller = "*"
action = "allow"
[[rule]]
name = "not by name"
on = ["session"]
command = "for *"
action = "deny"
[[rule]]
name = "asked"
on = ["session"]
command = "ask *"
action = "ask"
[[rule]]
on = ["session", "forward"]
action = "allow"
`;

const MIB = 1024 * 1024;
/** For many programs on a busy machine, in milliseconds. */
const LONG = 180_000;

describeWith(["ssh", "sshd", "git", "rsync", "cc", "bwrap"], "a ride without Unix sockets", () => {
  const lab = new OpenLab();
  const work = lab.path("inside");
  const deny = lab.path("no-unix-sockets");
  const bwrap = "bwrap --ro-bind / / --dev /dev --proc /proc --unshare-net --unshare-pid --die-with-parent";
  /** Only what is in the folder may be written. */
  const sandbox = `${bwrap} --bind ${work} ${work} --chdir ${work} ${deny}`;
  let scripts = 0;

  /** A script for sh inside of the sandbox, in a run. */
  function script(text: string): string {
    const path = join(work, `script${scripts++}`);
    writeFileSync(path, text);
    return `${sandbox} sh ${path}`;
  }
  const inside = (text: string): Promise<Result> => lab.ride(script(text));

  beforeAll(async () => {
    mkdirSync(work);
    execFileSync("cc", ["-o", deny, join(import.meta.dirname, "no-unix-sockets.c")]);
    lab.policy(RULES);
    await lab.open();
  });
  afterAll(() => lab.close());

  it("has none there, nor what leads elsewhere", async () => {
    const line = `node -e 'require("net").connect("/nowhere").on("error", (e) => console.log(e.code))'
      touch ${lab.path("written")} 2>/dev/null || echo read-only; ls /sys/class/net 2>/dev/null | wc -w`;
    const { stdout } = await lab.run("/bin/sh", ["-c", script(line)]);
    expect(stdout).toMatch(/^EPERM\nread-only\n/);
  });

  it("ssh: streams byte for byte, the exit code, no input, the end of a reader", async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7 + (at >> 8)) % 256));
    writeFileSync(join(work, "in"), bytes);
    const line = `ssh ${HOST} 'cat; echo said >&2; exit 7' < in > out; echo $?
      ssh ${HOST} exit 3; echo $?; echo unread | ssh -n ${HOST} cat; echo $?
      echo 'echo by a shell; exit 4' | ssh -T ${HOST}; echo $?
      ssh ${HOST} 'cat /dev/zero' < /dev/null | head -c 3 | wc -c`;
    const { code, stdout, stderr } = await inside(line);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: "7\n3\n0\nby a shell\n4\n3\n",
      stderr: "said\n",
    });
    expect(readFileSync(join(work, "out")).equals(bytes)).toBe(true);
  });

  it("scp both ways and in both manners, sftp, and rsync", async () => {
    const far = lab.path("far");
    mkdirSync(far);
    writeFileSync(join(work, "file"), "content\n");
    const line = `set -e
      scp -q file ${HOST}:${far}/a; scp -q -O file ${HOST}:${far}/b; scp -q ${HOST}:${far}/a back
      printf 'put file ${far}/c\\nget ${far}/c got\\n' | sftp -q -b - ${HOST} > listing
      rsync -t file ${HOST}:${far}/d; rsync ${HOST}:${far}/d synced; cat back got synced`;
    expect(await inside(line)).toEqual({ code: 0, signal: null, stdout: "content\n".repeat(3), stderr: "" });
    for (const name of ["a", "b", "c", "d"]) expect(readFileSync(join(far, name), "utf8")).toBe("content\n");
  });

  it("git: clone, push and fetch", async () => {
    const line = `set -e
      export HOME=${work} GIT_CONFIG_NOSYSTEM=1
      git config --global user.name Me; git config --global user.email me@example
      git clone -q ${HOST}:${lab.path("store.git")} clone 2>/dev/null; cd clone
      git checkout -q -b main; git commit -q --allow-empty -m first; git push -q origin main
      git fetch -q; git log --format=%s origin/main`;
    execFileSync("git", ["init", "-q", "--bare", lab.path("store.git")]);
    expect(await inside(line)).toEqual({ code: 0, signal: null, stdout: "first\n", stderr: "" });
  });

  it(
    "64 MiB there and back at once",
    async () => {
      const data = Buffer.alloc(64 * MIB);
      for (let at = 0; at < data.length; at += 4) data.writeUInt32LE((at * 2654435761) >>> 0, at);
      writeFileSync(join(work, "data"), data);
      const digest = createHash("sha256").update(data).digest("hex");
      const { stdout, stderr } = await inside(`ssh ${HOST} cat < data | sha256sum`);
      expect({ stdout, stderr }).toEqual({ stdout: `${digest}  -\n`, stderr: "" });
    },
    LONG,
  );

  it(
    "20 at once",
    async () => {
      const line = `for n in $(seq 20); do echo $n | ssh ${HOST} "cat; exit $n" > many$n || echo $? > code$n & done; wait
      for n in $(seq 20); do echo $(cat many$n) $(cat code$n); done`;
      const { stdout, stderr } = await inside(line);
      const expected = Array.from({ length: 20 }, (_, at) => `${at + 1} ${at + 1}\n`).join("");
      expect({ stdout, stderr }).toEqual({ stdout: expected, stderr: "" });
    },
    LONG,
  );

  it("-W", async () => {
    const { stdout } = await inside(`ssh -W 127.0.0.1:${lab.port} ${HOST} < /dev/null | head -c 7`);
    expect(stdout).toBe("SSH-2.0");
  });

  it("ends the session of a client that is killed, and others go on", async () => {
    const marker = lab.path("ended");
    const child = lab.startRide(
      script(`ssh ${HOST} 'echo in; cat > /dev/null; touch ${marker}' < /dev/zero > said & ssh=$!
        while [ ! -s said ]; do sleep 0.1; done; kill -9 $ssh; wait $ssh; echo killed
        ssh ${HOST} 'echo goes on'; echo end`),
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    expect((await finished(child)).stdout).toBe("killed\ngoes on\nend\n");
    await until(() => existsSync(marker), "the end of what the session ran", 60_000);
  });

  it("says why it is denied, and what is not to be had", async () => {
    const { stdout, stderr } = await inside(
      `ssh ${HOST} for x; echo $?; ssh -tt ${HOST} true; echo $?
       ssh -L 1:a:2 ${HOST} true; echo $?; ssh -A ${HOST} true; echo $?; ssh -R 1:a:2 -N ${HOST}; echo $?`,
    );
    expect(stdout).toBe("255\n".repeat(5));
    expect(stderr.split("\n")).toEqual([
      expect.stringMatching(/^muxguard: denied: run "for x" on prod\.example .*\(rule "not by name"\)$/),
      "muxguard: denied: -tt: a terminal is not to be had where no Unix sockets are",
      "muxguard: denied: -L: a forward is not to be had where no Unix sockets are",
      "muxguard: denied: -A: an agent is not to be had where no Unix sockets are",
      "muxguard: denied: -N: a connection without a session is not to be had where no Unix sockets are",
      "",
    ]);
  });

  it("is asked about as something of the run's", async () => {
    const child = lab.startRide(script(`ssh ${HOST} ask me 2> told; echo $?`), {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const result = finished(child);
    const [question] = await lab.pending();
    expect(question?.caller).toMatchObject({ name: "a sandboxed program", container: true, ancestors: [] });
    await lab.muxguard("approve", question?.id ?? "");
    expect(await result).toMatchObject({ code: 0, stdout: "127\n" });
  });

  it("says that the run has ended where that is so", async () => {
    const copy = join(work, "ssh");
    const { stdout } = await inside(`cp "$(command -v ssh)" ${copy}; ${copy} ${HOST} echo in`);
    expect(stdout).toBe("in\n");
    const result = await lab.run("/bin/sh", ["-c", script(`${copy} ${HOST} echo in`)]);
    expect(result).toMatchObject({ code: 255, stdout: "", stderr: "muxguard: denied: the run has ended\n" });
  });
});

describeWith(
  ["ssh", "sshd", "cc", "bwrap"],
  "a ride without Unix sockets, and with a guard of its own",
  () => {
    const lab = new OpenLab({ hasDaemon: false });
    const deny = lab.path("no-unix-sockets");
    beforeAll(async () => {
      execFileSync("cc", ["-o", deny, join(import.meta.dirname, "no-unix-sockets.c")]);
      lab.policy('default = "allow"');
      await lab.open();
    });
    afterAll(() => lab.close());

    it("goes over pipes, and leaves nothing behind", async () => {
      const line = `echo there and back | ${deny} ssh ${HOST} cat; ${deny} ssh ${HOST} exit 5`;
      expect(await lab.ride(line)).toEqual({ code: 5, signal: null, stdout: "there and back\n", stderr: "" });
      expect(readdirSync(lab.path("runtime/muxguard"))).toEqual([]);
    });
  },
);
