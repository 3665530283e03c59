/** `muxguard fleet init`: a server's configuration, and what each machine and person joins with. Starts nothing. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { serverConfig } from "../../fleet/setup/server-config.ts";
import { visible } from "../../policy/visible.ts";
import { toStdout } from "../../to-stderr.ts";
import {
  type Members,
  makeFolders,
  membersOf,
  type Newcomers,
  natsServer,
  program,
  secret,
  tellOfFolders,
  usage,
} from "./folders.ts";

export interface FleetInitOptions extends Newcomers {
  host: string;
  port: string;
  tls: boolean;
}

/** How long a certificate is good for, in days; and how long one is, in milliseconds. */
const [LIFETIME, DAY] = [3650, 24 * 60 * 60_000];

/** @throws CliError for names that can't be, and a folder that is there */
export async function fleetInit(folder: string, options: FleetInitOptions): Promise<void> {
  const { host, port } = options;
  const members = membersOf(options, []);
  if (!/^[A-Za-z0-9.-]+$/.test(host)) throw usage(`no host name: ${visible(host)}`);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw usage(`no port: ${visible(port)}`);
  const root = resolve(folder);
  if (existsSync(root))
    throw usage(`${visible(folder)} is there already; name a folder that is not, or: muxguard fleet add`);
  mkdirSync(root, { mode: 0o700 });
  try {
    await fill(root, members, options);
  } catch (error) {
    rmSync(root, { recursive: true }); // half of it is of no use, and would be in the way of the next try
    throw error;
  }
  toStdout(`the server:     ${natsServer()} -c ${join(root, "nats-server.conf")}`);
  tellOfFolders(root, members);
}

async function fill(root: string, members: Members, { host, port, tls }: FleetInitOptions): Promise<void> {
  const at = (name: string): string => join(root, name);
  if (tls) makeCertificate(root, host);
  const address = `${tls ? "tls" : "nats"}://${host}:${port}`;
  const users = await makeFolders(root, members, address);
  const listen = `${host === "localhost" ? "127.0.0.1" : "0.0.0.0"}:${port}`;
  const files = tls ? { cert: at("server.pem"), key: at("server.key") } : undefined;
  secret(
    at("nats-server.conf"),
    serverConfig({ address, listen, tls: files, store: at("jetstream"), users }),
  );
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
