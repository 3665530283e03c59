/** `muxguard fleet policy push` and `fleet revoke`: what is said to all machines, signed. */
import { readFileSync } from "node:fs";
import { attempt } from "../../attempt.ts";
import { hasCode, messageOf } from "../../errors.ts";
import { explained } from "../../fleet/bus/jetstream.ts";
import { openBucket } from "../../fleet/policy/bucket.ts";
import {
  type Entry,
  keyOf,
  MAX_AHEAD,
  parseEntry,
  parseStatement,
  revokes,
  type Statement,
} from "../../fleet/policy/entry.ts";
import { signedEntry, verifyEntry } from "../../fleet/policy/signed-entry.ts";
import type { VerifyOptions } from "../../fleet/signed/keygen.ts";
import { fingerprintOf, principalsFor } from "../../fleet/signed/principals.ts";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { parseDuration } from "../../policy/duration.ts";
import { visible } from "../../policy/visible.ts";
import { readConfig } from "../../settings/config.ts";
import { expandHome } from "../../settings/expand-home.ts";
import { openPaths } from "../../settings/paths.ts";
import { checkSettings } from "../../settings/toml-file.ts";
import { toStderr, toStdout } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { usage } from "./folders.ts";
import { noPerson, personBus } from "./person-bus.ts";
import { revocable } from "./revocable.ts";

export interface SignOptions {
  /** The public key that the agent signs with. */
  sign?: string;
}

/** How long a policy counts if nothing else is said, in milliseconds: 30 days. */
const LIFETIME = 30 * 24 * 60 * 60_000;

/** @throws SettingsError for a policy with a mistake */
export async function pushPolicy(file: string, options: SignOptions & { expires?: string }): Promise<void> {
  const toml = read(file);
  checkSettings(file, "policy", toml);
  const lifetime = options.expires === undefined ? LIFETIME : parseDuration(options.expires);
  if (lifetime === undefined) throw new CliError("--expires is no duration, such as 30d", exitCodes.usage);
  const expires = new Date(Date.now() + lifetime).toISOString();
  await say({ v: 1, kind: "policy", sequence: 1, expires, toml }, options);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why = hasCode(error, "ENOENT") ? "there is no such file" : messageOf(error);
    throw new CliError(`${visible(file, 300)}: ${why}`, 1);
  }
}

/** @throws CliError for what can match nothing, and to take back what is not in force */
export async function revoke(
  name: string,
  options: SignOptions & { machine?: boolean; lift?: boolean },
): Promise<void> {
  const revoked = revocable(name, options.machine ?? false);
  const said: Statement = { v: 1, kind: "revoke", sequence: 1, ...revoked, lifted: options.lift ?? false };
  if (!parseStatement(JSON.stringify(said))) throw usage(`no name of a ${said.what}: ${visible(name)}`);
  await say(said, options);
}

/** With the next number. A guard that knows a later one says so. */
async function say(said: Statement, { sign: given }: SignOptions): Promise<void> {
  const paths = openPaths();
  const { fleet } = await readConfig(paths);
  const key = given === undefined ? fleet?.person?.key : expandHome(given);
  if (!fleet?.person) throw noPerson();
  if (key === undefined)
    throw new CliError("[fleet] in config.toml has no person_key; or: --sign KEY.pub", exitCodes.settings);
  const bus = await personBus(fleet, fleet.person);
  try {
    const { connection } = bus;
    if (!connection) throw new CliError(`the bus: ${bus.fault}`, 1);
    const bucket = await openBucket(connection).catch((error: unknown) => {
      throw new CliError(`the policy's bucket: ${explained(error)}`, 1);
    });
    const place = keyOf(said);
    const known = await bucket.get(place);
    const entry = known && parseEntry(known.value);
    const before = entry ? parseStatement(entry.signed) : undefined;
    checkLift(said, before);
    const sequence = nextNumber(before?.sequence ?? 0, Date.now());
    const signed = JSON.stringify({ ...said, sequence });
    const next = await signedEntry({ by: fleet.person.name, signed }, { key, environment: process.env });
    await checkCounts(next, { signers: fleet.signers, folder: paths.runtime });
    await bucket.put(place, JSON.stringify(next));
    toStdout(`${told(said)}: number ${sequence} is on the bus; each machine verifies it: muxguard status`);
    const hint = hintOn(said, fleet.signers, key);
    if (hint !== undefined) toStderr(`muxguard: ${hint}`);
  } finally {
    await bus.close();
  }
}

/** On the bus it would take the place of what counts. @throws CliError for what the machines would refuse */
async function checkCounts(said: Entry, files: Pick<VerifyOptions, "signers" | "folder">): Promise<void> {
  try {
    await verifyEntry(said, { ...files, at: new Date(), environment: process.env });
  } catch (error) {
    const why = `no machine would take it from ${said.by}: ${messageOf(error)}`;
    const file = visible(files.signers, 300);
    throw new CliError(`nothing was said, as ${why}; who may sign what is in ${file}`, 1);
  }
}

function told(said: Statement): string {
  if (said.kind === "policy") return "the policy";
  return `${said.what} ${visible(said.name, 80)} ${said.lifted ? "counts again" : "is revoked"}`;
}

/** What whoever revokes may not have meant. @param key that it is signed with */
function hintOn(said: Statement, signers: string, key: string): string | undefined {
  if (!revokes(said)) return undefined;
  const { what, name } = said;
  if (what === "key")
    return fingerprintOf(key) === name
      ? "that is the key that you sign with: somebody else alone can say that it counts again"
      : undefined;
  if (isMachine(signers, name) === (what === "machine")) return undefined;
  return what === "host"
    ? `${name} is a machine of the fleet, too, and goes on; that one: --machine ${name}`
    : `allowed_signers has no machine ${visible(name, 80)}: is that its name?`;
}

/** Whether a line of the allowed_signers file is of a machine of this name. */
function isMachine(signers: string, name: string): boolean {
  const text = attempt(() => readRegularFile(signers, "followed")) ?? "";
  return principalsFor("muxguard-log", text).includes(name);
}

/** Nothing counts by it: a bus that has lost what was said is told it anew. @throws CliError for one of nothing */
function checkLift(said: Statement, before: Statement | undefined): void {
  if (said.kind !== "revoke" || !said.lifted) return;
  if (before && revokes(before)) return;
  const what = `${said.what} ${visible(said.name, 80)}`;
  const why = before ? `${what} counts again already` : `nobody has revoked ${what}`;
  throw new CliError(
    `${why}, as far as the bus has it; where that is wrong, revoke it anew, and then --lift`,
    1,
  );
}

/** The time, so that no bus can lead back to an older one; and after one whose clock was ahead of this. */
function nextNumber(known: number, now: number): number {
  return known < now || known > now + MAX_AHEAD ? now : known + 1;
}
