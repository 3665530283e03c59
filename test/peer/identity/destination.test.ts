import { randomBytes } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createDestinationResolver, type DestinationResolver } from "../../../src/identity/destination.ts";
import { SessionBindings } from "../../../src/identity/session-bindings.ts";
import { SessionRegistry } from "../../../src/identity/session-registry.ts";
import { fingerprint } from "../../../src/wire/public-key.ts";
import type { UserauthData } from "../../../src/wire/signed-data.ts";
import { bindDetails, certify, type HostKey, keygen, makeFolder, makeKey } from "./keys.ts";

const folder = makeFolder();
const host = makeKey(folder);
const bastion = makeKey(folder);
const authority = makeKey(folder);
const line = (names: string, { path }: HostKey = host): string =>
  `${names} ${readFileSync(`${path}.pub`, "utf8").trim()}\n`;
const ssh = (...words: string[]): { exe: string; cmdline: string[] } => ({
  exe: "/usr/bin/ssh",
  cmdline: ["ssh", ...words],
});
const git = { exe: "/usr/bin/git", cmdline: ["ssh", "host.example"] };

interface World {
  resolver: DestinationResolver;
  knownHosts: string;
  config: string;
  now: Date;
}

let worlds = 0;

/** A config and known_hosts of their own. */
function makeWorld(knownHostsText: string, ...configLines: string[]): World {
  const knownHosts = join(folder, `known-hosts-${++worlds}`);
  const config = join(folder, `config-${worlds}`);
  writeFileSync(knownHosts, knownHostsText);
  const text = [...configLines, "Host *", `UserKnownHostsFile ${knownHosts}`, "GlobalKnownHostsFile none"];
  writeFileSync(config, `${text.join("\n")}\n`);
  const world = { knownHosts, config, now: new Date("2030-06-01T12:00:00Z") };
  const resolver = createDestinationResolver({ sshConfig: config, now: () => world.now });
  return Object.assign(world, { resolver });
}

function hash(path: string): void {
  keygen("-H", "-f", path);
}

/** A connection that was bound to these hosts, and a login to the last. */
function logIn(...keys: HostKey[]): { bindings: SessionBindings; login: UserauthData } {
  const bindings = new SessionBindings(new SessionRegistry(), "100 1");
  let sessionIdentifier = randomBytes(32);
  for (const [index, key] of keys.entries()) {
    sessionIdentifier = randomBytes(32);
    const isForwarding = index < keys.length - 1;
    expect(bindings.bind(bindDetails(key, sessionIdentifier, { isForwarding }))).toBe("accepted");
  }
  const hostKey = keys.at(-1)?.blob ?? host.blob;
  const method = "publickey-hostbound-v00@openssh.com";
  const key = authority.blob;
  return {
    bindings,
    login: {
      kind: "userauth",
      sessionIdentifier,
      user: "user",
      method,
      algorithm: "ssh-ed25519",
      key,
      hostKey,
    },
  };
}

async function resolve(world: World, caller: { exe: string; cmdline: string[] }, ...keys: HostKey[]) {
  const { bindings, login } = logIn(...(keys.length > 0 ? keys : [host]));
  return world.resolver.resolve(bindings, login, caller);
}

