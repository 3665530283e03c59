/**
 * One body of tests over the bare ssh-agent and over the guard in front of it: for an agent's clients there
 * is no difference.
 */
import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Lab, type Result, stderrOf, until } from "../../../lab/lab.ts";
import { verifySignature } from "../../../src/identity/hosts/host-key.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import { parseSignature } from "../../../src/wire/public-key.ts";
import { encodeUserauth } from "../../../src/wire/signed-data.ts";
import { AgentClient } from "../../support/agent-client.ts";
import { privatePart, spelled } from "../../support/secrets.ts";
import { bindDetails, makeFolder, makeKey, mpint, readBlob } from "../identity/keys.ts";
import { describeWith } from "../tools.ts";

const user = userInfo().username;
const PASSPHRASE = "correct horse battery staple";
const FAILURE = Buffer.of(5);
const hostKeys = makeFolder();

interface Way {
  socket: string;
  /** What the guard said to its user. */
  said: () => string;
}

const ways: Record<string, (lab: Lab) => Promise<Way>> = {
  "the bare ssh-agent": async (lab) => ({ socket: lab.path("upstream.sock"), said: () => "" }),
  "muxguard run": async (lab) => {
    const { socket, child } = await lab.holdRun();
    return { socket, said: stderrOf(child) };
  },
  "muxguard daemon": async (lab) => {
    const said = stderrOf(await lab.startDaemon());
    return { socket: lab.agentSocket, said };
  },
};

/** Name, options of ssh-keygen, flags of the request, algorithm of the signature. */
const signatures = [
  ["ed25519", [], 0, "ssh-ed25519"],
  ["rsa", ["-t", "rsa", "-b", "2048"], 0, "ssh-rsa"],
  ["rsa", [], 2, "rsa-sha2-256"],
  ["rsa", [], 4, "rsa-sha2-512"],
  ["ecdsa256", ["-t", "ecdsa", "-b", "256"], 0, "ecdsa-sha2-nistp256"],
  ["ecdsa384", ["-t", "ecdsa", "-b", "384"], 0, "ecdsa-sha2-nistp384"],
  ["ecdsa521", ["-t", "ecdsa", "-b", "521"], 0, "ecdsa-sha2-nistp521"],
] as const;

