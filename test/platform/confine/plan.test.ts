/** From what was found to a list of mounts. */
import { describe, expect, it } from "vitest";
import { bwrapArguments, findBwrap, mendOf } from "../../../src/platform/confine/bwrap.ts";
import type { ConfineFacts, Place } from "../../../src/platform/confine/facts.ts";
import { planConfinement } from "../../../src/platform/confine/plan.ts";
import { plainRun, type RunSettings } from "../../../src/policy/run-settings.ts";

const nothing: ConfineFacts = {
  hidden: [],
  sieved: [],
  readOnly: [],
  writable: [],
  temporary: { path: "/tmp", folder: true, why: "", kept: [] },
  agents: [],
  own: [],
  desktop: [],
  replaced: [],
  movable: new Set(),
  empty: "/run/empty",
};

const folder = (path: string, desktop = false): Place => ({
  path,
  folder: true,
  why: "",
  ...(desktop && { desktop }),
});
const file = (path: string): Place => ({ path, folder: false, why: "" });

function mountsOf(facts: Partial<ConfineFacts>, settings: Partial<RunSettings> = {}): string[] {
  const { mounts } = planConfinement({ ...nothing, ...facts }, { ...plainRun, ...settings });
  return mounts.map((mount) => {
    const from = "from" in mount && mount.from !== undefined ? ` from ${mount.from}` : "";
    return `${mount.kind} ${mount.path}${from}`;
  });
}

describe("the plan of a confined run", () => {
  it("hides folders and files, once where a folder above is hidden", () => {
    const hidden = [file("/h/key"), folder("/h/state"), file("/h/state/log")];
    expect(mountsOf({ hidden })).toEqual(["empty folder /tmp", "empty file /h/key", "empty folder /h/state"]);
  });

  it("hides what is in a part of the temporary folder that is kept", () => {
    const temporary = { path: "/tmp", folder: true, why: "", kept: ["/tmp/site"] };
    const hidden = [folder("/tmp/site/runtime"), folder("/tmp/ssh-a")];
    expect(mountsOf({ temporary, hidden })).toEqual([
      "empty folder /tmp",
      "bind /tmp/site",
      "empty folder /tmp/site/runtime",
    ]);
  });

  it("shows what is the run's own in a hidden folder, and no more", () => {
    const hidden = [folder("/run/user/1")];
    const readOnly = [file("/run/user/1/other")];
    expect(mountsOf({ hidden, readOnly, own: ["/run/user/1/m/agent.sock"] })).toEqual([
      "empty folder /tmp",
      "empty folder /run/user/1",
      "read-only bind /run/user/1/m/agent.sock",
    ]);
  });

  it("hides a file that could only be read otherwise", () => {
    const [key] = [file("/h/key")];
    expect(mountsOf({ hidden: [key], readOnly: [key] })).toEqual(["empty folder /tmp", "empty file /h/key"]);
  });

  it("seals a folder of which some is kept when all of that is there", () => {
    const sieved = [{ path: "/h/.ssh", folder: true, why: "", kept: ["/h/.ssh/config"] }];
    expect(mountsOf({ sieved })).toEqual([
      "empty folder /tmp",
      "empty folder /h/.ssh",
      "read-only bind /h/.ssh/config",
      "sealed /h/.ssh",
    ]);
  });

  it("puts the run's agent where each other is, makes a place for one in folders that are the run's alone", () => {
    const agents = [
      { path: "/h/agent.sock", isThere: true },
      { path: "/h/later.sock", isThere: false },
      { path: "/run/user/1/later.sock", isThere: false },
      { path: "/tmp/ssh-a/agent.1", isThere: true },
    ];
    const facts = { agents, hidden: [folder("/run/user/1")] };
    expect(mountsOf({ ...facts, agentSocket: "/own" })).toEqual([
      "empty folder /tmp",
      "bind /h/agent.sock from /own",
      "empty folder /run/user/1",
      "bind /tmp/ssh-a/agent.1 from /own",
      "bind /run/user/1/later.sock from /own",
    ]);
    // without one, there is none anywhere
    expect(mountsOf(facts)).toEqual([
      "empty folder /tmp",
      "empty file /h/agent.sock",
      "empty folder /run/user/1",
    ]);
  });

  it("pins each folder above what is protected that could be renamed, but in what can only be read", () => {
    const movable = new Set(["/h", "/h/.config", "/etc/ssh"]);
    const hidden = [file("/etc/ssh/key"), folder("/h/.config/state")];
    expect(mountsOf({ movable, hidden, readOnly: [folder("/etc")] })).toEqual([
      "bind /h",
      "empty folder /tmp",
      "read-only /etc",
      "bind /h/.config",
      "empty file /etc/ssh/key",
      "empty folder /h/.config/state",
    ]);
  });

  it("leaves writable what the scope says, also where the folder above is not", () => {
    const readOnly = [folder("/h/bin"), file("/h/.zshrc")];
    const writable = [folder("/h/bin/new"), file("/h/.zshrc")];
    expect(mountsOf({ readOnly, writable })).toEqual([
      "empty folder /tmp",
      "read-only /h/bin",
      "bind /h/.zshrc",
      "bind /h/bin/new",
    ]);
  });

  it("keeps the desktop where the run may use it, and nothing else of the session", () => {
    const facts = { hidden: [folder("/run/user/1"), { ...file("/h/.Xauthority"), desktop: true }] };
    const found = { ...facts, desktop: ["/run/user/1/bus"] };
    expect(mountsOf(found)).toEqual([
      "empty folder /tmp",
      "empty file /h/.Xauthority",
      "empty folder /run/user/1",
    ]);
    expect(mountsOf(found, { desktop: true })).toEqual([
      "empty folder /tmp",
      "empty folder /run/user/1",
      "bind /run/user/1/bus",
    ]);
  });

  it("puts the ride's ssh over the system's, and the real one where the shim finds it", () => {
    const replaced = [
      { path: "/ride/real/ssh", by: "/usr/bin/ssh" },
      { path: "/usr/bin/ssh", by: "/ride/bin/ssh" },
    ];
    expect(mountsOf({ replaced, readOnly: [folder("/usr")] })).toEqual([
      "empty folder /tmp",
      "read-only /usr",
      "read-only bind /ride/real/ssh from /usr/bin/ssh",
      "read-only bind /usr/bin/ssh from /ride/bin/ssh",
    ]);
  });
});

