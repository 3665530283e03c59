/** The configuration of a nats-server for a fleet: docs.nats.io, Configuration. */
import type { Permissions } from "../subjects.ts";

export interface ServerConfig {
  /** By which machines reach it. */
  address: string;
  /** `host:port` to listen at. */
  listen: string;
  /** Absolute paths of PEM files; undefined for a server without TLS. */
  tls: { cert: string; key: string } | undefined;
  /** Absolute: the folder of JetStream. */
  store: string;
  users: readonly User[];
}

export interface User {
  /** Whose it is. */
  comment: string;
  /** The public key. */
  nkey: string;
  permissions: Permissions;
}

const ADDRESS = "# Machines reach it at ";
const USERS = "    users: [\n";

/** What machines are told of a server with this configuration; undefined if fleet init did not write it. */
export function addressIn(config: string): string | undefined {
  const line = config.split("\n").find((one) => one.startsWith(ADDRESS));
  return config.includes(USERS) ? line?.slice(ADDRESS.length) : undefined;
}

/** The machines and persons in it. */
export function namesIn(config: string): string[] {
  return [...config.matchAll(/^ *# (?:machine|person) (\S+)$/gm)].map(([, name = ""]) => name);
}

/** With more of them. */
export function withUsers(config: string, users: readonly User[]): string {
  const at = config.indexOf(USERS) + USERS.length;
  const lines = users.flatMap(userLines).map((line) => `${line}\n`);
  return `${config.slice(0, at)}${lines.join("")}${config.slice(at)}`;
}

export function serverConfig({ address, listen, tls, store, users }: ServerConfig): string {
  return [
    "# Made by muxguard fleet init. Start it with: nats-server -c THIS_FILE. Debian has it in /usr/sbin.",
    `${ADDRESS}${address}`,
    `listen: ${JSON.stringify(listen)}`,
    'server_name: "muxguard-fleet"',
    "max_payload: 256KB",
    "jetstream {",
    `  store_dir: ${JSON.stringify(store)}`,
    "  max_memory_store: 64MB",
    "  max_file_store: 4GB",
    "}",
    ...(tls
      ? [
          "tls {",
          `  cert_file: ${JSON.stringify(tls.cert)}`,
          `  key_file: ${JSON.stringify(tls.key)}`,
          "  timeout: 5",
          "}",
        ]
      : []),
    "accounts {",
    "  MUXGUARD {",
    "    jetstream: enabled",
    "    users: [",
    ...users.flatMap(userLines),
    "    ]",
    "  }",
    "}",
    "",
  ].join("\n");
}

function userLines({ comment, nkey, permissions }: User): string[] {
  return [
    `      # ${comment}`,
    "      {",
    `        nkey: ${nkey}`,
    "        permissions {",
    `          publish: ${JSON.stringify(permissions.publish)}`,
    `          subscribe: ${JSON.stringify(permissions.subscribe)}`,
    "        }",
    "      }",
  ];
}
