/** What a run is to be, of its flags and its scope; and what is said of one that is not confined. */
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { notHeld, runSettings, type SettingsFlags } from "../../../src/cli/run/settings.ts";
import { plainRun, type RunSettings } from "../../../src/policy/run-settings.ts";
import type { Scope } from "../../../src/settings/scopes.ts";

const all: Scope = {
  confine: true,
  ride: true,
  policy: "/etc/of-scope.toml",
  hide: ["/srv/secret"],
  readOnly: ["/srv/site"],
  writable: ["/home/me/.ssh/known_hosts"],
  desktop: true,
  network: false,
  nested: true,
};
const reachable =
  "not confined: what runs in it can reach your keys, agents, connections, programs and desktop";

describe("a run", () => {
  it.each<[string, SettingsFlags, Scope | undefined, Partial<RunSettings>]>([
    ["is plain where nothing is said", {}, undefined, {}],
    ["is plain under a name that rules alone know", { scope: "agent" }, undefined, {}],
    ["is confined by --confine", { confine: true }, undefined, { confine: true }],
    ["that rides is confined", { ride: true }, undefined, { ride: true, confine: true }],
    ["that rides may be left unconfined", { ride: true, confine: false }, undefined, { ride: true }],
    ["is all that its scope says", { scope: "agent" }, all, all],
    ["whose scope rides is confined", {}, { ride: true }, { ride: true, confine: true }],
    ["whose scope rides may say that it is not confined", {}, { ride: true, confine: false }, { ride: true }],
    ["that --ride asks for is as its scope says", { ride: true }, { confine: false }, { ride: true }],
    [
      "is confined by --confine where its scope says no",
      { confine: true },
      { confine: false },
      { confine: true },
    ],
    ["is not confined with --no-confine", { confine: false }, { confine: true }, {}],
    [
      "has what its scope hides by --confine",
      { confine: true },
      { hide: ["/a"] },
      { confine: true, hide: ["/a"] },
    ],
    ["takes the policy of its scope", {}, { policy: "/p" }, { policy: "/p" }],
    ["takes --policy before that", { policy: "p" }, { policy: "/p" }, { policy: resolve("p") }],
  ])("%s", (_, flags, scope, expected) => {
    expect(runSettings(flags, scope)).toEqual({ ...plainRun, ...expected });
  });

  it.each<[Scope, string]>([
    [{ hide: ["/a"] }, "hide"],
    [{ readOnly: ["/a"], writable: ["/b"] }, "read_only, writable"],
    [{ desktop: true, network: false, nested: true }, "desktop, network, nested"],
  ])("does not start where its scope is for a confined one, and nobody says so: %j", (scope, fields) => {
    expect(() => runSettings({ scope: "agent" }, scope)).toThrow(
      expect.objectContaining({
        exitCode: 78,
        message:
          `config.toml: [scope.agent] has ${fields}, which hold in confined runs alone; ` +
          "say confine = true there, or --confine",
      }),
    );
    expect(runSettings({ confine: false }, scope)).toMatchObject({ confine: false });
  });

  it("has nothing to show where it is not confined", () => {
    expect(() => runSettings({ show: true })).toThrow(expect.objectContaining({ exitCode: 64 }));
    expect(() => runSettings({ show: true, ride: true, confine: false })).toThrow(/--show .*--confine/);
    expect(runSettings({ show: true }, { ride: true })).toMatchObject({ confine: true });
  });
});

describe("what is not held", () => {
  it.each<[string, SettingsFlags, Scope | undefined]>([
    ["a plain run", {}, undefined],
    ["a plain run that says so", { confine: false }, undefined],
    ["a confined one", { ride: true }, undefined],
    ["one that its scope confines", {}, all],
  ])("is not told of %s", (_, flags, scope) => {
    expect(notHeld(flags, scope)).toBeUndefined();
  });

  it.each<[string, SettingsFlags, Scope | undefined, string]>([
    ["a ride", { ride: true, confine: false }, undefined, ""],
    ["a ride of its scope", {}, { ride: true, confine: false }, ""],
    ["one that its scope would confine", { confine: false }, { confine: true }, ""],
    [
      "one with paths to hide",
      { confine: false },
      { hide: ["/a"] },
      "; what its scope says of hide does not hold",
    ],
    [
      "one whose scope says both",
      {},
      { confine: false, network: false },
      "; what its scope says of network does not hold",
    ],
  ])("is told of %s, in one line", (_, flags, scope, more) => {
    expect(notHeld(flags, scope)?.text).toBe(`${reachable} past the guard${more}`);
  });
});
