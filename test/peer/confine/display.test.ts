/**
 * Who presses the buttons on an X server that a confined run reaches: it has an abstract socket, which belongs
 * to the network and to no file system. A real Xvfb, and a real window of x11-ssh-askpass.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ConfinedLab } from "../../../lab/confined-lab.ts";
import { Desk } from "../../../lab/desktop/desk.ts";
import { until } from "../../../lab/lab.ts";
import { describeWith, PYTHON, X11_ASKPASS } from "../tools.ts";

/** As libxcb does it: the connection's set-up, to which a server that takes it answers 1. X11's "Encoding". */
const CONNECT = `
import socket, struct, sys
x = socket.socket(socket.AF_UNIX)
try:
    x.connect("\\0/tmp/.X11-unix/X" + sys.argv[1].lstrip(":"))
    x.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
    print("set up", x.recv(1)[0])
except OSError as error:
    print("refused")
`;

/** Asks for something, and presses Enter on the display, once it counts. */
const ASK_AND_PRESS = `ssh-add -D & sleep 2.5
while [ -d /proc/$! ]; do xdotool key Return; sleep 3; done; wait $!`;

/** By its abstract socket a server sees that a number is taken, so this one is given its own. */
const withoutAbstract = [`:${10_000 + (process.pid % 40_000)}`, "-nolisten", "local"];

const NOT_ASKED = "muxguard: not asked for this run on the desktop: the run reaches the X server";

describe.each([
  ["with a daemon", true],
  ["with a guard of its own", false],
])("a confined run %s", (_, hasDaemon) => {
  describeWith(["bwrap", "ssh", "ssh-askpass", "python"], "and the display that the user is asked on", () => {
    const lab = new ConfinedLab({ hasDaemon });
    let desk: Desk;

    beforeAll(async () => {
      const askpass = lab.script("askpass", `#!/bin/sh\nexec ${X11_ASKPASS} "$@"\n`);
      lab.environment.SSH_ASKPASS = askpass;
      lab.settings('approvers = ["askpass"]\n[scope.apart]\nconfine = true\nnetwork = false\n');
      await lab.startAgent("upstream.sock", lab.key("work"));
    });
    afterEach(async () => {
      await endDaemon();
      await desk.close();
    });
    afterAll(() => lab.close());

    let endDaemon = async (): Promise<void> => {};

    /** A screen, and a guard that has it. */
    async function open(...options: string[]): Promise<void> {
      desk = await Desk.open(lab, ...options);
      if (!hasDaemon) return;
      const daemon = await lab.startDaemon();
      endDaemon = async () => {
        daemon.kill("SIGTERM");
        await new Promise((resolve) => daemon.once("exit", resolve));
      };
    }

    const reach = (...options: string[]) =>
      lab.muxguard("run", ...options, "--", PYTHON, "-c", CONNECT, desk.display);

    it("could answer for itself there: any program that reaches it can", async () => {
      await open();
      const { result, events } = await lab.logged(() =>
        lab.muxguard("run", "--", "/bin/sh", "-c", ASK_AND_PRESS),
      );
      expect(result, result.stderr).toMatchObject({ code: 0 });
      expect(events).toMatchObject([{ decision: "allow", by: "approver:askpass" }]);
    });

    it("reaches it past all that is hidden, so nobody is asked there, and that is said", async () => {
      await open();
      expect((await reach("--confine")).stdout).toBe("set up 1\n");
      const { result, events } = await lab.logged(() => lab.confined(ASK_AND_PRESS));
      expect(result.code).not.toBe(0);
      expect(result.stderr).toContain(NOT_ASKED);
      expect(result.stderr).toContain("network = false keeps it away");
      expect(events).toMatchObject([{ decision: "deny" }]);
      expect(events[0]?.by).not.toBe("approver:askpass");
    });

    it.each<[string, string[], string[]]>([
      ["its scope has no network", ["--scope", "apart"], []],
      ["the server has no such socket", ["--confine"], withoutAbstract],
    ])("does not reach it where %s: the user is asked, and presses", async (_, run, server) => {
      await open(...server);
      expect((await reach(...run)).stdout).toBe("refused\n");
      const line = `exec 2>&1; xdotool key Return >/dev/null && echo reached; ssh-add -D`;
      const { result, events } = await lab.logged(async () => {
        const asking = lab.muxguard("run", ...run, "--", "/bin/sh", "-c", line);
        await desk.asks();
        await desk.press("Return");
        return asking;
      });
      expect(result).toMatchObject({ code: 0, stderr: "" });
      expect(result.stdout).not.toContain("reached");
      expect(events).toMatchObject([{ decision: "allow", by: "approver:askpass" }]);
      await until(() => desk.windows().length === 0, "the end of the window");
    });
  });
});
