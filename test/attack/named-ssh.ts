/**
 * A program that a rule on executables takes for OpenSSH's client, with any words on its command line. It passes
 * on what comes in at its own socket. Node takes the word after -e for what it is to run, and ssh for its escape
 * character.
 */
import { randomBytes } from "node:crypto";
import { constants, copyFileSync, existsSync } from "node:fs";
import { accepts, type Lab, until } from "../../lab/lab.ts";

const RELAY = `
const { connect, createServer } = require("node:net");
const { RELAY_TO, RELAY_AT } = process.env;
createServer((client) => {
  const upstream = connect(RELAY_TO);
  client.pipe(upstream).pipe(client);
  client.on("error", () => upstream.destroy());
  upstream.on("error", () => client.destroy());
}).listen(RELAY_AT);
`;

/** Returns the path of the socket that leads through it to the guard. */
export async function startNamedSsh(lab: Lab, ...words: string[]): Promise<string> {
  if (!existsSync(lab.path("ssh")))
    copyFileSync(process.execPath, lab.path("ssh"), constants.COPYFILE_FICLONE);
  const path = lab.path(`relay-${randomBytes(3).toString("hex")}`);
  const env = { ...lab.environment, RELAY_TO: lab.agentSocket, RELAY_AT: path };
  lab.start(lab.path("ssh"), ["-e", RELAY, ...words], { env });
  await until(() => accepts(path), "the program called ssh");
  return path;
}
