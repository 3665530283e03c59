/**
 * What decides in a fleet is signed, by OpenSSH itself: `ssh-keygen -Y sign` and `-Y verify` (PROTOCOL.sshsig), and
 * an allowed_signers file (ssh-keygen(1), ALLOWED SIGNERS). No key is handled here: a person's agent signs.
 *
 * Text of others never becomes a word of a command line or a path: the message comes on stdin, signature and
 * signers as descriptors of files that are open already. Of the words, the principal alone is somebody's, and it
 * has the shape of a name.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { messageOf } from "../../errors.ts";
import { openRegular } from "../../platform/files/regular-file.ts";
import { visible } from "../../policy/visible.ts";
import { MAX_ARMOR, parseArmored } from "../../wire/sshsig.ts";

/** What a signature is for. One of another namespace counts for nothing. */
export type Namespace = "muxguard-approval" | "muxguard-policy" | "muxguard-log";

/** A signature that does not count, and why. Safe for a screen. */
export class SignatureFault extends Error {
  override name = "SignatureFault";
}

export interface Signed {
  message: string;
  /** Armored. */
  signature: string;
  namespace: Namespace;
  /** Who is said to have signed. */
  principal: string;
}

export interface VerifyOptions {
  /** The path of the allowed_signers file. */
  signers: string;
  /** The time that its lines' and certificates' lifetimes are compared with. */
  at: Date;
  /** Of this process's own, private: for a file without a name. */
  folder: string;
  /** Of the guard. */
  environment: NodeJS.ProcessEnv;
}

/** How long ssh-keygen may take, in milliseconds. To sign, somebody may have to touch a key. */
const [TO_VERIFY, TO_SIGN] = [10_000, 60_000];
/** The most that it may print of each, in bytes. */
const MAX_OUTPUT = 64 * 1024;

const name = /^[A-Za-z0-9_](?:[A-Za-z0-9._@+-]{0,126}[A-Za-z0-9_])?$/;

/** A principal, or a machine: a plain word of a command line, and of a subject. */
export function isPrincipal(text: string): boolean {
  return name.test(text);
}

/**
 * @returns the fingerprint of the key that signed
 * @throws SignatureFault
 */
export async function verify(signed: Signed, options: VerifyOptions): Promise<string> {
  const { message, signature, namespace, principal } = signed;
  if (!isPrincipal(principal)) throw new SignatureFault("the name of its signer is none");
  const facts = read(signature);
  if (facts.namespace !== namespace)
    throw new SignatureFault(`it is signed for "${visible(facts.namespace, 40)}", and not for ${namespace}`);
  const words = ["-Y", "verify", "-n", namespace, "-I", principal];
  const { code, complaint, output } = await looking(words, signature, options, message);
  if (code !== 0)
    throw new SignatureFault(`ssh-keygen does not verify it: ${complaint || `exit code ${code}`}`);
  // ssh-keygen takes a signature of a security key that nobody touched: sig_verify() of ssh-keygen.c
  if (facts.userPresent === false) throw new SignatureFault("nobody touched the security key that signed it");
  return keyIn(output);
}

/**
 * Whose signature it is, by the first line of the file that has its key: the first name there. The others may be of
 * a group. Who has several keys has the same first name on each line.
 * @param signature one that was verified
 * @throws SignatureFault
 */
export async function personOf(signature: string, options: VerifyOptions): Promise<string> {
  const { code, complaint, output } = await looking(["-Y", "find-principals"], signature, options, "");
  const [first = ""] = output.split("\n");
  if (code !== 0 || first === "")
    throw new SignatureFault(`ssh-keygen does not say whose it is: ${complaint || `exit code ${code}`}`);
  return first;
}

/** ssh-keygen with the signature, and the file of signers. @throws SignatureFault where it can't be started */
async function looking(
  words: readonly string[],
  signature: string,
  { signers, at, folder, environment: { PATH } }: VerifyOptions,
  message: string,
): Promise<Finished> {
  const time = at.toISOString().slice(0, 19).replace(/[-T:]/g, "");
  const opened: number[] = [];
  try {
    opened.push(nameless(folder, signature));
    opened.push(openRegular(signers, constants.O_RDONLY, "followed").fd);
    const files = [`-Overify-time=${time}`, "-s", "/dev/fd/3", "-f", "/dev/fd/4"];
    // lifetimes are compared in local time, where the timestamp does not say otherwise
    const environment = { PATH, LC_ALL: "C", TZ: "UTC" };
    return await finished(start([...words, ...files], environment, opened), message, TO_VERIFY);
  } catch (error) {
    throw error instanceof SignatureFault
      ? error
      : new SignatureFault(`it can't be verified: ${messageOf(error)}`);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/**
 * By its own word: the key beside a signature is not signed, and can be written in several ways. Of a certificate it
 * is that of its key.
 */
function keyIn(output: string): string {
  const [, key] =
    /^Good "[^"]*" signature for \S+ with \S+ key (SHA256:[A-Za-z0-9+/]{43})$/m.exec(output) ?? [];
  if (key === undefined) throw new SignatureFault("ssh-keygen does not say by which key it is");
  return key;
}

function read(signature: string): ReturnType<typeof parseArmored> {
  try {
    return parseArmored(signature);
  } catch (error) {
    throw new SignatureFault(`it has no signature that can be read: ${messageOf(error)}`);
  }
}

/**
 * Has the agent of SSH_AUTH_SOCK sign, or the private key beside it.
 * @param key the path of a public key, or of a private one
 * @returns the armored signature
 * @throws Error if it can't
 */
export async function sign(
  message: string,
  { key, namespace, environment }: { key: string; namespace: Namespace; environment: NodeJS.ProcessEnv },
): Promise<string> {
  // what it says of a key that is to be touched comes out on the terminal
  const child = start(["-q", "-Y", "sign", "-n", namespace, "-f", key], environment, []);
  const { code, complaint, output } = await finished(child, message, TO_SIGN);
  if (code === 0) return output;
  const mend = complaint.startsWith("No private key found")
    ? "; the agent of SSH_AUTH_SOCK does not have it: ssh-add"
    : "";
  throw new Error(`ssh-keygen can't sign with ${visible(key)}: ${complaint || `exit code ${code}`}${mend}`);
}

/** A file that has lost its name: nothing of it is left, however this process ends. The caller closes it. */
function nameless(folder: string, text: string): number {
  if (text.length > MAX_ARMOR) throw new SignatureFault("its signature is too long");
  const path = join(folder, `sig-${randomBytes(9).toString("hex")}`);
  const { O_RDWR, O_CREAT, O_EXCL } = constants;
  const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL, 0o600);
  try {
    unlinkSync(path);
    writeSync(fd, text);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function start(words: string[], env: NodeJS.ProcessEnv, files: readonly number[]): ChildProcess {
  return spawn("ssh-keygen", words, { env, stdio: ["pipe", "pipe", "pipe", ...files] });
}

interface Finished {
  code: number | null;
  output: string;
  /** The last line of what it complained of; safe for a screen. */
  complaint: string;
}

function finished(child: ChildProcess, message: string, timeout: number): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), timeout);
    const output = gather(child.stdout);
    const errors = gather(child.stderr);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      const complaint = visible(errors().trim().split("\n").at(-1) ?? "", 200);
      resolve({ code, output: output(), complaint });
    });
    child.stdin?.on("error", () => {}); // it ended without reading: its exit code says why
    child.stdin?.end(message);
  });
}

function gather(stream: Readable | null): () => string {
  let text = "";
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    if (text.length < MAX_OUTPUT) text += chunk;
  });
  return () => text;
}
