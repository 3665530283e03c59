/** `muxguard fleet init`: a server's configuration, and what each machine and person joins with. Starts nothing. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf } from "../../errors.ts";
import { serverConfig, type User } from "../../fleet/setup/server-config.ts";
import { isPrincipal } from "../../fleet/signed/keygen.ts";
import { permissionsOfMachine, permissionsOfPerson } from "../../fleet/subjects.ts";
import { visible } from "../../policy/visible.ts";
import { expandHome } from "../../settings/expand-home.ts";
import { isName } from "../../settings/fleet/schema.ts";
import { toStdout } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";

export interface FleetInitOptions {
  machine: string[];
  person?: string[];
  host: string;
  port: string;
  tls: boolean;
}

interface Person {
  name: string;
  /** The line of the public key's file. */
  key: string;
  /** Its path, as it was given. */
  path: string;
}

/** How long a certificate is good for, in days; and how long one is, in milliseconds. */
const [LIFETIME, DAY] = [3650, 24 * 60 * 60_000];

/** @throws CliError for names that can't be, and a folder that is there */
export async function fleetInit(folder: string, options: FleetInitOptions): Promise<void> {
  const { machine: machines, host, port, tls } = options;
  const people = (options.person ?? []).map(personOf);
  check(options, people);
  const root = resolve(folder);
  if (existsSync(root)) throw usage(`${visible(folder)} is there already; name a folder that is not`);
  const { nkeys } = await import("../../fleet/bus/library.ts");
  mkdirSync(root, { mode: 0o700 });
  const at = (name: string): string => join(root, name);
  if (tls) makeCertificate(root, host);
  const server = `${tls ? "tls" : "nats"}://${host}:${port}`;
  const users: User[] = [];
  const signers: string[] = [];
  /** A folder with its own key to the bus. */
  const joining = (
    name: string,
    comment: string,
    permissions: User["permissions"],
    seedFile: string,
  ): string => {
    const inner = at(name);
    mkdirSync(inner, { mode: 0o700 });
    const pair = nkeys.createUser();
    secret(join(inner, seedFile), `${new TextDecoder().decode(pair.getSeed())}\n`);
    users.push({ comment, nkey: pair.getPublicKey(), permissions });
    return inner;
  };
  const folders = machines.map((name) => {
    const inner = joining(`machine-${name}`, `machine ${name}`, permissionsOfMachine(name), "machine.nk");
    keygen(join(inner, "machine_key"), name);
    signers.push(`${name} namespaces="muxguard-log" ${readKey(join(inner, "machine_key.pub"))}`);
    const fields = {
      servers: server,
      machine: name,
      credentials: "fleet/machine.nk",
      ...(tls && { ca: "fleet/ca.pem" }),
    };
    secret(
      join(inner, "fleet.toml"),
      toml({ ...fields, signers: "fleet/allowed_signers", machine_key: "fleet/machine_key" }),
    );
    if (tls) secret(join(inner, "ca.pem"), readFileSync(at("server.pem"), "utf8"));
    return inner;
  });
  for (const { name, key, path } of people) {
    const inner = joining(`person-${name}`, `person ${name}`, permissionsOfPerson(name), "person.nk");
    signers.push(`${name} namespaces="muxguard-approval,muxguard-policy" ${key}`);
    const fields = {
      person: name,
      person_credentials: "fleet/person.nk",
      person_key: resolve(expandHome(path)),
    };
    secret(join(inner, "fleet.toml"), toml(fields));
  }
  for (const inner of folders) secret(join(inner, "allowed_signers"), `${signers.join("\n")}\n`);
  const config = at("nats-server.conf");
  const listen = `${host === "localhost" ? "127.0.0.1" : "0.0.0.0"}:${port}`;
  const files = tls ? { cert: at("server.pem"), key: at("server.key") } : undefined;
  secret(config, serverConfig({ listen, tls: files, store: at("jetstream"), users }));
  toStdout(`the server:     nats-server -c ${config}`);
  for (const [index, name] of machines.entries())
    toStdout(`on ${name.padEnd(12)} muxguard fleet join ${folders[index]}`);
  for (const { name } of people) toStdout(`where ${name} answers, too: ${at(`person-${name}`)}`);
}

