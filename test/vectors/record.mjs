/**
 * Records the golden messages beside it: the real ssh-add, ssh and ssh-keygen talk to a real ssh-agent through a socket that keeps a copy.
 *
 *     node test/vectors/record.mjs
 *
 * Needs OpenSSH with sshd, as root or as any user with a login shell. The keys are made for this and thrown away. A message of which
 * nothing was seen ends the run with an error.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

const vectors = import.meta.dirname;
const folder = mkdtempSync(join(tmpdir(), "muxguard-record-"));
const file = (name) => join(folder, name);
const openssh = spawnSync("ssh", ["-V"], { encoding: "utf8" }).stderr.split(",")[0];

/** What went through the tap since the last step: `{ request, reply }`, payloads without their length. */
let exchanges = [];

function frames(onFrame) {
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 4 && held.length >= 4 + held.readUInt32BE()) {
      const end = 4 + held.readUInt32BE();
      onFrame(Buffer.from(held.subarray(4, end)));
      held = held.subarray(end);
    }
  };
}

const tap = createServer((client) => {
  const agent = connect(file("agent.sock"));
  const open = [];
  client.on(
    "data",
    frames((request) => {
      const exchange = { request };
      open.push(exchange);
      exchanges.push(exchange);
    }),
  );
  agent.on(
    "data",
    frames((reply) => {
      open.shift().reply = reply;
    }),
  );
  client.pipe(agent).pipe(client);
  for (const socket of [client, agent]) socket.on("error", () => socket.destroy());
});

const environment = {
  ...process.env,
  SSH_AUTH_SOCK: file("tap.sock"),
  SSH_ASKPASS: file("askpass"),
  SSH_ASKPASS_REQUIRE: "force",
  HOME: folder,
};

/** Runs a command against the tap. Whether it succeeds is no matter: the agent may refuse what is recorded. */
function run(command, args, input = "") {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: environment, stdio: ["pipe", "ignore", "inherit"] });
    child.stdin.end(input);
    child.on("error", reject);
    child.on("close", resolve);
  });
}

/** The string that begins at `at` in a payload. */
const textAt = (payload, at) => payload.subarray(at + 4, at + 4 + payload.readUInt32BE(at)).toString();

const numbers = {
  LIST: 11,
  SIGN: 13,
  ADD: 17,
  REMOVE: 18,
  REMOVE_ALL: 19,
  ADD_CARD: 20,
  REMOVE_CARD: 21,
  LOCK: 22,
  UNLOCK: 23,
  ADD_CONSTRAINED: 25,
  ADD_CARD_CONSTRAINED: 26,
  EXTENSION: 27,
};

function write(name, what, madeBy, payload) {
  const hex = payload.toString("hex").replace(/.{1,96}/g, "$&\n");
  const header = `# ${what}\n# made by ${openssh}: ${madeBy.replaceAll(`${folder}/`, "").trim()} (record.mjs)\n`;
  writeFileSync(join(vectors, `${name}.hex`), `${header}${hex.trimEnd()}\n`);
}

/**
 * Runs a command and writes the messages that it sent.
 * @param wanted one `[name, what, number, matches?]` for each message to keep; the first one that fits
 * @param replies names for the answers to the same messages, in the same order
 */
async function record(wanted, [command, ...args], { input, replies = [] } = {}) {
  exchanges = [];
  await run(command, args, input);
  for (const [at, [name, what, number, matches = () => true]] of wanted.entries()) {
    const found = exchanges.find(({ request }) => request[0] === number && matches(request));
    if (!found) throw new Error(`${name}: not seen`);
    const madeBy = [command, ...args].join(" ");
    write(`request.${name}`, what, madeBy, found.request);
    if (replies[at]) write(`reply.${replies[at]}`, `the answer to: ${what}`, madeBy, found.reply);
  }
}

// --- keys

const keygen = (...args) => execFileSync("ssh-keygen", ["-q", ...args], { cwd: folder });
const keys = [
  ["ed25519", "ed25519"],
  ["ecdsa-256", "ecdsa", "256"],
  ["ecdsa-384", "ecdsa", "384"],
  ["ecdsa-521", "ecdsa", "521"],
  ["rsa", "rsa", "2048"],
  ["dsa", "dsa"],
];
const user = userInfo().username;