describe("a login to a known host", () => {
  it("has the names that known_hosts spells out, addresses last", async () => {
    const world = makeWorld(line("192.0.2.1,host.example,alias.example"));
    expect(await resolve(world, git)).toEqual({
      destination: {
        verified: true,
        how: "host key known",
        names: ["host.example", "alias.example", "192.0.2.1"],
        port: 22,
        hostKey: fingerprint(host.blob),
        lookups: ["192.0.2.1", "host.example", "alias.example"],
      },
      user: "user",
      path: [],
      forwarded: false,
    });
  });

  it("shows the claimed name first, if it is one of them", async () => {
    const world = makeWorld(line("host.example,alias.example"));
    const { destination } = await resolve(world, ssh("alias.example"));
    expect(destination).toMatchObject({ names: ["alias.example", "host.example"], claimed: "alias.example" });
  });

  it("has the alias as a name that leads to the host", async () => {
    const world = makeWorld(
      line("other.example,[host.example]:2222"),
      "Host Prod",
      "HostName host.example",
      "Port 2222",
    );
    const { destination } = await resolve(world, ssh("-l", "user", "Prod"));
    expect(destination).toMatchObject({
      verified: true,
      names: ["prod", "host.example", "other.example"],
      address: "host.example",
      port: 2222,
      ports: [2222, 22],
      claimed: "Prod",
    });
  });

  it("does not have an alias that leads elsewhere, or to another port's key", async () => {
    const world = makeWorld(
      line("host.example") + line("prod.example,[host.example]:2222", bastion),
      "Host prod",
      "HostName prod.example",
      "Host vm",
      "HostName host.example",
      "Port 2222",
    );
    for (const alias of ["prod", "vm"]) {
      const { destination } = await resolve(world, ssh(alias));
      expect(destination).toMatchObject({
        verified: true,
        names: ["host.example"],
        port: 22,
        claimed: alias,
      });
    }
  });

  it("does not have a name that was only typed", async () => {
    const world = makeWorld(line("host.example"));
    const { destination } = await resolve(world, ssh("-o", "HostKeyAlias=host.example", "prod.example"));
    expect(destination).toMatchObject({ names: ["host.example"], claimed: "prod.example" });
  });

  it("has the name of a HostKeyAlias, whatever the port", async () => {
    const world = makeWorld(
      line("vm-key"),
      "Host vm",
      "HostName 127.0.0.1",
      "Port 2222",
      "HostKeyAlias vm-key",
    );
    const { destination } = await resolve(world, ssh("vm"));
    expect(destination).toMatchObject({ names: ["vm", "vm-key"], address: "vm-key", port: 22 });
  });

  it("has the port of the command line", async () => {
    const world = makeWorld(line("host.example,[host.example]:2222"));
    const { destination } = await resolve(world, ssh("-p", "2222", "host.example"));
    expect(destination).toMatchObject({ names: ["host.example"], port: 2222 });
    const again = await resolve(world, ssh("host.example"));
    expect(again.destination).toMatchObject({ names: ["host.example"], port: 22 });
  });

  it("has no pattern for a name, wherever it comes from", async () => {
    const world = makeWorld(line("*.example"), "Host all", "HostName *.example");
    expect((await resolve(world, ssh("all"))).destination).toMatchObject({ verified: false, names: [] });
  });

  it("has no port where known_hosts has several and nothing says which", async () => {
    const world = makeWorld(line("host.example,[host.example]:2222"));
    const { destination } = await resolve(world, git);
    expect(destination?.names).toEqual(["host.example"]);
    expect(destination).not.toHaveProperty("port");
  });

  it("has a name on a hashed line if the caller names it", async () => {
    const world = makeWorld(line("host.example"));
    hash(world.knownHosts);
    expect((await resolve(world, ssh("host.example"))).destination).toMatchObject({
      verified: true,
      names: ["host.example"],
    });
  });

  it("has a name on a hashed line if it was proven before", async () => {
    const world = makeWorld(line("host.example"));
    hash(world.knownHosts);
    const unknown = { verified: false, names: [], how: "host key known, name unknown" };
    expect((await resolve(world, git)).destination).toMatchObject(unknown);
    expect((await resolve(world, ssh("other.example"))).destination).toMatchObject(unknown);
    await resolve(world, ssh("host.example"));
    expect((await resolve(world, git)).destination).toMatchObject({
      verified: true,
      names: ["host.example"],
    });
  });

  it("has a name that fits a pattern only while the caller names it", async () => {
    const world = makeWorld(line("*.example"));
    expect((await resolve(world, ssh("host.example"))).destination).toMatchObject({
      names: ["host.example"],
    });
    expect((await resolve(world, git)).destination).toMatchObject({ verified: false, names: [] });
  });

  it("asks the claimed host's own known_hosts about that host alone", async () => {
    const own = join(folder, "own-known-hosts");
    writeFileSync(own, line("vm.example,prod.example"));
    const world = makeWorld("", "Host vm.example", `UserKnownHostsFile ${own}`);
    expect((await resolve(world, ssh("vm.example"))).destination).toMatchObject({ names: ["vm.example"] });
    expect((await resolve(world, ssh("prod.example"))).destination).toMatchObject({
      verified: false,
      names: [],
    });
  });

  it("has the names of its certificate", async () => {
    const certified = certify(makeKey(folder), authority, "db1.example,db1.elsewhere");
    const world = makeWorld(`@cert-authority *.example ${line("", authority).trimStart()}`);
    expect((await resolve(world, git, certified)).destination).toMatchObject({
      verified: true,
      how: "host certificate known",
      names: ["db1.example"],
      hostKey: fingerprint(certified.blob),
    });
  });

  it.each(["ssh", "/opt/openssh/bin/ssh"])("reads the command line of %s", async (exe) => {
    const world = makeWorld("");
    const { destination } = await resolve(world, { exe, cmdline: ["ssh", "host.example"] });
    expect(destination?.claimed).toBe("host.example");
  });
});

