/** What machines and persons join a fleet with: a folder each, a user of the server, and lines of allowed_signers. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../errors.ts";
import type { User } from "../../fleet/setup/server-config.ts";
import { isPrincipal } from "../../fleet/signed/keygen.ts";
import { permissionsOfMachine, permissionsOfPerson } from "../../fleet/subjects.ts";
import { visible } from "../../policy/visible.ts";
import { findProgram } from "../../runs/ride/shims.ts";
import { expandHome } from "../../settings/expand-home.ts";
import { isName } from "../../settings/fleet/schema.ts";
import { changeFile, readBytes } from "../../setup/files/change.ts";
import { toStdout } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";

/** Options of `fleet init` and `fleet add`. */
export interface Newcomers {
  machine?: string[];
  person?: string[];
}

export interface Person {
  name: string;
  /** The line of the public key's file. */
  key: string;
}

export interface Members {
  machines: readonly string[];
  people: readonly Person[];
}

/** @param known names that are taken @throws CliError for what is no name, or is taken */
export function membersOf(
  { machine: machines = [], person = [] }: Newcomers,
  known: readonly string[],
): Members {
  const people = person.map(personOf);
  const names = [...machines, ...people.map(({ name }) => name)];
  for (const name of names) {
    if (!isName(name) || !isPrincipal(name))
      throw usage(`no name for a machine or a person: ${visible(name)}`);
    if (known.includes(name)) throw usage(`a machine or a person has this name already: ${name}`);
  }
  if (new Set(names).size < names.length) throw usage("two machines or persons have the same name");
  return { machines, people };
}

/**
 * Makes the folders, and adds to the file of signers, which each machine's folder has.
 * @param root the fleet's folder
 * @param server the address by which machines reach it
 * @returns users for the server
 */
export async function makeFolders(
  root: string,
  { machines, people }: Members,
  server: string,
): Promise<User[]> {
  const { nkeys } = await import("../../fleet/bus/library.ts");
  const users: User[] = [];
  const signers: string[] = [];
  /** A folder with its own key to the bus. */
  const joining = (kind: "machine" | "person", name: string, permissions: User["permissions"]): string => {
    const inner = join(root, `${kind}-${name}`);
    mkdirSync(inner, { mode: 0o700 });
    const pair = nkeys.createUser();
    secret(join(inner, `${kind}.nk`), `${new TextDecoder().decode(pair.getSeed())}\n`);
    users.push({ comment: `${kind} ${name}`, nkey: pair.getPublicKey(), permissions });
    return inner;
  };
  const certificate = join(root, "server.pem");
  const ca = existsSync(certificate) ? readFileSync(certificate, "utf8") : undefined;
  for (const name of machines) {
    const inner = joining("machine", name, permissionsOfMachine(name));
    const key = join(inner, "machine_key");
    program("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key]);
    signers.push(`${name} namespaces="muxguard-log" ${readKey(`${key}.pub`)}`);
    const fields = {
      servers: server,
      machine: name,
      credentials: "fleet/machine.nk",
      ...(ca !== undefined && { ca: "fleet/ca.pem" }),
      signers: "fleet/allowed_signers",
      machine_key: "fleet/machine_key",
    };
    secret(join(inner, "fleet.toml"), toml(fields));
    if (ca !== undefined) secret(join(inner, "ca.pem"), ca);
  }
  for (const { name, key } of people) {
    const inner = joining("person", name, permissionsOfPerson(name));
    signers.push(`${name} namespaces="muxguard-approval,muxguard-policy" ${key}`);
    secret(join(inner, "person.pub"), `${key}\n`);
    const fields = {
      person: name,
      person_credentials: "fleet/person.nk",
      person_key: "fleet/person.pub",
    };
    secret(join(inner, "fleet.toml"), toml(fields));
  }
  addSigners(root, signers);
  return users;
}

/** To the file that is kept with the server's, and to those of machines whose folders are there. */
function addSigners(root: string, lines: readonly string[]): void {
  const own = join(root, "allowed_signers");
  const before = readBytes(own);
  const all = Buffer.from(`${before?.toString("utf8") ?? ""}${lines.join("\n")}\n`);
  changeFile(own, before, all);
  for (const name of readdirSync(root).filter((one) => one.startsWith("machine-")))
    writeFileSync(join(root, name, "allowed_signers"), all, { mode: 0o600 });
}

/** As a shell calls it: Debian has it where the PATH of an ordinary user does not lead. */
export function natsServer(): string {
  const name = "nats-server";
  const others = ["/usr/sbin", "/usr/local/sbin"].map((folder) => join(folder, name));
  return findProgram(name) ?? others.find((path) => existsSync(path)) ?? name;
}

/** What is to be done with them. */
export function tellOfFolders(root: string, { machines, people }: Members): void {
  for (const name of machines)
    toStdout(`on ${name.padEnd(12)} muxguard fleet join ${join(root, `machine-${name}`)}`);
  for (const { name } of people)
    toStdout(`where ${name} answers, too: muxguard fleet join ${join(root, `person-${name}`)}`);
  toStdout("to another machine its folder is copied first; then it is removed here: it has a key");
}

/** `alice=~/.ssh/id_ed25519.pub` */
function personOf(text: string): Person {
  const [, name = "", path = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (path === "") throw usage(`--person is NAME=KEY.pub, and not ${visible(text)}`);
  try {
    return { name, key: readKey(expandHome(path)) };
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

export function secret(path: string, text: string): void {
  writeFileSync(path, text, { flag: "wx", mode: 0o600 });
}

/** @throws CliError where it fails */
export function program(name: string, words: string[], cwd?: string): void {
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

export function usage(text: string): CliError {
  return new CliError(text, exitCodes.usage);
}