function makeKeys() {
  for (const [name, type, bits] of keys) {
    const size = bits ? ["-b", bits] : [];
    keygen("-t", type, ...size, "-N", "", "-C", `a throwaway ${name} key`, "-f", file(name));
  }
  for (const name of ["ca", "host", "bastion"])
    keygen("-t", "ed25519", "-N", "", "-C", name, "-f", file(name));
}

function makeCertificates() {
  for (const [name] of keys) {
    keygen("-s", file("ca"), "-I", `vector ${name}`, "-n", `${user},deploy`, "-z", "7", file(`${name}.pub`));
  }
}

// --- what is recorded

const typeIs = (type) => (request) => textAt(request, 1) === type;

async function recordAdding() {
  for (const [name] of keys) {
    await record([[`add-${name}`, `adds a key: ${name}`, numbers.ADD]], ["ssh-add", file(name)]);
  }
  const ed25519 = file("ed25519");
  const constrained = (name, what, ...args) =>
    record([[`add-${name}`, `adds a key ${what}`, numbers.ADD_CONSTRAINED]], ["ssh-add", ...args, ed25519]);
  await constrained("lifetime", "for five minutes", "-t", "300");
  await constrained("confirm", "that asks before each use", "-c");
  await constrained("lifetime-confirm", "for five minutes that asks before each use", "-t", "300", "-c");
  const hosts = ["-H", file("known_hosts")];
  await constrained("destination", "for one destination", ...hosts, "-h", "deploy@db.example");
  const hops = ["-h", "bastion.example", "-h", "bastion.example>db.example"];
  await constrained("destination-hops", "for one destination through another", ...hosts, ...hops);
  makeCertificates();
  for (const [name] of keys) {
    const isCertificate = (request) => textAt(request, 1).includes("-cert-v01@");
    const wanted = [`add-${name}-certificate`, `adds a certificate: ${name}`, numbers.ADD, isCertificate];
    await record([wanted], ["ssh-add", file(name)]);
  }
}

async function recordManaging() {
  const card = "/nonexistent/pkcs11.so";
  await record([["list", "asks for the keys", numbers.LIST]], ["ssh-add", "-l"], { replies: ["list"] });
  await record([["remove", "removes a key", numbers.REMOVE]], ["ssh-add", "-d", file("dsa.pub")], {
    replies: ["success"],
  });
  await record([["lock", "locks the agent", numbers.LOCK]], ["ssh-add", "-x"]);
  await record([["list-locked", "asks a locked agent for the keys", numbers.LIST]], ["ssh-add", "-l"], {
    replies: ["list-empty"],
  });
  await record([["unlock", "unlocks the agent", numbers.UNLOCK]], ["ssh-add", "-X"]);
  writeFileSync(file("askpass"), "#!/bin/sh\necho\n");
  await record([["add-smartcard", "adds a smartcard, no PIN", numbers.ADD_CARD]], ["ssh-add", "-s", card], {
    replies: ["failure"],
  });
  const constrained = ["ssh-add", "-t", "300", "-c", "-s", card];
  await record(
    [["add-smartcard-constrained", "adds a smartcard, constrained", numbers.ADD_CARD_CONSTRAINED]],
    constrained,
  );
  await record([["remove-smartcard", "removes a smartcard", numbers.REMOVE_CARD]], ["ssh-add", "-e", card]);
}

/** Sign requests of ssh-add and ssh-keygen. */
async function recordSigning() {
  const sign = (name, what) => [[`sign-${name}`, what, numbers.SIGN]];
  await record(sign("opaque", "signs random bytes"), ["ssh-add", "-T", file("ed25519.pub")], {
    replies: ["sign-ed25519"],
  });
  const sshsig = (namespace, key) => ["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", file(key)];
  await record(sign("sshsig-git", "an SSHSIG for git"), sshsig("git", "ed25519.pub"), { input: "tree\n" });
  await record(sign("sshsig-file-rsa", "an SSHSIG for a file, RSA"), sshsig("file", "rsa.pub"), {
    input: "tree\n",
    replies: ["sign-rsa-sha2-512"],
  });
}

