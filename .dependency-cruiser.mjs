/**
 * Which folder may import which: the arrows of the house, looked at by `npm run lint`. Types count as well.
 * What is not listed is forbidden; everyone may import the small files of src/ itself, but for its loader.
 */

/** Of src/. "guard types": nothing but types of it. */
const arrows = {
  wire: [],
  policy: [],
  identity: ["wire", "policy"],
  audit: ["policy"],
  approver: ["policy"],
  platform: ["policy types"],
  settings: ["policy", "platform"],
  rpc: ["policy", "approver", "identity types"],
  fleet: ["wire", "policy", "platform", "settings", "rpc", "audit", "approver types"],
  guard: ["wire", "policy", "approver types", "audit types"],
  masters: ["guard", "identity", "platform", "policy", "approver types", "rpc types", "settings types"],
  runs: ["guard", "identity", "platform", "policy", "approver types", "rpc", "masters types"],
  daemon: [
    "fleet",
    "runs",
    "masters",
    "guard",
    "rpc",
    "settings",
    "approver",
    "audit",
    "identity",
    "platform",
    "policy",
  ],
  setup: ["runs", "masters", "identity", "settings", "platform"],
  demo: ["audit types", "policy", "settings", "lab"],
  // a command talks to the guard through the daemon's parts
  doctor: [
    "fleet",
    "runs",
    "masters",
    "settings",
    "identity",
    "platform",
    "policy",
    "rpc types",
    "audit types",
  ],
  cli: [
    "fleet",
    "doctor",
    "demo",
    "setup",
    "daemon",
    "runs",
    "masters",
    "rpc",
    "settings",
    "approver",
    "audit",
    "identity",
    "platform",
    "policy",
  ],
};

/** Modules of Node for the folders that do no I/O of their own; the guard's streams are handed in. */
const nodeModules = {
  wire: ["buffer", "crypto"],
  policy: [],
  guard: ["crypto", "net"],
};

/** Packages, and who alone may import them. */
const packages = {
  koffi: "src/platform/libc/binding.ts",
  "dbus-native": "(src/platform/dbus/message-bus.ts|lab/desktop/)",
  "node-notifier": "src/platform/desktop/",
  inquirer: "src/cli/",
  ssh2: "(lab|src/demo)/",
  "smol-toml": "src/settings/toml-file.ts",
  commander: "src/cli/",
  "@nats-io": "(src/fleet|lab/fleet)/",
};

const ours = "^(src|askpass|bench|lab|test)/";
const common = "^src/[^/]+$";

const arrowRules = Object.entries(arrows).flatMap(([folder, targets]) => {
  const own = [common, `^src/${folder}/`];
  const paths = targets.map((target) => `^(src/)?${target.replace(" types", "")}/`);
  const forTypes = paths.filter((_, at) => targets[at].endsWith(" types"));
  const values = { path: forTypes, dependencyTypesNot: ["type-only"] };
  return [
    forbid(`${folder} imports ${targets.join(", ") || "nothing of ours"}`, `^src/${folder}/`, {
      path: ours,
      pathNot: [...own, ...paths],
    }),
    ...(forTypes.length > 0 ? [forbid(`${folder}: types alone`, `^src/${folder}/`, values)] : []),
  ];
});

const nodeRules = Object.entries(nodeModules).map(([folder, modules]) =>
  forbid(`${folder}: modules of Node`, `^src/${folder}/`, {
    dependencyTypes: ["core"],
    pathNot: modules.map((name) => `^(node:)?${name}$`),
  }),
);

const packageRules = Object.entries(packages).map(([name, importer]) => ({
  ...forbid(`${name} is for ${importer}`, "^(src|askpass|lab)/", { path: `^node_modules/${name}/` }),
  from: { path: "^(src|askpass|lab)/", pathNot: `^${importer}` },
}));

function forbid(name, from, to) {
  return { name, severity: "error", from: { path: from }, to };
}

export default {
  forbidden: [
    ...arrowRules,
    ...nodeRules,
    ...packageRules,
    forbid("nobody imports a program", ours, {
      path: "^(src/(start|cli/main|runs/ride/main)|askpass/main)[.]ts$",
    }),
    forbid("nothing of askpass, bench and test", "^(src|lab)/", { path: "^(askpass|bench|test)/" }),
    forbid("zod/mini, which is a third of zod", "^(src|askpass|lab)/", {
      path: "^node_modules/zod/index[.]",
    }),
    { name: "no circles", severity: "error", from: {}, to: { circular: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^dist/" },
  },
};
