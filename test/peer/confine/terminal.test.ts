/** A confined run on a terminal: it is the run's own, and so are its keys. */
import { afterAll, it } from "vitest";
import { ConfinedLab } from "../../../lab/confined-lab.ts";
import { Pty } from "../../../lab/terminal/pty.ts";
import { describeWith } from "../tools.ts";

describeWith(["bwrap", "python"], "a confined run with a terminal", () => {
  const lab = new ConfinedLab({ hasDaemon: false });
  afterAll(() => lab.close());
  const confined = (line: string) =>
    new Pty(lab, process.execPath, lab.program, "run", "--confine", "--", "/bin/sh", "-c", line);

  it("hears of Ctrl-C, and ends as it likes", async () => {
    const pty = confined("trap 'echo heard; exit' INT; echo ready; while :; do sleep 1; done");
    await pty.shows("ready");
    pty.type("\x03");
    await pty.shows("heard");
  });
});