/** @throws CliError for what is no name */
function check({ machine: machines, host, port }: FleetInitOptions, people: readonly Person[]): void {
  const names = [...machines, ...people.map(({ name }) => name)];
  for (const name of names)
    if (!isName(name) || !isPrincipal(name))
      throw usage(`no name for a machine or a person: ${visible(name)}`);
  if (new Set(names).size < names.length) throw usage("two machines or persons have the same name");
  if (!/^[A-Za-z0-9.-]+$/.test(host)) throw usage(`no host name: ${visible(host)}`);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw usage(`no port: ${visible(port)}`);
}

/** `alice=~/.ssh/id_ed25519.pub` */
function personOf(text: string): Person {
  const [, name = "", path = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (path === "") throw usage(`--person is NAME=KEY.pub, and not ${visible(text)}`);
  try {
    return { name, path, key: readKey(expandHome(path)) };
  } catch (error) {
    throw usage(`${visible(path)}: ${visible(messageOf(error))}`);
  }
}

/** The one line of a public key's file. */
function readKey(path: string): string {
  const [line = "", ...more] = readFileSync(path, "utf8").trim().split("\n");
  if (more.length > 0 || !/^(?:ssh|ecdsa|sk)-[^\s]+ [A-Za-z0-9+/=]+(?: [^\n]*)?$/.test(line))
    throw new Error("it is no public key");
  return line;
}

function toml(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
    .join("");
}

function secret(path: string, text: string): void {
  writeFileSync(path, text, { flag: "wx", mode: 0o600 });
}

function keygen(path: string, comment: string): void {
  program("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path]);
}

/**
 * It is its own authority: there is no key that could make another one. It counts from a day ago: clocks of machines
 * differ. Before OpenSSL 3.4, `openssl ca` alone can say from when on (-startdate).
 */
function makeCertificate(folder: string, host: string): void {
  const names =
    host === "localhost"
      ? "DNS:localhost,IP:127.0.0.1"
      : /^[\d.]+$/.test(host)
        ? `IP:${host}`
        : `DNS:${host}`;
  // its names are relative to here: a path may have what a configuration reads as something else
  const work = join(folder, "certificate");
  mkdirSync(work, { mode: 0o700 });
  secret(join(work, "database"), "");
  secret(join(work, "openssl.cnf"), authority(names));
  const openssl = (...words: string[]): void => program("openssl", words, work);
  const [key, config] = [
    ["-keyout", "../server.key"],
    ["-config", "openssl.cnf"],
  ] as const;
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-new", ...curve, ...key, ...config, "-subj", `/CN=${host}`, "-out", "request");
  const from = Date.now() - DAY;
  const dates = ["-startdate", asn1(from), "-enddate", asn1(from + LIFETIME * DAY)];
  const files = ["-keyfile", "../server.key", "-in", "request", "-out", "../server.pem", "-outdir", "."];
  openssl("ca", "-batch", "-selfsign", "-notext", ...config, ...dates, ...files);
  rmSync(work, { recursive: true });
}

/** For openssl: config(5), and the sections of ca(1) and req(1). */
function authority(names: string): string {
  return `[req]
distinguished_name = name
[name]
[ca]
default_ca = own
[own]
database = database
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = server
[any]
commonName = supplied
[server]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
basicConstraints = critical, CA:true
subjectAltName = ${names}
`;
}

/** 20261129213000Z */
function asn1(time: number): string {
  return new Date(time).toISOString().replace(/[-T:]|\.\d+/g, "");
}

/** @throws CliError where it fails */
function program(name: string, words: string[], cwd?: string): void {
  const { status, stderr, error } = spawnSync(name, words, {
    ...(cwd !== undefined && { cwd }),
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (error || status !== 0)
    throw new CliError(
      `${name}: ${visible(error ? messageOf(error) : (stderr.trim().split("\n").at(-1) ?? ""))}`,
      1,
    );
}

function usage(text: string): CliError {
  return new CliError(text, exitCodes.usage);
}
