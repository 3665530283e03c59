/** Clocks that are off by five minutes: nothing that is asked, answered or logged goes by two of them. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { setClock } from "../../../lab/fleet/clock.ts";
import { FleetLab } from "../../../lab/fleet/fleet-lab.ts";
import { type Lab, MUXGUARD, type Result, until } from "../../../lab/lab.ts";
import { Terminal } from "../../../lab/terminal/terminal.ts";
import { describeWith } from "../tools.ts";
import { Joined } from "./joined.ts";

const MINUTES = 60_000;
const ALLOW = '[[rule]]\nname = "alpha"\nhost = "alpha.example"\naction = "allow"\n';

describeWith(
  ["nats", "openssl", "ssh", "sshd", "tmux"],
  "a fleet whose clocks are off by five minutes",
  () => {
    const fleet = new FleetLab();
    const builds = new Map<string, Joined>();
    const of = (name: string): Joined => builds.get(name) as Joined;
    /** One that is right. */
    let reader: Lab;
    let laptop: Lab;

    beforeAll(async () => {
      await fleet.init(["ahead", "behind", "laptop", "reader"], ["alice"]);
      await fleet.startServerOfFleet();
      for (const [name, off] of [
        ["ahead", 5 * MINUTES],
        ["behind", -5 * MINUTES],
      ] as const) {
        const build = await Joined.join(fleet, name, 'approvers = ["fleet", "queue"]\ntimeout = "20s"\n');
        setClock(build.lab, off);
        await build.start();
        await build.untilConnected();
        builds.set(name, build);
      }
      laptop = await fleet.machine("laptop", "alice");
      await laptop.startAgent("alice.sock", fleet.path("alice"));
      laptop.script("muxguard", `#!/bin/sh\nexec '${process.execPath}' '${MUXGUARD}' "$@"\n`);
      reader = await fleet.machine("reader", "alice");
    });
    afterAll(() => fleet.close());

    it("is a fleet where they are so: each machine's log says", async () => {
      for (const [name, off] of [
        ["ahead", 5],
        ["behind", -5],
      ] as const) {
        await of(name).loginHere();
        const at = Date.parse(of(name).lab.log().at(-1)?.time ?? "");
        expect(Math.abs(at - Date.now() - off * MINUTES)).toBeLessThan(MINUTES);
      }
    });

    describe.each([
      ["ahead", -5],
      ["behind", 5],
    ])("with a machine that is %s, and a person's that is off by %i", (name, off) => {
      beforeAll(() => setClock(laptop, off * MINUTES));

      it("has a question answered there, with the time that is left for it", async () => {
        const env = { ...laptop.environment, PATH: `${laptop.folder}:${process.env.PATH}` };
        const terminal = new Terminal(env, laptop.folder, undefined, 200, 40);
        try {
          terminal.enter("muxguard watch --fleet");
          await terminal.shows("nothing waits for an answer");
          const done = of(name).login();
          await terminal.shows(new RegExp(`❯ ${name}/\\w{6} +(?:1\\d|20) s {2}`));
          await terminal.keysCount();
          terminal.press("Right", "Enter");
          expect(await done).toMatchObject({ stdout: "in\n" });
          expect(
            of(name)
              .lab.log()
              .findLast(({ kind }) => kind === "sign"),
          ).toMatchObject({
            ...{ decision: "allow", by: "approver:fleet" },
            signers: [expect.stringMatching(/^alice SHA256:/)],
          });
        } finally {
          terminal.close();
        }
      });

      it("takes a policy that is pushed there, and asks once it has run out", async () => {
        const push = async (text: string, ...more: string[]): Promise<string> => {
          laptop.write("fleet.toml", text);
          const words = ["fleet", "policy", "push", laptop.path("fleet.toml"), ...more];
          const { stdout } = await laptop.muxguard(...words);
          const [, number = "none"] = /number (\d+)/.exec(stdout) ?? [];
          const isThere = async (): Promise<boolean> =>
            ((await of(name).stated()).fleet?.policy ?? "").includes(`number ${number} `);
          await until(isThere, "the policy");
          return (await of(name).stated()).fleet?.policy ?? "";
        };
        expect(await push(ALLOW)).toContain("1 rule, until ");
        expect(await of(name).login()).toMatchObject({ stdout: "in\n" });
        // it ends when the machine's own clock says so: this one, which is ten minutes from the person's
        const isAhead = name === "ahead";
        expect(await push(ALLOW, "--expires", "8m")).toContain(isAhead ? "it has run out" : "until ");
        if (isAhead) expect(await of(name).loginHere()).toMatchObject({ result: { stdout: "in\n" } });
        expect(await push("")).toContain("0 rules, until ");
      });
    });

    it("has in status which machine's clock is not as the server's", async () => {
      await of("ahead").untilWrong(/\[fleet\]: this machine's clock is 5 min ahead of the server's/);
      await of("behind").untilWrong(/\[fleet\]: this machine's clock is 5 min behind the server's/);
    });

    it.each([0, 5, -5])("has one log, of which nothing is doubted by who is off by %i", async (off) => {
      setClock(reader, off * MINUTES);
      const unsealed = /behind the last seal: the next one comes within a minute/;
      const read = async (): Promise<Result> => {
        for (const name of builds.keys()) {
          // of two that come one after the other, the second one has no seal yet
          for (const _ of [1, 2]) {
            await of(name).loginHere();
            await of(name).untilInStream(reader);
          }
        }
        return reader.muxguard("log", "--fleet");
      };
      const first = await read();
      // the minute's seal may come behind the second one: it does not do so twice
      const { code, stderr } = unsealed.test(first.stderr) ? first : await read();
      expect(stderr).toMatch(/ahead: \d+ entries, each as it follows from the one before, sealed at /);
      expect(stderr).toMatch(/behind: \d+ entries, each as it follows from the one before, sealed at /);
      // else the last ones would have their seal, and nothing be shown by this
      expect(stderr).toMatch(unsealed);
      expect(stderr).not.toContain("nothing vouches");
      expect(code).toBe(0);
    });

    it("has a certificate that counts for a machine that is far behind, and says when one does not", async () => {
      const server = fleet.path("fleet/server.pem");
      const { validFrom } = new X509Certificate(readFileSync(server));
      expect(Date.now() - Date.parse(validFrom)).toBeGreaterThan(12 * 60 * MINUTES);
      const day = (days: number): string =>
        new Date(Date.now() + days * 24 * 60 * MINUTES).toISOString().replace(/[-T:]|\.\d+/g, "");
      const openssl = (...words: string[]): ReturnType<Lab["run"]> => fleet.run("openssl", words);
      fleet.write("database", "");
      const section = "[a]\ndatabase = database\nrand_serial = yes\ndefault_md = sha256\npolicy = p\n";
      const more = "x509_extensions = x\n[p]\ncommonName = supplied\n[x]\nsubjectAltName = DNS:localhost\n";
      fleet.write("ca.cnf", `[ca]\ndefault_ca = a\n${section}${more}[req]\ndistinguished_name = d\n[d]\n`);
      const key = fleet.path("fleet/server.key");
      const config = ["-config", "ca.cnf"];
      await openssl("req", "-new", "-key", key, "-subj", "/CN=localhost", "-out", "request", ...config);
      const dates = ["-startdate", day(1), "-enddate", day(9), "-outdir", ".", "-keyfile", key];
      const words = ["ca", "-batch", "-selfsign", ...config, ...dates, "-in", "request", "-out", server];
      expect(await openssl(...words)).toMatchObject({ code: 0 });
      of("ahead").lab.write("config/muxguard/fleet/ca.pem", readFileSync(server, "utf8"));
      await fleet.killServer();
      await fleet.startServerOfFleet();
      await of("ahead").untilWrong(/certificate is not yet valid, by the clock of this machine: \d{4}-/);
    });
  },
);
