/**
 * Records the golden messages of the control socket: the real ssh asks a real master through relay.py, which keeps a copy.
 *
 *     node test/vectors/record-mux.mjs
 *
 * Needs OpenSSH with sshd and Python 3.9, as root or as any user with a login shell, and /tmp/x, which it makes and removes: the paths in the
 * messages are to be the same on every machine. A message of which nothing was seen ends the run with an error.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";

const vectors = import.meta.dirname;
const folder = "/tmp/x";
const file = (name) => join(folder, name);
const openssh = spawnSync("ssh", ["-V"], { encoding: "utf8" }).stderr.split(",")[0];
const destination = `${userInfo().username}@db.example`;

/** Nothing of this machine's environment but where the programs are. */
const environment = {
  PATH: process.env.PATH,
  HOME: folder,
  TERM: "xterm-256color",
  SSH_ASKPASS: file("askpass"),
  SSH_ASKPASS_REQUIRE: "force",
  DEPLOY_STAGE: "testing",
  DEPLOY_NOTE: "two words = one value",
};

// --- the masters

const keygen = (name) =>
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file(name)]);

function prepare() {
  for (const name of ["user", "host"]) keygen(name);
  writeFileSync(file("known_hosts"), `db.example ${readFileSync(file("host.pub"), "utf8")}`);
  writeFileSync(file("askpass"), "#!/bin/sh\nexit 1\n");
  chmodSync(file("askpass"), 0o700);
  if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
}

const processes = [];

/** A master at /tmp/x/NAME, and the relay in front of it at /tmp/x/NAME.tap. */
async function startMaster(name, { settings = [], options = [] } = {}) {
  const config = [
    `HostKey ${file("host")}`,
    `AuthorizedKeysFile ${file("user.pub")}`,
    "AcceptEnv DEPLOY_*",
    "Subsystem sftp internal-sftp",
    "PermitRootLogin yes",
    "PrintLastLog no",
    "PrintMotd no",
    "StrictModes no",
    "UsePAM no",
    "PidFile none",
    ...settings,
  ];
  writeFileSync(file(`${name}.conf`), `${config.join("\n")}\n`);
  const login = [
    ...options, // the first that ssh reads counts
    `ProxyCommand=/usr/sbin/sshd -i -f ${file(`${name}.conf`)}`,
    `UserKnownHostsFile=${file("known_hosts")}`,
    `IdentityFile=${file("user")}`,
    "ControlMaster=yes",
    "SendEnv=DEPLOY_*",
    "LogLevel=QUIET",
  ].flatMap((option) => ["-o", option]);
  start("ssh", ["-F", "none", "-N", "-S", file(name), ...login, destination]);
  await appears(file(name));
  start("python3", [join(vectors, "relay.py"), file(`${name}.tap`), file(name), file(`${name}.log`)]);
  await appears(file(`${name}.tap`));
}

function start(command, args) {
  processes.push(spawn(command, args, { env: environment, stdio: ["ignore", "ignore", "inherit"] }));
}

async function appears(path) {
  const watcher = watch(folder);
  while (!existsSync(path)) await once(watcher, "change");
  watcher.close();
}

/** Connects to a socket that is about to appear, and waits for the end of what it says. Between bind and listen it refuses. */
async function visit(path) {
  await appears(path);
  const socket = connect(path).resume();
  const listening = once(socket, "connect").then(
    () => true,
    () => false,
  );
  if (!(await listening)) return visit(path);
  await once(socket, "end");
  socket.destroy();
}

// --- what went through

/** What one side of each connection said, cut into payloads. */
function payloads(log, side) {
  const streams = new Map();
  for (const line of readFileSync(log, "utf8").trimEnd().split("\n")) {
    const [number, from, hex = ""] = line.split(" ");
    if (from === side) streams.set(number, (streams.get(number) ?? "") + hex);
  }
  return [...streams.values()].flatMap((hex) => frames(Buffer.from(hex, "hex")));
}

function frames(stream) {
  const found = [];
  for (let at = 0; at + 4 <= stream.length; at += 4 + stream.readUInt32BE(at))
    found.push(stream.subarray(at + 4, at + 4 + stream.readUInt32BE(at)));
  return found;
}

const HELLO = 1;
const client = { SESSION: 2, ALIVE: 4, TERMINATE: 5, OPEN: 6, CLOSE: 7, STDIO: 8, STOP: 9, PROXY: 0xf };
const master = { OK: 1, DENIED: 2, FAILURE: 3, EXIT: 4, ALIVE: 5, OPENED: 6, PORT: 7, NO_TTY: 8, PROXY: 0xf };

const isMux = (value) => (payload) => payload.length >= 4 && payload.readUInt32BE() === value;
const isConnection = (value, name) => (payload) =>
  payload[0] === 0 && payload[1] === value && (name === undefined || payload.includes(name));

