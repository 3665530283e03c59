/** docs/notification.png: a question of muxguard as dunst shows it, on a screen that nobody sees. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { PrivateBus } from "../../lab/desktop/bus.ts";
import { NOTIFICATIONS } from "../../lab/desktop/notification-server.ts";
import { Screen } from "../../lab/desktop/screen.ts";
import { Lab } from "../../lab/lab.ts";
import { firstWords, until } from "../../lab/processes.ts";
import { createNotificationApprover } from "../../src/approver/notification/approver.ts";
import { Notifications } from "../../src/platform/dbus/notifications.ts";
import type { Question } from "../../src/policy/question.ts";
import { inDocs } from "./in-docs.ts";

/** How long dunst may take to draw what it has, in milliseconds. */
const DRAWING = 500;

const dunstrc = (menu: string): string => `[global]
width = 620
height = 440
origin = top-left
offset = 10x10
font = DejaVu Sans 10
icon_position = off
markup = full
dmenu = ${menu}
[urgency_critical]
background = "#1d2733"
foreground = "#e8edf2"
frame_color = "#5b8fb9"
`;

const program = (exe: string, ...words: string[]) => ({
  pid: 17,
  startTime: "1",
  name: words[0] ?? "",
  exe,
  cmdline: words,
});

/** An example, as docs/questions.md has it. */
const question: Question = {
  id: "k3f9x2",
  request: {
    kind: "sign",
    data: "userauth",
    destination: { verified: true, names: ["github.com"], how: "host key known" },
    user: "git",
    key: {
      type: "ssh-ed25519",
      fingerprint: "SHA256:sbyCmnlu0E4fzqEnQ9I/whxonWrgCcOHEoOUueBdzKQ",
      comment: "me@laptop",
    },
    path: [],
    forwarded: false,
  },
  caller: {
    pid: 9834,
    startTime: "1",
    exe: "/usr/bin/ssh",
    name: "ssh",
    cmdline: ["ssh", "git@github.com", "git-receive-pack 'me/site.git'"],
    cwd: "/home/me/src/site",
    session: "2",
    container: false,
    run: { pid: 9000, name: "claude" },
    ancestors: [
      program("/usr/bin/git", "git", "push", "origin", "main"),
      program("/usr/bin/node", "node", "/usr/bin/claude"),
      { ...program("/usr/bin/node", "node", "/usr/bin/muxguard", "run"), pid: 9000 },
    ],
  },
  because: "default",
  count: 1,
  choices: ["once", { milliseconds: 600_000 }, "run", "always"],
  denyFor: 600_000,
  yes: "once",
  asked: "2026-01-01T00:00:00.000Z",
  timeout: 60_000,
};

export async function drawNotification(): Promise<void> {
  const lab = new Lab();
  const screen = await Screen.start("660x460x24");
  const bus = await PrivateBus.start(lab.folder);
  try {
    Object.assign(lab.environment, { DISPLAY: screen.display, DBUS_SESSION_BUS_ADDRESS: bus.address });
    writeFileSync(lab.path("dunstrc"), dunstrc(lab.path("menu")));
    const dunst = lab.start("dunst", ["-conf", lab.path("dunstrc"), "-print"]);
    const client = await bus.client();
    await until(async () => Boolean(await client.nameHasOwner(NOTIFICATIONS)), "dunst");
    await withQuestion(bus, async () => {
      await firstWords(dunst); // it has the question
      await new Promise((resolve) => setTimeout(resolve, DRAWING));
      const trimmed = ["-trim", "+repage", "-colors", "64", inDocs("notification.png")];
      execFileSync("import", ["-window", "root", "-display", screen.display, ...trimmed]);
    });
  } finally {
    await bus.close();
    await screen.close();
    await lab.close();
  }
}

async function withQuestion(bus: PrivateBus, draw: () => Promise<void>): Promise<void> {
  const desktop = new Notifications(bus.socket, () => true);
  const withdrawn = new AbortController();
  const asked = createNotificationApprover(desktop).ask(question, withdrawn.signal);
  asked.catch(() => {}); // as it is withdrawn
  try {
    await draw();
  } finally {
    withdrawn.abort();
    await asked.catch(() => {});
    await desktop.close();
  }
}
