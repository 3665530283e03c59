/**
 * Makes dist/: each program is a few packs (build/packs.mjs), which src/start.ts starts, each with its code cache.
 *
 * In them is all of ours that a program may need, and the packages that are no packages of their own for those
 * who install muxguard.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { packProgram } from "./build/packs.mjs";

/** Questions for muxguard-askpass, as the recorded policy answers them. */
const question = (key) => `Allow use of key ${key}?\nKey fingerprint SHA256:${"A".repeat(43)}.`;
const allowed = [question("allowed")];
const asked = [question("asked")];

/**
 * To add a program: a line here, and a file in bin/ that starts it by this name. Each of its packs has what one
 * kind of start needs of `modules`, beside the source in the first one, and the last pack has the rest. What only
 * those modules need that are `aside` is a pack behind it. The code cache of a pack holds what was needed when the
 * program was started with those `recorded`; a small program needs none.
 */
const programs = [
  {
    name: "muxguard",
    source: "src/cli/main.ts",
    packs: [
      {
        modules: [
          "src/cli/run/run.ts",
          "src/cli/guards/guard-connection.ts",
          "src/cli/guards/no-answer.ts",
          "src/cli/guards/lent-terminal.ts",
          "src/rpc/quick-checks.ts",
        ],
        recorded: [["run", "--", "true"]],
      },
      {
        modules: ["src/cli/run/own-run.ts", "src/settings/config.ts", "src/settings/toml-file.ts"],
        recorded: [["run", "--", "true"]],
      },
      {
        modules: ["src/cli/run/confined-ahead.ts", "src/cli/run/confined.ts"],
        recorded: [["run", "--confine", "--", "true"]],
      },
      { recorded: [["status"]] },
    ],
    // [fleet] of config.toml, which most don't have
    aside: [
      "src/fleet/member.ts",
      "src/fleet/policy/known.ts",
      "src/cli/watch/fleet.ts",
      "src/cli/log/fleet.ts",
      "src/cli/fleet/add.ts",
      "src/cli/fleet/init.ts",
      "src/cli/fleet/join.ts",
      "src/cli/fleet/state.ts",
    ],
  },
  {
    name: "muxguard-askpass",
    source: "askpass/main.ts",
    packs: [
      { modules: ["askpass/ask-guard.ts", "src/settings/paths.ts"], recorded: [allowed] },
      { modules: ["askpass/alone.ts", "src/settings/toml-file.ts"], recorded: [allowed, asked] },
      { recorded: [asked] },
    ],
  },
  {
    name: "muxguard-ride",
    source: "src/runs/ride/main.ts",
    packs: [{ recorded: [["/nowhere", "-V"]] }],
  },
  { name: "muxguard-hold-forwards", source: "src/runs/ride/hold-forwards.ts", packs: [{}] },
];

/** For this repository alone; ES modules, which Node starts itself. */
const tools = {
  bench: "bench/main.ts",
  "pass-through": "bench/pass-through.ts",
  "week-guard": "bench/week/guard.ts",
  "fleet-machines": "bench/fleet/machines.ts",
  pictures: "docs/pictures/main.ts",
  "five-minutes": "docs/five-minutes/main.ts",
  reference: "docs/reference/main.ts",
  "openssh-suite": "test/suites/openssh/main.ts",
  "openssh-agent": "test/suites/openssh/agent.ts",
  "openssh-client": "test/suites/openssh/client.ts",
  faults: "test/suites/faults/main.ts",
  man: "src/cli/reference/write-man.ts",
};

/** Packages that are installed beside muxguard: koffi is a binary, the others have files that they start. */
const external = ["node-notifier", "ssh2"];

/** Bundles of their own, which most commands never read. Installed by itself inquirer has 16 MB, most of it unused. */
const ownBundles = [
  { source: "inquirer", file: "inquirer.mjs", filter: /^inquirer$/ },
  { source: "src/fleet/bus/library.ts", file: "nats.mjs", filter: /[/]library[.]ts$/ },
];

const root = import.meta.dirname;
const dist = join(root, "dist");

/** dbus-native reads what a service says of itself with 220 kB of XML; muxguard asks for no such thing. */
const withoutXml = {
  name: "without xml2js",
  setup(bundler) {
    bundler.onResolve({ filter: /^xml2js$/ }, () => ({ path: "xml2js", namespace: "none" }));
    bundler.onLoad({ filter: /./, namespace: "none" }, () => ({ contents: "" }));
  },
};

const fromOwnBundle = {
  name: "packages from their own bundles",
  setup(bundler) {
    for (const { file, filter } of ownBundles)
      bundler.onResolve({ filter }, () => ({ path: `./${file}`, external: true }));
  },
};

const withoutLoader = {
  name: "koffi without its loader",
  setup(bundler) {
    const path = join(root, "build/koffi.cjs");
    bundler.onResolve({ filter: /^koffi$/ }, ({ importer }) =>
      importer === path ? { path: "koffi", external: true } : { path },
    );
  },
};

const shared = {
  absWorkingDir: root,
  outdir: dist,
  bundle: true,
  platform: "node",
  target: "node20",
  logOverride: { "empty-import-meta": "error" },
};

