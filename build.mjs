/**
 * Makes dist/: each program is one bundle, which src/start.ts starts, and beside it lies its code cache.
 *
 * A bundle is all of ours that a program may need, and the packages that are no packages of their own for
 * those who install muxguard; what is loaded late in the source is evaluated late in the bundle as well.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/**
 * To add a program: a line here, and a file in bin/ that starts it by this name. Its code cache holds what it
 * needed when it was started with these arguments, or with the next ones where it failed with them: not every
 * machine can confine. A small program needs none.
 */
const programs = [
  {
    name: "muxguard",
    source: "src/cli/main.ts",
    recorded: [
      ["run", "--confine", "--", "true"],
      ["run", "--", "true"],
    ],
  },
  { name: "muxguard-askpass", source: "askpass/main.ts", recorded: [["Allow use of key x?"]] },
  { name: "muxguard-ride", source: "src/runs/ride/main.ts", recorded: [["/nowhere", "-V"]] },
  { name: "muxguard-hold-forwards", source: "src/runs/ride/hold-forwards.ts" },
];

/** For this repository alone; ES modules, which Node starts itself. */
const tools = {
  bench: "bench/main.ts",
  "pass-through": "bench/pass-through.ts",
  "week-guard": "bench/week/guard.ts",
  pictures: "docs/pictures/main.ts",
  "five-minutes": "docs/five-minutes/main.ts",
  "openssh-suite": "test/suites/openssh/main.ts",
  "openssh-agent": "test/suites/openssh/agent.ts",
  "openssh-client": "test/suites/openssh/client.ts",
  faults: "test/suites/faults/main.ts",
  man: "src/cli/reference/write-man.ts",
};

/** Packages that are installed beside muxguard: koffi is a binary, the others have files that they start. */
const external = ["koffi", "node-notifier", "ssh2"];

/** A bundle of its own, which most commands never read. Installed by itself it has 16 MB, most of it unused. */
const asked = { name: "inquirer", file: "inquirer.mjs" };

const root = import.meta.dirname;
const dist = join(root, "dist");
const bundleOf = (name) => join(dist, `${name}.bundle.js`);

/** dbus-native reads what a service says of itself with 220 kB of XML; muxguard asks for no such thing. */
const withoutXml = {
  name: "without xml2js",
  setup(bundler) {
    bundler.onResolve({ filter: /^xml2js$/ }, () => ({ path: "xml2js", namespace: "none" }));
    bundler.onLoad({ filter: /./, namespace: "none" }, () => ({ contents: "" }));
  },
};

const fromOwnBundle = {
  name: "inquirer from its own bundle",
  setup(bundler) {
    const filter = new RegExp(`^${asked.name}$`);
    bundler.onResolve({ filter }, () => ({ path: `./${asked.file}`, external: true }));
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
const commonJs = { ...shared, format: "cjs", define: { "import.meta.dirname": "__dirname" } };

async function buildPrograms() {
  const { outputFiles } = await build({
    ...commonJs,
    entryPoints: programs.map(({ name, source }) => ({ in: source, out: name })),
    external,
    plugins: [withoutXml, fromOwnBundle],
    write: false,
  });
  for (const [at, { name }] of programs.entries()) {
    const { contents, text } = outputFiles[at];
    // the first line tells which code cache is this bundle's
    const id = createHash("sha256").update(contents).digest("hex");
    const head = `//${id}\n(function (require, importPackage, __dirname) {`;
    // what is left of import() is of the external packages
    const body = text.replaceAll('import("', 'importPackage("');
    writeFileSync(bundleOf(name), `${head}\n${body}})`, { mode: 0o644 });
  }
  await build({
    ...commonJs,
    entryPoints: { start: "src/start.ts" },
    outExtension: { ".js": ".cjs" },
  });
}

/** Each is started once, in folders of its own, to see what it needs. A program without a cache works too. */
function recordCaches() {
  const home = mkdtempSync(join(tmpdir(), "mg-build-"));
  const folder = (name) => join(home, name);
  for (const name of ["run", "state", "config", "config/muxguard"]) mkdirSync(folder(name), { mode: 0o700 });
  // settings with all that they usually have: most starts read some
  const rule =
    '[[rule]]\nname = "a"\non = ["confirm"]\nhost = "a,*.b"\nuser = "a"\naction = "ask"\nremember = "10m"\n';
  const settings = {
    policy: `default = "allow" # a comment\n${rule}`,
    config: 'remember = "10m"\nsync_log = false\n',
  };
  for (const [name, text] of Object.entries(settings))
    writeFileSync(join(home, `config/muxguard/${name}.toml`), text, { mode: 0o600 });
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    XDG_RUNTIME_DIR: folder("run"),
    XDG_STATE_HOME: folder("state"),
    XDG_CONFIG_HOME: folder("config"),
    SSH_ASKPASS_PROMPT: "confirm",
  };
  for (const { name, recorded } of programs) {
    if (recorded === undefined) continue;
    const { status, stderr } = recordFirst(name, recorded, env);
    const made = statSync(`${bundleOf(name)}.cache`, { throwIfNoEntry: false });
    const size = made ? `${Math.round(made.size / 1024)} kB` : `none (exit code ${status}) ${stderr}`;
    process.stdout.write(`${name}: code cache: ${size}\n`);
  }
  rmSync(home, { recursive: true });
}

/** The first of the command lines that ends well, else the last. */
function recordFirst(name, [words, ...others], env) {
  const args = [fileURLToPath(import.meta.url), "--record", name, ...words];
  // without a terminal: nobody is to be asked whether an example is allowed
  const ended = spawnSync(process.execPath, args, { env, encoding: "utf8", timeout: 30_000, detached: true });
  if (ended.status === 0 || others.length === 0) return ended;
  rmSync(`${bundleOf(name)}.cache`, { force: true });
  return recordFirst(name, others, env);
}

/** This process becomes the program, and keeps what V8 compiled of it when it ends. */
function record([name, ...args]) {
  const require = createRequire(import.meta.url);
  // a cache belongs to the flags of V8 that it was made under: those with which a program starts
  require("node:v8").setFlagsFromString = () => {};
  const { keepCache, load, run } = require(join(dist, "start.cjs"));
  process.argv = [process.execPath, join(root, "bin", name), ...args];
  const script = load(bundleOf(name));
  process.once("exit", () => keepCache(bundleOf(name), script.createCachedData()));
  run(bundleOf(name), script);
}

if (process.argv[2] === "--record") record(process.argv.slice(3));
else {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { mode: 0o755 }); // nobody else may write there, whatever the umask
  await buildPrograms();
  await build({
    ...shared,
    entryPoints: [{ in: asked.name, out: asked.name }],
    outExtension: { ".js": ".mjs" },
    format: "esm",
    // its packages of the older kind require() what Node has
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
  });
  await build({ ...shared, entryPoints: tools, format: "esm", packages: "external" });
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(dist, "man.js")], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`no manual page: ${stderr}`);
  writeFileSync(join(dist, "muxguard.1"), stdout);
  recordCaches();
}
