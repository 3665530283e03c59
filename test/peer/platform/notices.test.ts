/** Notices where the session's bus has no notification server, or there is no bus. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PrivateBus } from "../../../lab/desktop/bus.ts";
import { NOTIFICATIONS } from "../../../lab/desktop/notification-server.ts";
import { Screen } from "../../../lab/desktop/screen.ts";
import { Lab } from "../../../lab/lab.ts";
import { endOf, until } from "../../../lab/processes.ts";
import { createDesktop, createNoticeBoard } from "../../../src/platform/desktop/desktop.ts";
import { findNotifier, type Notifier } from "../../../src/platform/desktop/notifiers.ts";
import { describeWith } from "../tools.ts";

const notice = { title: "muxguard: allowed", text: "log in to alpha.example", buttons: [] };

/** As visible() leaves it: what a shell, notify-send or a notification server might obey. */
const HOSTILE = [
  `log in to $(touch owned) \`touch owned\` ; touch owned "'`,
  "-because --version <b>bold</b><!-- &lt; & \\\\n because: rule \\x1b[2J %s",
].join("\n");

describe("a notice", () => {
  const shown: string[] = [];
  const desktop = (how: "shows" | "fails" | "is none") => ({
    unavailable: () => (how === "is none" ? "no session bus" : undefined),
    warmUp: () => Promise.resolve(),
    show: async () => {
      if (how !== "shows") throw new Error("nobody is there");
      shown.push("desktop");
      return { replace: () => Promise.resolve(), close: () => {} };
    },
  });
  const notifier: Notifier = async ({ title }) => void shown.push(title);

  it.each([
    ["shows", notifier, ["desktop"]],
    ["fails", notifier, [notice.title]],
    ["is none", notifier, [notice.title]],
  ] as const)("is shown once where the desktop %s", async (how, found, expected) => {
    shown.length = 0;
    const board = createNoticeBoard(desktop(how), () => found);
    expect(board.unavailable()).toBeUndefined();
    await board.show(notice);
    expect(shown).toEqual(expected);
  });

  it("is not shown where there is neither desktop nor program, and that is said", async () => {
    const board = createNoticeBoard(desktop("is none"), () => undefined);
    expect(board.unavailable()).toBe("no session bus, and no notify-send");
    await expect(board.show(notice)).rejects.toThrow("nobody is there");
  });
});

describe("notify-send", () => {
  const lab = new Lab();
  const heard = lab.path("heard");
  afterAll(() => lab.close());

  it("gets text as its arguments: no shell reads it, and it is no option", async () => {
    lab.script("notify-send", `#!/bin/sh\nprintf '%s\\0' "$@" > '${heard}'\n`);
    const notifier = findNotifier({ PATH: `relative:/nowhere:${lab.folder}:/usr/bin` });
    await notifier?.({ title: "-title $(touch owned)", text: HOSTILE });
    const args = readFileSync(heard, "utf8").split("\0").slice(0, -1);
    expect(args.slice(-3, -1)).toEqual(["--", "-title $(touch owned)"]);
    expect(args.at(-1)?.split("\n")).toHaveLength(2);
    expect(args.at(-1)).toContain("log in to $(touch owned) `touch owned` ; touch owned \"'");
    expect(args.at(-1)).not.toMatch(/<|&lt/);
    expect(existsSync("owned")).toBe(false);
  });

  it("that fails has shown nothing", async () => {
    lab.script("notify-send", "#!/bin/sh\nexit 3\n");
    await expect(findNotifier({ PATH: lab.folder })?.(notice)).rejects.toThrow("notify-send ended with 3");
  });

  it("is none where it is not in the PATH, or no program", () => {
    expect(findNotifier({ PATH: lab.path("config") })).toBeUndefined();
    expect(findNotifier({})).toBeUndefined();
    rmSync(lab.path("notify-send"));
    expect(findNotifier({ PATH: lab.folder })).toBeUndefined();
  });
});

describeWith(["ssh"], "a run without a session bus", () => {
  const lab = new Lab();
  const heard = lab.path("heard");
  beforeAll(() => lab.startAgent("upstream.sock", lab.key("work")));
  afterAll(() => lab.close());

  it("tells of what a rule allowed through notify-send", async () => {
    lab.script(
      "notify-send",
      `#!/bin/sh\nprintf '%s\\n' "$@" >> '${heard}.new'; mv '${heard}.new' '${heard}'\n`,
    );
    lab.environment.PATH = `${lab.folder}:${lab.environment.PATH}`;
    lab.config('notices = ["clearing"]\n');
    lab.policy('[[rule]]\nname = "clearing"\naction = "allow"\non = ["admin"]\n');
    const script = `ssh-add -D; until test -e '${heard}'; do sleep 0.1; done`;
    expect(await lab.muxguard("run", "--", "sh", "-c", script)).toMatchObject({ code: 0 });
    expect(readFileSync(heard, "utf8")).toMatch(
      /^--\nmuxguard: allowed\nremove all keys from the agent\nasked by: ssh-add .*\nbecause: rule "clearing"$/m,
    );
  });
});

describeWith(["bus", "dunst", "notify-send"], "the real notify-send", () => {
  const lab = new Lab();
  let screen: Screen;
  let bus: PrivateBus;
  let dunst: ChildProcess;
  beforeAll(async () => {
    screen = await Screen.start();
    bus = await PrivateBus.start(lab.folder);
    const environment = { DISPLAY: screen.display, DBUS_SESSION_BUS_ADDRESS: bus.address };
    Object.assign(lab.environment, environment);
    dunst = lab.start("dunst", ["-conf", "/dev/null"], { stdio: "ignore" });
    const client = await bus.client();
    await until(async () => Boolean(await client.nameHasOwner(NOTIFICATIONS)), "dunst");
  });
  afterAll(async () => {
    await endOf(dunst);
    await bus.close();
    await screen.close();
    await lab.close();
  });

  /** As dunst has it in its list, without JSON's escapes. */
  function shown(field: "summary" | "body"): string {
    const history = execFileSync("dunstctl", ["history"], { env: lab.environment, encoding: "utf8" });
    return JSON.parse(history).data[0][0][field].data;
  }

  it("shows every character as it was, in as many lines", async () => {
    await findNotifier(lab.environment)?.({ title: "muxguard: allowed", text: HOSTILE });
    execFileSync("dunstctl", ["close-all"], { env: lab.environment });
    expect(shown("summary")).toBe("muxguard: allowed");
    expect(shown("body")).toBe(HOSTILE.replaceAll("<", "\\x3c").replace("&lt;", "\\x26lt;"));
  });

  it("is not asked where the server is reached over the bus", async () => {
    lab.script("notify-send", `#!/bin/sh\ntouch '${lab.path("asked")}'\n`);
    const environment = { ...lab.environment, PATH: `${lab.folder}:${lab.environment.PATH}` };
    const desktop = createDesktop(environment, () => true);
    await desktop.notices.show({ ...notice, text: "over the bus" });
    execFileSync("dunstctl", ["close-all"], { env: lab.environment });
    expect(shown("body")).toBe("over the bus");
    expect(existsSync(lab.path("asked"))).toBe(false);
    await desktop.close();
  });
});