/** @returns what src/start.ts exports */
async function buildStart() {
  await build({
    ...shared,
    format: "cjs",
    define: { "import.meta.dirname": "__dirname" },
    entryPoints: { start: "src/start.ts" },
    outExtension: { ".js": ".cjs" },
  });
  return createRequire(import.meta.url)(join(dist, "start.cjs"));
}

async function buildPrograms({ packPath }) {
  const options = { ...shared, external, plugins: [withoutXml, fromOwnBundle, withoutLoader] };
  for (const { name, source, packs, aside } of programs) {
    const modules = packs.map((pack) => pack.modules ?? []);
    const texts = await packProgram(options, source, modules, aside);
    for (const [number, text] of texts.entries())
      writeFileSync(packPath(dist, name, number), text, { mode: 0o644 });
  }
}

/**
 * Each is started in folders of its own, to see what it needs: without a daemon, and beside one. A program
 * without a cache works too.
 */
async function recordCaches({ packPath }) {
  const home = mkdtempSync(join(tmpdir(), "mg-build-"));
  const env = recordingHome(home);
  const recordAll = () => {
    // without a terminal: nobody is to be asked whether an example is allowed
    const options = { env, encoding: "utf8", timeout: 60_000, detached: true };
    for (const { name, packs } of programs)
      for (const [number, { recorded = [] }] of packs.entries())
        for (const words of recorded) {
          const { error, stderr } = spawnSync(...recording(name, number, words, options));
          if (error || stderr.includes("internal fault"))
            throw new Error(`${name} ${words.join(" ")}: ${error ?? stderr}`);
        }
  };
  recordAll();
  const daemon = spawn(...recording("muxguard", 3, ["daemon", "--foreground"], { env, stdio: "ignore" }));
  const ended = once(daemon, "exit");
  const socket = join(env.XDG_RUNTIME_DIR, "muxguard/daemon.sock");
  for (let waited = 0; waited < 100 && daemon.exitCode === null && !existsSync(socket); waited++)
    await sleep(100);
  recordAll();
  daemon.kill();
  await ended;
  rmSync(home, { recursive: true });
  for (const { name, packs } of programs) {
    const made = [...packs.keys()].map((number) =>
      statSync(`${packPath(dist, name, number)}.cache`, { throwIfNoEntry: false }),
    );
    const size = made.reduce((sum, one) => sum + (one?.size ?? 0), 0);
    if (size > 0) process.stdout.write(`${name}: code cache: ${Math.round(size / 1024)} kB\n`);
  }
}

/** @returns the environment in which a program finds it */
function recordingHome(home) {
  const folder = (name) => join(home, name);
  for (const name of ["run", "state", "config", "config/muxguard"]) mkdirSync(folder(name), { mode: 0o700 });
  // settings with all that they usually have: most starts read some
  const rules =
    '[[rule]]\nname = "a"\non = ["confirm"]\nkey = "allowed"\naction = "allow"\n' +
    '[[rule]]\nname = "b"\non = ["confirm"]\nhost = "a,*.b"\nuser = "a"\naction = "ask"\nremember = "10m"\n';
  const settings = {
    policy: `default = "allow" # a comment\n${rules}`,
    // an approver that has nobody to ask: nothing waits
    config: 'approvers = ["askpass"]\nremember = "10m"\nsync_log = false\n',
  };
  for (const [name, text] of Object.entries(settings))
    writeFileSync(join(home, `config/muxguard/${name}.toml`), text, { mode: 0o600 });
  return {
    PATH: process.env.PATH,
    HOME: home,
    XDG_RUNTIME_DIR: folder("run"),
    XDG_STATE_HOME: folder("state"),
    XDG_CONFIG_HOME: folder("config"),
    SSH_ASKPASS_PROMPT: "confirm",
  };
}

/** A command line, and options, for node:child_process. */
function recording(name, number, words, options) {
  const args = [fileURLToPath(import.meta.url), "--record", name, String(number), ...words];
  return [process.execPath, args, options];
}

/** This process becomes the program, and keeps what V8 compiled of a pack when it ends. */
function record([name, number, ...args]) {
  const require = createRequire(import.meta.url);
  // a cache belongs to the flags of V8 that it was made under: those with which a program starts
  require("node:v8").setFlagsFromString = () => {};
  const { keepCache, load, packPath, runProgram } = require(join(dist, "start.cjs"));
  process.argv = [process.execPath, join(root, "bin", name), ...args];
  const recorded = packPath(dist, name, Number(number));
  runProgram(name, require, (pack) => {
    const script = load(pack);
    if (pack === recorded) process.once("exit", () => keepCache(pack, script.createCachedData()));
    return script;
  });
}

if (process.argv[2] === "--record") record(process.argv.slice(3));
else {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { mode: 0o755 }); // nobody else may write there, whatever the umask
  const start = await buildStart();
  await buildPrograms(start);
  await build({
    ...shared,
    entryPoints: ownBundles.map(({ source, file }) => ({ in: source, out: file.replace(".mjs", "") })),
    outExtension: { ".js": ".mjs" },
    format: "esm",
    // packages of the older kind require() what Node has
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
  });
  await build({ ...shared, entryPoints: tools, format: "esm", packages: "external" });
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(dist, "man.js")], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`no manual page: ${stderr}`);
  writeFileSync(join(dist, "muxguard.1"), stdout);
  await recordCaches(start);
}