describe("a login is unverified", () => {
  const unverified = async (world: World, ...keys: HostKey[]) =>
    (await resolve(world, ssh("host.example"), ...keys)).destination;
  const facts = { verified: false, names: [], hostKey: fingerprint(host.blob), claimed: "host.example" };

  it("if known_hosts doesn't have the key", async () => {
    expect(await unverified(makeWorld(line("host.example", bastion)))).toEqual({
      ...facts,
      how: "unknown host key",
    });
  });

  it("if the key is revoked", async () => {
    expect(await unverified(makeWorld(`${line("host.example")}@revoked ${line("*")}`))).toEqual({
      ...facts,
      how: "host key revoked",
    });
  });

  it("if the key is revoked in the claimed host's own known_hosts", async () => {
    const own = join(folder, "own-revoked");
    writeFileSync(own, `@revoked ${line("*")}`);
    const world = makeWorld(line("host.example"), "Host host.example", `UserKnownHostsFile ${own}`);
    expect(await unverified(world)).toEqual({ ...facts, how: "host key revoked" });
  });

  it("if ssh refuses the config", async () => {
    expect(await unverified(makeWorld(line("host.example"), "NoSuchOption yes"))).toEqual({
      ...facts,
      how: "ssh config unreadable",
    });
  });

  it("once its certificate has expired", async () => {
    const certified = certify(
      makeKey(folder),
      authority,
      "host.example",
      "-V",
      "20300101000000Z:20310101000000Z",
    );
    const world = makeWorld(`@cert-authority * ${line("", authority).trimStart()}`);
    expect(await unverified(world, certified)).toMatchObject({ verified: true });
    world.now = new Date("2031-01-01T00:00:00Z");
    expect(await unverified(world, certified)).toMatchObject({
      verified: false,
      how: "host certificate: expired",
    });
  });

  it("without a session-bind, and shows what the caller claims", async () => {
    const { login } = logIn();
    const bindings = new SessionBindings(new SessionRegistry(), "100 1");
    expect(
      await makeWorld(line("host.example")).resolver.resolve(bindings, login, ssh("host.example")),
    ).toEqual({
      destination: { verified: false, names: [], how: "no session-bind", claimed: "host.example" },
      user: "user",
      path: [],
      forwarded: false,
    });
  });

  it("for a session that the connection is not bound to", async () => {
    const { bindings } = logIn(host);
    const { login } = logIn(host);
    const { destination } = await makeWorld(line("host.example")).resolver.resolve(bindings, login, git);
    expect(destination).toEqual({ verified: false, names: [], how: "session identifier differs" });
  });
});