for (const [name, open] of Object.entries(ways)) {
  describeWith(["ssh", "git"], `an agent's clients over ${name}`, () => {
    const lab = new Lab();
    const keys = new Map<string, string>();
    const clients: AgentClient[] = [];
    const guarded = !name.includes("bare");
    let way: Way;

    beforeAll(async () => {
      lab.policy('default = "allow"\n');
      for (const [key, options] of signatures) if (!keys.has(key)) keys.set(key, lab.key(key, ...options));
      // the agent's own questions, of `ssh-add -c`: yes if there is a file of that name
      const askpass = lab.script(
        "agent-askpass",
        `#!/bin/sh\necho "$1" >>${lab.path("asked")}\ntest -e ${lab.path("yes")}\n`,
      );
      Object.assign(lab.environment, { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force" });
      await lab.startAgent();
      delete lab.environment.SSH_ASKPASS;
      delete lab.environment.SSH_ASKPASS_REQUIRE;
      way = await open(lab);
    });
    beforeEach(() => void execFileSync("ssh-add", ["-qD"], { env: lab.environment, stdio: "ignore" }));
    afterEach(() => {
      for (const client of clients.splice(0)) client.close();
    });
    afterAll(() => lab.close());

    const key = (of: string): string => keys.get(of) ?? "";
    const client = async (): Promise<AgentClient> => {
      const opened = await AgentClient.open(way.socket);
      clients.push(opened);
      return opened;
    };
    const run = (
      command: string,
      args: string[],
      more: NodeJS.ProcessEnv = {},
      input = "",
    ): Promise<Result> =>
      lab.run(command, args, { environment: { SSH_AUTH_SOCK: way.socket, ...more }, input });
    const succeed = async (...call: Parameters<typeof run>): Promise<string> => {
      const { code, stdout, stderr } = await run(...call);
      expect(code, stderr).toBe(0);
      return stdout;
    };
    const add = (...args: string[]): Promise<string> => succeed("ssh-add", ["-q", ...args]);
    const listed = async (): Promise<string[]> => {
      const identities = await (await client()).list();
      return identities.map(({ comment }) => comment);
    };
    /** What the guard logs meanwhile; the bare agent has no log. */
    const logging = async <T>(expected: object[], action: () => Promise<T>): Promise<T> => {
      const { result, events } = await lab.logged(action);
      if (guarded) expect(events).toMatchObject(expected);
      return result;
    };
    const admin = (operation: string, comment?: string): object => ({
      kind: "admin",
      decision: "allow",
      by: "default",
      operation,
      ...(comment !== undefined && { key: { comment } }),
    });

    it("adds keys, lists them and removes one", async () => {
      await logging([admin("add", "ed25519"), admin("add", "rsa")], () => add(key("ed25519"), key("rsa")));
      expect(await listed()).toEqual(["ed25519", "rsa"]);
      const publicKeys =
        readFileSync(`${key("ed25519")}.pub`, "utf8") + readFileSync(`${key("rsa")}.pub`, "utf8");
      expect(await succeed("ssh-add", ["-L"])).toBe(publicKeys);
      await logging([admin("remove", "ed25519")], () => add("-d", `${key("ed25519")}.pub`));
      expect(await listed()).toEqual(["rsa"]);
    });

    it("removes all keys with ssh-add -D", async () => {
      await add(key("ed25519"), key("rsa"));
      await logging([admin("remove-all")], () => add("-D"));
      expect(await run("ssh-add", ["-l"])).toMatchObject({
        code: 1,
        stdout: "The agent has no identities.\n",
      });
    });

    it.each(signatures)("signs with %s and %j, flags %i: %s", async (of, _, flags, algorithm) => {
      await add(key(of));
      const blob = readBlob(`${key(of)}.pub`);
      const data = Buffer.from(`to be signed as ${algorithm}`);
      const signature = await logging(
        [{ kind: "sign", data: "opaque", by: "default", key: { comment: of } }],
        async () => (await client()).sign(blob, data, flags),
      );
      if (!signature) throw new Error("refused");
      expect(parseSignature(signature).algorithm).toBe(algorithm);
      expect(isSignature(key(of), algorithm, signature, data)).toBe(true);
      const altered = Buffer.concat([data, Buffer.of(0)]);
      expect(isSignature(key(of), algorithm, signature, altered)).toBe(false);
    });

    it("tries a key with ssh-add -T", async () => {
      await add(key("ed25519"));
      await logging([{ kind: "sign", data: "opaque" }], () => add("-T", `${key("ed25519")}.pub`));
      expect(await run("ssh-add", ["-T", `${key("rsa")}.pub`])).toMatchObject({ code: 1 });
    });

    it("signs with a user certificate", async () => {
      const certified = lab.path("certified");
      if (!existsSync(certified)) lab.key("certified");
      const ca = existsSync(lab.path("ca")) ? lab.path("ca") : lab.key("ca");
      execFileSync("ssh-keygen", ["-q", "-s", ca, "-I", "me", "-n", user, `${certified}.pub`]);
      await logging([admin("add", "certified"), admin("add", "certified")], () => add(certified));
      expect(await listed()).toEqual(["certified", "certified"]);
      const type = "ssh-ed25519-cert-v01@openssh.com";
      await logging([{ kind: "sign", data: "opaque", key: { type } }], () =>
        add("-T", `${certified}-cert.pub`),
      );
      const data = Buffer.from("certified");
      const blob = readBlob(`${certified}-cert.pub`);
      const signature = await (await client()).sign(blob, data);
      expect(signature && verifySignature(blob, signature, data)).toBe("valid");
    });

    it("forgets a key after its lifetime, with ssh-add -t", async () => {
      await add("-t", "1", key("ed25519"));
      expect(await listed()).toEqual(["ed25519"]);
      await until(async () => (await listed()).length === 0, "the end of the key's second");
      expect(
        await (await client()).sign(readBlob(`${key("ed25519")}.pub`), Buffer.from("late")),
      ).toBeUndefined();
    });

    it("has the agent ask before it uses a key of ssh-add -c", async () => {
      await add("-c", key("ed25519"));
      const blob = readBlob(`${key("ed25519")}.pub`);
      expect(await (await client()).sign(blob, Buffer.from("no"))).toBeUndefined();
      expect(readFileSync(lab.path("asked"), "utf8")).toContain("Allow use of key ed25519?");
      writeFileSync(lab.path("yes"), "");
      expect(await (await client()).sign(blob, Buffer.from("yes"))).toBeDefined();
    });

    it("uses a key of ssh-add -h for that host alone", async () => {
      const host = makeKey(hostKeys);
      const stranger = makeKey(hostKeys);
      writeFileSync(lab.knownHosts, `alpha.example ssh-ed25519 ${host.blob.toString("base64")}\n`);
      await add("-H", lab.knownHosts, "-h", "alpha.example", key("ed25519"));
      expect(await listed()).toEqual(["ed25519"]);
      const blob = readBlob(`${key("ed25519")}.pub`);
      expect(await (await client()).sign(blob, Buffer.from("for no host"))).toBeUndefined();
      for (const [proves, signs] of [
        [host, true],
        [stranger, false],
      ] as const) {
        const bound = await client();
        const sessionIdentifier = Buffer.from(`session of ${signs}`);
        expect(await bound.bind(bindDetails(proves, sessionIdentifier))).toEqual({
          type: "SSH_AGENT_SUCCESS",
        });
        const login = {
          kind: "userauth",
          sessionIdentifier,
          user,
          algorithm: "ssh-ed25519",
          key: blob,
        } as const;
        const method = "publickey-hostbound-v00@openssh.com";
        const data = encodeUserauth({ ...login, method, hostKey: proves.blob });
        expect((await bound.sign(blob, data)) !== undefined).toBe(signs);
      }
    });

    it("is locked by ssh-add -x and unlocked by ssh-add -X with the right passphrase alone", async () => {
      const saying = (words: string): NodeJS.ProcessEnv => ({
        SSH_ASKPASS: lab.script("passphrase", `#!/bin/sh\necho '${words}'\n`),
        SSH_ASKPASS_REQUIRE: "force",
      });
      await add(key("ed25519"));
      await logging([admin("lock")], () => succeed("ssh-add", ["-x"], saying(PASSPHRASE)));
      expect(await listed()).toEqual([]);
      expect(
        await (await client()).sign(readBlob(`${key("ed25519")}.pub`), Buffer.from("locked")),
      ).toBeUndefined();
      await logging([admin("unlock")], async () => {
        expect(await run("ssh-add", ["-X"], saying(`not ${PASSPHRASE}`))).toMatchObject({ code: 1 });
      });
      await logging([admin("unlock")], () => succeed("ssh-add", ["-X"], saying(PASSPHRASE)));
      expect(await listed()).toEqual(["ed25519"]);
    });

    it("signs files with ssh-keygen -Y sign, which -Y verify accepts", async () => {
      const text = "some text\n";
      const publicKey = loneKey(lab, key("ecdsa256"));
      await add(key("ecdsa256"));
      const signed = { kind: "sign", data: "sshsig", namespace: "file", key: { comment: "ecdsa256" } };
      const signature = await logging([signed], () =>
        succeed("ssh-keygen", ["-Y", "sign", "-n", "file", "-f", publicKey], {}, text),
      );
      writeFileSync(lab.path("text.sig"), signature);
      writeFileSync(lab.path("signers"), `me@example ${readFileSync(publicKey, "utf8")}`);
      const check = ["-Y", "verify", "-f", lab.path("signers"), "-I", "me@example", "-n", "file"];
      expect(await succeed("ssh-keygen", [...check, "-s", lab.path("text.sig")], {}, text)).toContain("Good");
    });

    it("signs a git commit, which git verifies", async () => {
      const publicKey = loneKey(lab, key("ed25519"));
      writeFileSync(lab.path("signers"), `me@example ${readFileSync(publicKey, "utf8")}`);
      writeFileSync(
        lab.path("gitconfig"),
        `[user]\nname = Me\nemail = me@example\nsigningkey = ${publicKey}\n` +
          `[gpg]\nformat = ssh\n[gpg "ssh"]\nallowedSignersFile = ${lab.path("signers")}\n`,
      );
      const git = (...args: string[]): Promise<string> =>
        succeed("git", ["-C", lab.path("project"), ...args], gitEnvironment(lab));
      await add(key("ed25519"));
      rmSync(lab.path("project"), { recursive: true, force: true });
      mkdirSync(lab.path("project"));
      await git("init", "-q");
      const signed = { kind: "sign", data: "sshsig", namespace: "git", key: { comment: "ed25519" } };
      const { events } = await lab.logged(() =>
        logging([signed], () => git("commit", "-q", "-S", "--allow-empty", "-m", "signed")),
      );
      if (guarded) expect(events[0]?.caller?.ancestors[0]).toMatch(/\/git$/);
      await git("verify-commit", "HEAD");
      expect(await git("log", "--show-signature")).toContain(
        'Good "git" signature for me@example with ED25519',
      );
    });

    it("answers the query extension as the agent does", async () => {
      const query = { type: "SSH_AGENTC_EXTENSION", name: "query", details: Buffer.alloc(0) } as const;
      const bare = await AgentClient.open(lab.path("upstream.sock"));
      clients.push(bare);
      expect(await (await client()).ask(query)).toEqual(await bare.ask(query));
    });

    it("refuses an unknown extension, an unknown message and an empty one, and goes on", async () => {
      await add(key("ed25519"));
      const asking = await client();
      const details = Buffer.from("details");
      const extension = { type: "SSH_AGENTC_EXTENSION", name: "nobody@example.com", details } as const;
      expect(await asking.ask(extension)).toEqual({ type: "SSH_AGENT_FAILURE" });
      for (const payload of [Buffer.of(200), Buffer.from([1, 2, 3]), Buffer.of(27), Buffer.of(13)])
        expect(await asking.exchange(payload), payload.toString("hex")).toEqual(FAILURE);
      expect(await asking.list()).toHaveLength(1);
    });

    it("passes on that the agent refuses a key", async () => {
      const reply = await logging([admin("add", "too short")], async () =>
        (await client()).exchange(addShortRsaKey("too short")),
      );
      expect(reply).toEqual(FAILURE);
      expect(await listed()).toEqual([]);
    });

    it.runIf(guarded)("never tells a passphrase or a part of a private key", () => {
      const told = readFileSync(lab.logFile, "latin1") + way.said();
      expect(told).toContain("ecdsa521");
      for (const path of keys.values()) {
        const secret = privatePart(path);
        expect(spelled(secret, readFileSync(path, "latin1").replaceAll("\n", ""))).toBe(true);
        expect(spelled(secret, told)).toBe(false);
      }
      expect(spelled(Buffer.from(PASSPHRASE), told)).toBe(false);
    });
  });
}

function gitEnvironment(lab: Lab): NodeJS.ProcessEnv {
  return { GIT_CONFIG_GLOBAL: lab.path("gitconfig"), GIT_CONFIG_NOSYSTEM: "1" };
}

/** A copy of the public key without the private one beside it, so that only an agent can sign. */
function loneKey(lab: Lab, path: string): string {
  copyFileSync(`${path}.pub`, lab.path("lone.pub"));
  return lab.path("lone.pub");
}

/** RSA is left to OpenSSL: host-key.ts knows no SHA-1. */
function isSignature(path: string, algorithm: string, signature: Buffer, data: Buffer): boolean {
  const hash = { "ssh-rsa": "sha1", "rsa-sha2-256": "sha256", "rsa-sha2-512": "sha512" }[algorithm];
  if (hash === undefined) return verifySignature(readBlob(`${path}.pub`), signature, data) === "valid";
  const pem = execFileSync("ssh-keygen", ["-e", "-m", "PKCS8", "-f", `${path}.pub`]);
  return verify(hash, data, createPublicKey(pem), parseSignature(signature).blob);
}

/** To add an RSA key of 512 bits, which OpenSSH takes for no key at all. */
function addShortRsaKey(comment: string): Buffer {
  const jwk = generateKeyPairSync("rsa", { modulusLength: 512 }).privateKey.export({ format: "jwk" });
  const writer = new ByteWriter().u8(17).string("ssh-rsa");
  for (const field of ["n", "e", "d", "qi", "p", "q"] as const)
    writer.string(mpint(Buffer.from(jwk[field] ?? "", "base64url")));
  return writer.string(comment).toBuffer();
}