describe("what bubblewrap is told", () => {
  const argumentsOf = (settings: Partial<RunSettings>, ownTerminal = false): string[] => {
    const plan = planConfinement(nothing, { ...plainRun, ...settings });
    return bwrapArguments(plan, { arguments: 3, status: 4, begin: 5 }, ownTerminal).split("\0");
  };

  it.each<[string, Partial<RunSettings>, boolean]>([
    ["--disable-userns", { nested: false }, true],
    ["--disable-userns", { nested: true }, false],
    ["--unshare-net", { network: true }, false],
    ["--unshare-net", { network: false }, true],
    ["--cap-drop", {}, true],
    ["--die-with-parent", {}, true],
    ["--new-session", {}, true],
  ])("%s, of a run that is %j: %s", (word, settings, isThere) => {
    expect(argumentsOf(settings).includes(word)).toBe(isThere);
  });

  it("no session of its own where the run has a terminal of its own, which that would take from it", () => {
    expect(argumentsOf({}, true)).not.toContain("--new-session");
  });

  it("each word as it is, a newline in it too", () => {
    const plan = planConfinement({ ...nothing, hidden: [file("/h/a\nb")] }, plainRun);
    const words = bwrapArguments(plan, { arguments: 3, status: 4, begin: 5 }, false).split("\0");
    expect(words).toContain("/h/a\nb");
  });
});

describe("where bubblewrap can't run", () => {
  const hindered = (files: Record<string, string>, program: string | undefined = "/usr/bin/bwrap") =>
    mendOf({ program, read: (path) => files[path] });

  it.each([
    ["/proc/sys/user/max_user_namespaces", "0", /sysctl user\.max_user_namespaces/],
    ["/proc/sys/kernel/unprivileged_userns_clone", "0", /sysctl kernel\.unprivileged_userns_clone=1/],
    ["/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", /AppArmor/],
  ])("as %s is %s, the mend is told", (path, value, mend) => {
    expect(hindered({ [path]: value })).toMatch(mend);
    expect(hindered({})).toBeUndefined();
  });

  it("as it is not there, or may be anybody's, it is to be installed", () => {
    expect(mendOf({ program: undefined, read: () => undefined })).toMatch(/apt install bubblewrap/);
    expect(findBwrap(["/no/such/bwrap", import.meta.filename.replace(/^\/[^/]+/, "/tmp")])).toBeUndefined();
  });
});