describe("a forwarded login", () => {
  it("has a path, and the claim is about its first hop", async () => {
    const world = makeWorld(
      line("bastion.example", bastion) + line("host.example"),
      "Host jump",
      "HostName bastion.example",
    );
    const middle = makeKey(folder);
    expect(await resolve(world, ssh("-A", "jump"), bastion, middle, host)).toEqual({
      destination: {
        verified: true,
        how: "host key known",
        names: ["host.example"],
        port: 22,
        hostKey: fingerprint(host.blob),
        lookups: ["host.example"],
      },
      user: "user",
      path: [
        {
          names: ["jump", "bastion.example"],
          address: "bastion.example",
          port: 22,
          hostKey: fingerprint(bastion.blob),
          lookups: ["bastion.example"],
        },
        { names: [], hostKey: fingerprint(middle.blob) },
      ],
      forwarded: true,
    });
  });

  it("is not where the claim leads", async () => {
    const world = makeWorld(line("*.example"));
    const { destination } = await resolve(world, ssh("host.example"), bastion, host);
    expect(destination).toMatchObject({ verified: false, names: [], how: "host key known, name unknown" });
    expect(destination).not.toHaveProperty("claimed");
  });

  it("has no hop but the first where the claim leads", async () => {
    const world = makeWorld(line("*.example") + line("*.example", bastion));
    const { path } = await resolve(world, ssh("bastion.example"), bastion, host, makeKey(folder));
    expect(path.map(({ names }) => names)).toEqual([["bastion.example"], []]);
  });

  it("stays forwarded and unverified after a refused bind", async () => {
    const { bindings, login } = logIn(host);
    bindings.bind(Buffer.alloc(0));
    expect(
      await makeWorld(line("host.example")).resolver.resolve(bindings, login, ssh("host.example")),
    ).toEqual({
      destination: {
        verified: false,
        names: [],
        how: "session-bind refused",
        hostKey: fingerprint(host.blob),
      },
      user: "user",
      path: [{ names: [] }],
      forwarded: true,
    });
  });
});

describe("a request that is no login", () => {
  it("has its path and no destination", async () => {
    const world = makeWorld(line("bastion.example", bastion));
    const { bindings } = logIn(bastion, host);
    const hostKey = fingerprint(bastion.blob);
    const path = [{ names: ["bastion.example"], port: 22, hostKey, lookups: ["bastion.example"] }];
    const sshsig = {
      kind: "sshsig",
      namespace: "git",
      hashAlgorithm: "sha512",
      hash: Buffer.alloc(64),
    } as const;
    for (const signed of [sshsig, { kind: "opaque", length: 4 } as const, undefined]) {
      expect(await world.resolver.resolve(bindings, signed, git)).toEqual({ path, forwarded: true });
    }
  });
});

describe("what is kept between requests", () => {
  it("is dropped when known_hosts changes", async () => {
    const world = makeWorld(line("host.example"));
    const { bindings, login } = logIn(host);
    const ask = async () => (await world.resolver.resolve(bindings, login, git)).destination;
    expect(await ask()).toMatchObject({ names: ["host.example"] });
    appendFileSync(world.knownHosts, line("new.example"));
    expect(await ask()).toMatchObject({ names: ["host.example", "new.example"] });
    appendFileSync(world.knownHosts, `@revoked ${line("*")}`);
    expect(await ask()).toMatchObject({ verified: false, how: "host key revoked" });
    writeFileSync(world.knownHosts, "");
    expect(await ask()).toMatchObject({ verified: false, how: "unknown host key" });
  });

  it("is dropped when the config changes", async () => {
    const world = makeWorld(line("host.example"), "Host prod", "HostName elsewhere.example");
    expect((await resolve(world, ssh("prod"))).destination?.names).toEqual(["host.example"]);
    writeFileSync(world.config, readFileSync(world.config, "utf8").replace("elsewhere", "host"));
    expect((await resolve(world, ssh("prod"))).destination?.names).toEqual(["prod", "host.example"]);
  });

  it("is not another's: the same host with another claim", async () => {
    const world = makeWorld(line("a.example,b.example"));
    expect((await resolve(world, ssh("a.example"))).destination?.names[0]).toBe("a.example");
    expect((await resolve(world, ssh("b.example"))).destination?.names[0]).toBe("b.example");
    expect((await resolve(world, git)).destination).not.toHaveProperty("claimed");
  });
});
