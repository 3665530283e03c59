/** The log on a disk that has no room: a tmpfs in a namespace of its own, that anybody may make. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab, MUXGUARD } from "../../../lab/lab.ts";
import { bundled } from "../../support/bundled.ts";
import { describeWith } from "../tools.ts";

const modules = ["audit/log.ts", "platform/files/regular-file.ts", "audit/verify.ts", "audit/lines.ts"].map(
  (name) => bundled(`src/${name}`),
);

/** Mounts a small disk at $1, and goes on with the rest. */
const ON_SMALL_DISK = 'mount -t tmpfs -o size=128k,mode=700 none "$1" && shift && exec "$@"';

/** A module. `put` appends by turns for three guards, and says whether that went well. */
const PRELUDE = `
  import fs, { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
  import { syncBuiltinESMExports } from "node:module";
  const [log, regular, verify, lines, folder] = process.argv.slice(1);
  const [{ AuditLog }, { openRegular }, { Verifier }, { forwards }] =
    await Promise.all([log, regular, verify, lines].map((one) => import(one)));
  const path = folder + "/log.jsonl";
  const fill = () => {
    const fd = openSync(folder + "/fill", "w");
    try { for (;;) writeSync(fd, Buffer.alloc(4096)); } catch {}
    closeSync(fd);
  };
  const free = () => rmSync(folder + "/fill");
  const written = [];
  const guards = [1, 2, 3].map(() => new AuditLog(path, openRegular));
  let count = 0, failed = 0;
  const put = (some) => {
    for (; some > 0; some--) {
      const id = "e" + count++;
      const event = { time: new Date().toISOString(), id, kind: "sign", decision: "allow", by: "x".repeat(90) };
      try { guards[count % 3].append(event); written.push(id); } catch { failed++; }
    }
  };
  const result = () => {
    const verifier = new Verifier();
    const fd = openSync(path, "r");
    let number = 0;
    const cutOff = [];
    for (const line of forwards(fd, 0)) {
      verifier.add(line, ++number);
      try { JSON.parse(line); } catch { cutOff.push(number); }
    }
    const text = readFileSync(path, "utf8");
    const found = verifier.result();
    return {
      lost: written.filter((id) => !text.split("\\n").some((line) => line.startsWith('{"time"') &&
        line.endsWith('"}') && line.lastIndexOf('{"time"') === 0 && line.includes('"id":"' + id + '"'))),
      faults: found.faults, cutOff: found.cutOff, really: cutOff,
    };
  };
`;

describeWith(["userns"], "a log whose disk is full", () => {
  const lab = new Lab();
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "mg-"));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await lab.close();
  });

  async function onSmallDisk(script: string): Promise<Record<string, unknown>> {
    const node = [process.execPath, "--input-type=module", "-e", PRELUDE + script, ...modules, folder];
    const ran = await lab.run("unshare", ["-Urm", "sh", "-c", ON_SMALL_DISK, "sh", folder, ...node]);
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    return JSON.parse(ran.stdout);
  }

  it("has each entry that was written, and each line that was cut off is named as that alone", async () => {
    const found = await onSmallDisk(`
      for (let times = 0; times < 5; times++) { put(5); fill(); put(70); free(); put(4); }
      console.log(JSON.stringify({ failed, ...result() }));`);
    expect(found).toMatchObject({ lost: [], faults: [], cutOff: found.really });
    expect(found.failed).toBeGreaterThan(0);
    expect(found.really).not.toEqual([]);
  });

  it("has an entry again that came behind another guard's, which was cut off in that moment", async () => {
    const found = await onSmallDisk(`
      put(3);
      const write = fs.writeSync;
      // between this guard's look at the end and its entry
      fs.writeSync = (fd, line) => {
        fs.writeSync = write;
        syncBuiltinESMExports();
        const other = openSync(path, "a");
        write(other, line.subarray(0, 100));
        closeSync(other);
        return write(fd, line);
      };
      syncBuiltinESMExports();
      put(4);
      console.log(JSON.stringify(result()));`);
    expect(found).toMatchObject({ lost: [], faults: [], cutOff: [4], really: [4] });
  });
});

describeWith(["userns", "ssh"], "muxguard lock where the disk of the log is full", () => {
  let lab: Lab;
  beforeAll(() => {
    lab = new Lab();
  });
  afterAll(() => lab.close());

  const FILL = 'cat /dev/zero > "$XDG_STATE_HOME/muxguard/fill" 2>/dev/null;';
  /** An entry of before the chain, behind which the next one needs room. */
  const PAGE = '{"time":"2026-11-22T10:00:00.000Z","pad":"'.padEnd(4093, "x");
  const FULL_PAGE = `umask 077; echo '${PAGE}"}' > "$XDG_STATE_HOME/muxguard/log.jsonl";`;
  const FREE = 'rm "$XDG_STATE_HOME/muxguard/fill";';

  async function inShell(script: string): Promise<{ stdout: string; stderr: string }> {
    const muxguard = `muxguard() { "${process.execPath}" "${MUXGUARD}" "$@"; };`;
    const mount = 'mkdir -p "$1" && mount -t tmpfs -o size=128k,mode=700 none "$1";';
    const words = ["-Urm", "sh", "-c", `${mount} ${muxguard} ${script}`, "sh", lab.path("state/muxguard")];
    return lab.run("unshare", words);
  }

  it("locks, says that it is not in the log yet, and unlocks; a daemon writes both when there is room", async () => {
    lab.policy("");
    const { stdout, stderr } = await inShell(
      `${FULL_PAGE} muxguard daemon; ${FILL} muxguard lock; muxguard unlock; ${FREE}
       muxguard lock; muxguard unlock; muxguard daemon stop; muxguard log --json; muxguard log verify`,
    );
    expect(stderr.match(/the log has no entry of this yet: .*/g)).toHaveLength(2);
    expect(stderr).toMatch(/no entry of this yet: (ENOSPC: no space left|wrote \d+ of)/);
    expect(stdout.match(/^(locked: everything is denied|unlocked)/gm)).toHaveLength(4);
    expect(stdout.match(/"(un)?lock-all"/g)).toEqual(Array(2).fill(['"lock-all"', '"unlock-all"']).flat());
    expect(stdout).toMatch(/^as written: \d+ entries of the chain/m);
  });

  it("locks without a guard as well; to unlock then needs room, as nobody would write it later", async () => {
    const { stdout, stderr } = await inShell(
      `${FILL} muxguard lock; muxguard unlock; ${FREE} muxguard unlock; muxguard log --json`,
    );
    expect(stderr).toMatch(
      /no entry of this yet: .*\n.*still locked, as the log can't be written: .*make room/,
    );
    expect(stdout).toMatch(/^locked: .*\nunlocked\n.*"unlock-all"/);
  });
});
