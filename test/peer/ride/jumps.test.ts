/** Two hosts on the way to a third: each of them is a decision of its own, in the scope of whoever asks. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../../lab/lab.ts";
import { HOST } from "../../../lab/mux-lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import type { AuditEvent } from "../../../src/audit/event.ts";
import { describeWith } from "../tools.ts";

/** Not of `.example`, to whose hosts the laboratory's ssh shares its connections. */
const [FIRST, SECOND] = ["first.hop", "second.hop"];

const rulesFor = (...hosts: string[]): string =>
  hosts
    .map((host) => `[[rule]]\nhost = "${host}"\nscope = "work"\naction = "allow"\n`)
    .join("")
    .concat('[[rule]]\nname = "others"\nscope = ""\naction = "allow"\n');

describe.each([
  ["with a daemon", true],
  ["with a guard of its own", false],
])("over two jump hosts, %s,", (_, hasDaemon) => {
  describeWith(["ssh", "sshd"], "a run", () => {
    const lab = new OpenLab({ hasDaemon });
    const options = ["--scope", "work"];
    const ride = (words: string) => lab.logged(() => lab.ride(`ssh ${words} echo in`, ...options));
    const plain = (words: string[]) =>
      lab.logged(() =>
        lab.muxguard("run", ...options, "--", "ssh", "-F", lab.sshConfig, ...words, "echo in"),
      );
    const policy = (...hosts: string[]): void => lab.policy(`default = "deny"\n${rulesFor(...hosts)}`);
    const ways: [string, string[]][] = [
      ["ProxyJump in ProxyJump", ["nested"]],
      ...(hasDaemon ? [["-J", ["-J", `${FIRST},${SECOND}`, HOST]] as [string, string[]]] : []),
    ];

    beforeAll(async () => {
      policy();
      await lab.open();
      for (const name of [FIRST, SECOND])
        await lab.startServer(name, lab.path("me@laptop"), { config: ["LogLevel VERBOSE"] });
      const on = (name: string): string[] => [
        "HostName 127.0.0.1",
        `HostKeyAlias ${name}`,
        `Port ${lab.portOf(name)}`,
      ];
      lab.host("nested", [...on(HOST), "ProxyJump nested-second"]);
      lab.host("nested-second", [...on(SECOND), "ProxyJump nested-first"]);
      lab.host("nested-first", on(FIRST));
    });
    afterAll(() => lab.close());
    // of a daemon, whose connections outlive a ride
    afterEach(async () => {
      for (const name of [HOST, "nested"]) await lab.muxguard("close", name);
      await until(() => lab.masters().length === 0, "the masters' end");
    });

    /** What was decided of a kind, in its order. */
    const decided = (events: AuditEvent[], kind: string): string[] =>
      events.filter((event) => event.kind === kind).map(({ decision, host }) => `${decision} ${host}`);
    const allowed = [FIRST, SECOND, HOST].map((host) =>
      expect.stringMatching(`^allow .*${host}|^allow nested`),
    );

    describe.each(ways)("by %s", (_, words) => {
      it("rides: three connections and three logins are decided", async () => {
        policy(FIRST, SECOND, HOST);
        const { result, events } = await ride(words.join(" "));
        expect(result).toMatchObject({ code: 0, stdout: "in\n" });
        expect(decided(events, "connect")).toEqual(allowed);
        expect(decided(events, "sign")).toEqual(allowed);
        expect(events.map(({ caller }) => caller?.scope)).toEqual(events.map(() => "work"));
      });

      it("rides to none of them where the second is denied", async () => {
        policy(FIRST, HOST);
        const connections = [FIRST, SECOND, HOST].map((host) => lab.connections(host));
        const { result, events } = await ride(words.join(" "));
        expect(result).toMatchObject({ code: 255, stdout: "" });
        expect(result.stderr).toContain("muxguard: denied: connect to");
        expect(decided(events, "connect")).toEqual([
          expect.stringMatching("^allow"),
          expect.stringMatching("^deny .*second"),
        ]);
        expect(decided(events, "sign")).toEqual([]);
        expect([FIRST, SECOND, HOST].map((host) => lab.connections(host))).toEqual(connections);
      });

      it("logs in to each, as is decided", async () => {
        policy(FIRST, SECOND, HOST);
        const { result, events } = await plain(words);
        expect(result).toMatchObject({ code: 0, stdout: "in\n" });
        expect(decided(events, "sign")).toEqual(allowed);
        expect(events.map(({ caller }) => caller?.scope)).toEqual(events.map(() => "work"));
      });

      it("logs in nowhere behind the second, where that is denied", async () => {
        policy(FIRST, HOST);
        const logins = [SECOND, HOST].map((host) => lab.logins(host));
        const { result, events } = await plain(words);
        expect(result).toMatchObject({ code: 255, stdout: "" });
        expect(decided(events, "sign")).toEqual([
          expect.stringMatching("^allow"),
          expect.stringMatching("^deny .*second"),
        ]);
        expect([SECOND, HOST].map((host) => lab.logins(host))).toEqual(logins);
      });
    });
  });
});
