/**
 * Makes docs/notification.png: a question of muxguard as dunst shows it, on a screen that nobody sees. Needs Xvfb, dunst, dbus-daemon and
 * ImageMagick; run it with `node docs/screenshots.mjs` after `npm run build`.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createNotificationApprover } from "../dist/src/approver/notification.js";
import { Notifications } from "../dist/src/platform/notifications.js";

const picture = fileURLToPath(new URL("notification.png", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "mgd-"));
const children = [];

const dunstrc = `[global]
width = 620
height = 440
origin = top-left
offset = 10x10
font = DejaVu Sans 10
icon_position = off
markup = full
dmenu = ${join(folder, "menu")}
[urgency_critical]
background = "#1d2733"
foreground = "#e8edf2"
frame_color = "#5b8fb9"
`;

/** An example, as test/support/policy.ts has them. */
const question = {
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
    ancestors: ["git", "bash", "claude", "muxguard run"].map((name, at) => ({
      pid: at === 3 ? 9000 : 9800 - at,
      startTime: "1",
      name,
      exe: `/usr/bin/${name}`,
      cmdline: [name],
    })),
  },
  because: "default",
  count: 1,
  choices: ["once", { milliseconds: 600_000 }, "run", "always"],
  denyFor: 600_000,
  yes: "once",
  asked: "2026-01-01T00:00:00.000Z",
  timeout: 60_000,
};

async function start(command, args, env = process.env) {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return child;
}

async function firstLine(child) {
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  return line.trim();
}

try {
  const socket = join(folder, "bus");
  const bus = await start("dbus-daemon", [
    "--session",
    "--nofork",
    "--print-address=1",
    `--address=unix:path=${socket}`,
  ]);
  const DBUS_SESSION_BUS_ADDRESS = await firstLine(bus);
  const screen = await start("Xvfb", ["-displayfd", "1", "-screen", "0", "660x460x24", "-nolisten", "tcp"]);
  const DISPLAY = `:${await firstLine(screen)}`;
  writeFileSync(join(folder, "dunstrc"), dunstrc);
  const env = { ...process.env, DISPLAY, DBUS_SESSION_BUS_ADDRESS };
  const dunst = await start("dunst", ["-conf", join(folder, "dunstrc"), "-print"], env);
  const printed = firstLine(dunst);
  const desktop = new Notifications(socket, () => true);
  const withdrawn = new AbortController();
  const asked = ask(desktop, withdrawn.signal);
  await printed; // dunst has it
  await new Promise((resolve) => setTimeout(resolve, 500)); // and draws it
  execFileSync("import", [
    "-window",
    "root",
    "-display",
    DISPLAY,
    "-trim",
    "+repage",
    "-colors",
    "64",
    picture,
  ]);
  withdrawn.abort();
  await asked;
  await desktop.close();
} finally {
  for (const child of children.reverse()) child.kill();
  rmSync(folder, { recursive: true, force: true });
}

/** Until dunst is there, there is nobody to show it. */
async function ask(desktop, signal) {
  while (!signal.aborted) {
    try {
      await createNotificationApprover(desktop).ask(question, signal);
    } catch (error) {
      if (!/not provided by any/.test(error.message)) return;
    }
  }
}