/** `[file, what, side, matches]` */
const hello = (name, what, side) => [name, what, side, isMux(HELLO)];
const request = (name, what, type) => [
  `mux-request.${name}`,
  what,
  "client",
  isMux(0x10000000 + client[type]),
];
const reply = (name, what, type) => [`mux-reply.${name}`, what, "master", isMux(0x80000000 + master[type])];
const up = (name, what, ...type) => [`connection.client-${name}`, what, "client", isConnection(...type)];
const down = (name, what, ...type) => [`connection.server-${name}`, what, "master", isConnection(...type)];

function write(name, what, madeBy, payload) {
  const hex = payload.toString("hex").replace(/.{1,96}/g, "$&\n");
  const header = `# ${what}\n# made by ${openssh}: ${madeBy.trim()} (record-mux.mjs)\n`;
  writeFileSync(join(vectors, `${name}.hex`), `${header}${hex.trimEnd()}\n`);
}

/**
 * Runs ssh against a master, whether it succeeds or not, and writes the first of each of the messages that are wanted.
 * @param last a last argument with bytes that an argument of Node's can't have, as printf takes it
 * @param during what happens before its input ends
 */
async function record(wanted, args, { on = "master", input = "", last, during } = {}) {
  writeFileSync(file(`${on}.log`), "");
  const command = last === undefined ? 'exec ssh "$@"' : `exec ssh "$@" "$(printf '${last}')"`;
  const options = ["-F", "none", "-o", "LogLevel=QUIET", "-S", file(`${on}.tap`)];
  const child = spawn("sh", ["-c", command, "sh", ...options, ...args], {
    env: environment,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.stdin.on("error", () => {}); // not all of them read it
  await during?.();
  child.stdin.end(input);
  await once(child, "close");
  for (const [name, what, side, matches] of wanted) {
    const found = payloads(file(`${on}.log`), side).find(matches);
    if (!found) throw new Error(`${name}: not seen`);
    const words = [...args, last ?? ""].map((word) => (word === destination ? "db.example" : word));
    write(name, what, ["ssh", ...words].join(" "), found);
  }
}

// --- what is recorded

async function recordSessions() {
  const session = (name, what, args, more) =>
    record([request(`session-${name}`, what, "SESSION")], args, more);
  await record(
    [
      hello("mux-request.hello", "a client says hello", "client"),
      hello("mux-reply.hello", "a master says hello", "master"),
      request("alive-check", "asks for the master's process id", "ALIVE"),
      reply("alive", "the master's process id", "ALIVE"),
      request("session-command", "a command", "SESSION"),
      reply("session-opened", "a session was opened", "OPENED"),
      reply("exit-message", "a command ended with 3", "EXIT"),
    ],
    [destination, "exit 3"],
  );
  await session("shell", "a login shell, no terminal", [destination]);
  await session("tty", "a login shell on a terminal", ["-tt", destination], { input: "exit\n" });
  await session("no-escape", "a command on a terminal without an escape character", [
    ...["-tt", "-e", "none", destination],
    "true",
  ]);
  await session("subsystem", "the subsystem sftp", ["-s", destination, "sftp"]);
  await session("agent", "a command, with the agent forwarded", ["-A", destination, "true"]);
  await session("x11", "a command, with X11 forwarded", ["-X", destination, "true"]);
  const environment = ["-o", "SendEnv=DEPLOY_*", "-o", "SetEnv=DEPLOY_BY=a\\ person"];
  await session("environment", "a command with an environment", [...environment, destination, "true"]);
  await session("utf8", "a command in UTF-8", [destination, "echo žluťoučký 🐎"]);
  await session("latin1", "a command that is not UTF-8", [destination], { last: "echo caf\\351" });
}

async function recordForwards() {
  const forward = (name, what, args, replies = []) =>
    record([request(`forward-${name}`, what, "OPEN"), ...replies], ["-O", "forward", ...args, destination]);
  const cancel = (name, what, args) =>
    record([request(`cancel-${name}`, what, "CLOSE")], ["-O", "cancel", ...args, destination]);
  const local = ["-L", "127.0.0.1:47311:db.internal:5432"];
  await forward("local", "a local forward", local, [reply("ok", "a forward was set up", "OK")]);
  await cancel("local", "cancels a local forward", local);
  const paths = ["-L", "/tmp/x/listen.sock:/tmp/x/target.sock"];
  await forward("local-paths", "a local forward between Unix sockets", paths);
  await forward("local-default", "a local forward, listening where the master likes", [
    "-L",
    "47312:[::1]:80",
  ]);
  await forward("local-any", "a local forward, listening everywhere", ["-L", "*:47313:db.internal:5432"]);
  const remote = ["-R", "localhost:47314:intranet:80"];
  await forward("remote", "a remote forward", remote);
  await cancel("remote", "cancels a remote forward", remote);
  await forward(
    "remote-any-port",
    "a remote forward, the server chooses the port",
    ["-R", "0:intranet:80"],
    [reply("remote-port", "the port that the server chose", "PORT")],
  );
  await forward("remote-paths", "a remote forward between Unix sockets", [
    ...["-R", "/tmp/x/remote.sock:/tmp/x/target.sock"],
  ]);
  await forward("remote-dynamic", "a remote forward to wherever its client says", ["-R", "47315"]);
  const dynamic = ["-D", "127.0.0.1:47316"];
  await forward("dynamic", "a dynamic forward", dynamic);
  await cancel("dynamic", "cancels a dynamic forward", dynamic);
}

async function recordStdioForward() {
  const stdio = request("stdio-forward", "a stdio forward to a port where nobody listens", "STDIO");
  const failure = reply("failure", "a forward that the server refused", "FAILURE");
  await record([stdio, failure], ["-W", "localhost:1", destination]);
}

/** The connection protocol, as `ssh -O proxy` speaks it. */
async function recordProxy() {
  const proxy = (wanted, args, more) => record(wanted, ["-O", "proxy", ...args], more);
  await proxy(
    [
      request("proxy", "asks for proxy mode", "PROXY"),
      reply("proxy", "proxy mode begins", "PROXY"),
      up("open-session", "opens a session", 90, "session"),
      down("open-confirmation", "the session is open", 91),
      up("exec", "a command", 98, "exec"),
      down("success", "a request succeeded", 99),
      up("data", "what the command is to read", 94),
      up("eof", "the client sends no more", 96),
      down("data", "what the command writes", 94),
      down("extended-data", "what the command writes to stderr", 95, "oops\n"),
      down("exit-status", "the command ended with 3", 98, "exit-status"),
      down("eof", "the server sends no more", 96),
      down("close", "the server closes the channel", 97),
      up("close", "the client closes the channel", 97),
    ],
    [destination, "cat; echo oops >&2; exit 3"],
    { input: "from the client\n" },
  );
  await proxy(
    [up("pty-req", "asks for a terminal", 98, "pty-req"), up("shell", "a login shell", 98, "shell")],
    ["-tt", destination],
    { input: "exit\n" },
  );
  await proxy(
    [up("subsystem", "the subsystem sftp", 98, "subsystem"), up("env", "an environment variable", 98, "env")],
    ["-o", "SendEnv=DEPLOY_*", "-s", destination, "sftp"],
  );
  await proxy([down("failure", "a subsystem that is not there", 100)], ["-s", destination, "netconf"]);
  await proxy(
    [up("window-adjust", "makes the window larger", 93)],
    [destination, "head -c 4000000 /dev/zero"],
  );
  await proxy(
    [up("direct-streamlocal", "a local forward to a Unix socket", 90, "direct-streamlocal@openssh.com")],
    ["-L", "/tmp/x/listen-proxy.sock:/tmp/x/target.sock", destination, "cat"],
    { during: () => visit(file("listen-proxy.sock")) },
  );
  await proxy(
    [up("tcpip-forward", "a remote forward", 80, "tcpip-forward")],
    ["-R", "localhost:47317:intranet:80", destination, "true"],
  );
}

/** A proxy client whose channel the server refused takes the master with it when it goes: "no remote_id", chan_send_close2() of nchan.c. */
async function recordProxyRefusal() {
  await startMaster("refused");
  await record(
    [
      up("direct-tcpip", "a local forward to a port where nobody listens", 90, "direct-tcpip"),
      down("open-failure", "nobody listens there", 92),
    ],
    ["-O", "proxy", "-L", "/tmp/x/listen-tcp.sock:localhost:1", destination, "cat"],
    { on: "refused", during: () => visit(file("listen-tcp.sock")) },
  );
}

/** A master that asks, and is told no (exit 1 of the askpass), in front of a server that gives out no terminals. */
async function recordRefusals() {
  await startMaster("no-tty", { settings: ["PermitTTY no"] });
  await record(
    [reply("tty-alloc-fail", "the server gives out no terminal", "NO_TTY")],
    ["-tt", destination, "true"],
    { on: "no-tty" },
  );
  await startMaster("asking", { options: ["ControlMaster=ask"] });
  const denied = reply("permission-denied", "a person said no", "DENIED");
  await record([denied], [destination, "true"], { on: "asking" });
}

async function recordManaging() {
  await record(
    [request("stop-listening", "stops the master's listening", "STOP")],
    ["-O", "stop", destination],
    {
      on: "no-tty",
    },
  );
  await record([request("terminate", "ends the master", "TERMINATE")], ["-O", "exit", destination]);
}

mkdirSync(folder, { mode: 0o700 });
const target = createServer((socket) => socket.end());
try {
  prepare();
  target.listen(file("target.sock"));
  await startMaster("master");
  await recordSessions();
  await recordForwards();
  await recordStdioForward();
  await recordProxy();
  await recordProxyRefusal();
  await recordRefusals();
  await recordManaging();
} finally {
  for (const child of processes) child.kill();
  target.close();
  rmSync(folder, { recursive: true, force: true });
}