/** Logins to a real sshd, which ssh runs as its ProxyCommand. */
function ssh(key, ...more) {
  const fixed = [
    "-o",
    `ProxyCommand=/usr/sbin/sshd -i -f ${file("sshd_config")}`,
    "-o",
    `UserKnownHostsFile=${file("known_hosts")}`,
    "-o",
    "IdentitiesOnly=yes",
  ];
  return ["ssh", "-F", "none", ...fixed, "-i", file(key), ...more, `${user}@db.example`];
}

async function recordLogins() {
  const sign = (name, what) => [`sign-login-${name}`, `signs a login: ${what}`, numbers.SIGN];
  const bind = (name, what, forwarding) => [
    `session-bind-${name}`,
    what,
    numbers.EXTENSION,
    (request) => typeIs("session-bind@openssh.com")(request) && request.at(-1) === forwarding,
  ];
  const authentication = bind("authentication", "binds to the host that is logged in to", 0);
  await record([authentication, sign("ed25519", "host-bound")], [...ssh("ed25519.pub"), "true"]);
  const unbound = ssh("ed25519.pub", "-o", "PubkeyAuthentication=unbound");
  await record([sign("unbound", "not host-bound")], [...unbound, "true"]);
  await record([sign("ecdsa-256", "ECDSA")], [...ssh("ecdsa-256.pub"), "true"], {
    replies: ["sign-ecdsa-256"],
  });
  for (const algorithm of ["ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"]) {
    const only = ssh("rsa.pub", "-o", `PubkeyAcceptedAlgorithms=${algorithm}`);
    await record([sign(algorithm, algorithm)], [...only, "true"]);
  }
  await record(
    [sign("certificate", "a certificate that the agent holds")],
    [...ssh("ed25519-cert.pub"), "true"],
  );
  await record(
    [bind("forwarding", "binds to a host that the agent is forwarded to", 1)],
    [...ssh("ed25519.pub", "-A"), "ssh-add -l"],
  );
  await recordCertificateFile(
    sign("certificate-file", "a certificate from a file, by the plain key in the agent"),
  );
}

/** The agent holds the plain key alone, and ssh reads the certificate from a file. */
async function recordCertificateFile(wanted) {
  await run("ssh-add", ["-d", file("ed25519")]);
  renameSync(file("ed25519-cert.pub"), file("certificate.pub"));
  await run("ssh-add", [file("ed25519")]);
  const login = ssh("ed25519.pub", "-o", `CertificateFile=${file("certificate.pub")}`);
  await record([wanted], [...login, "true"]);
}

function prepareSshd() {
  if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const line = (host, key) => `${host} ${readFileSync(file(`${key}.pub`), "utf8")}`;
  writeFileSync(file("known_hosts"), line("db.example", "host") + line("bastion.example", "bastion"));
  writeFileSync(
    file("authorized_keys"),
    keys.map(([name]) => readFileSync(file(`${name}.pub`), "utf8")).join(""),
  );
  const settings = [
    `HostKey ${file("host")}`,
    `AuthorizedKeysFile ${file("authorized_keys")}`,
    `TrustedUserCAKeys ${file("ca.pub")}`,
    "PubkeyAcceptedAlgorithms +ssh-rsa",
    "PermitRootLogin yes",
    "StrictModes no",
    "UsePAM no",
    "PidFile none",
  ];
  writeFileSync(file("sshd_config"), `${settings.join("\n")}\n`);
}

function startAgent() {
  const output = execFileSync("ssh-agent", ["-s", "-a", file("agent.sock")], { encoding: "utf8" });
  return Number(/SSH_AGENT_PID=(\d+)/.exec(output)[1]);
}

const agent = startAgent();
try {
  writeFileSync(file("askpass"), "#!/bin/sh\necho throwaway\n");
  chmodSync(file("askpass"), 0o700);
  await new Promise((resolve) => tap.listen(file("tap.sock"), resolve));
  makeKeys();
  prepareSshd();
  await recordAdding();
  await recordManaging();
  await recordSigning();
  await recordLogins();
  await record([["remove-all", "removes all keys", numbers.REMOVE_ALL]], ["ssh-add", "-D"]);
  await record([["remove-all-ssh1", "removes all SSH 1 keys", 9]], ["ssh-add", "-D"]);
} finally {
  process.kill(agent);
  tap.close();
  rmSync(folder, { recursive: true, force: true });
}
