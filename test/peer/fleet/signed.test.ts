/** What a fleet believes: signatures by the real ssh-keygen and ssh-agent, and those that count for nothing. */
import { chmodSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { addKeys } from "../../../lab/agent.ts";
import { Lab } from "../../../lab/lab.ts";
import { type Namespace, sign, verify } from "../../../src/fleet/signed/keygen.ts";
import { describeWith, SECURITY_KEY } from "../tools.ts";

const MESSAGE = '{"answer":"yes"}';
const AT = new Date("2026-11-29T12:00:00Z");

describeWith(["ssh"], "a signature in a fleet", () => {
  const lab = new Lab();
  const files: Record<string, string> = {};
  let agent = "";
  const signers = (): string => lab.path("allowed_signers");
  const publicKey = (name: string): string => readFileSync(`${files[name]}.pub`, "utf8").trim();
  const allow = (...lines: string[]): void => lab.write("allowed_signers", `${lines.join("\n")}\n`);
  const signed = (namespace: Namespace = "muxguard-approval", key = "alice"): Promise<string> =>
    sign(MESSAGE, { key: `${files[key]}.pub`, namespace, environment: lab.environment });
  const check = (signature: string, more: { message?: string; principal?: string; at?: Date } = {}) =>
    verify(
      {
        message: more.message ?? MESSAGE,
        signature,
        namespace: "muxguard-approval",
        principal: more.principal ?? "alice",
      },
      { signers: signers(), at: more.at ?? AT, folder: lab.folder, environment: lab.environment },
    );

  beforeAll(async () => {
    for (const name of ["alice", "mallory"]) files[name] = lab.key(name);
    agent = await lab.startAgent("agent.sock", ...Object.values(files));
    allow(`alice,al*@example.com namespaces="muxguard-*" ${publicKey("alice")}`);
  });
  afterAll(() => lab.close());

  it("by a person's agent counts, and says by which key", async () => {
    expect(await check(await signed())).toMatch(/^SHA256:[\w+/]{43}$/);
  });

  it("for something else counts for nothing: a commit, a policy", async () => {
    await expect(check(await signed("muxguard-policy"))).rejects.toThrow("and not for muxguard-approval");
    await expect(check(await signed("git" as Namespace))).rejects.toThrow("and not for muxguard-approval");
  });

  it("counts for nothing if its message was altered", async () => {
    await expect(check(await signed(), { message: `${MESSAGE} ` })).rejects.toThrow("does not verify");
  });

  it("counts for nothing in another's name, nor in a name that is an option or a pattern", async () => {
    const signature = await signed();
    await expect(check(signature, { principal: "bob" })).rejects.toThrow("does not verify");
    for (const principal of ["-Oprint-pubkey", "*", "alice bob", "alice\n", ""])
      await expect(check(signature, { principal })).rejects.toThrow("the name of its signer is none");
  });

  it("counts for nothing by a key that is not listed", async () => {
    await expect(check(await signed("muxguard-approval", "mallory"))).rejects.toThrow("does not verify");
  });

  it("counts for nothing where its line is for another namespace", async () => {
    allow(`alice namespaces="git" ${publicKey("alice")}`);
    await expect(check(await signed())).rejects.toThrow("does not verify");
    allow(`alice ${publicKey("alice")}`);
    expect(await check(await signed())).toBeDefined();
  });

  it("counts within the lifetime of its line, in UTC, by the clock of who verifies", async () => {
    const [from, to] = ["20261129110000Z", "20261129130000Z"];
    // without a zone ssh-keygen reads local time, which is UTC here
    allow(`alice valid-after="${from.slice(0, -1)}",valid-before="${to.slice(0, -1)}" ${publicKey("alice")}`);
    const signature = await signed();
    expect(await check(signature)).toBeDefined();
    await expect(check(signature, { at: new Date("2026-11-29T10:59:00Z") })).rejects.toThrow(
      "does not verify",
    );
    await expect(check(signature, { at: new Date("2026-11-29T13:00:01Z") })).rejects.toThrow(
      "does not verify",
    );
  });

  it("counts for nothing where others may write to the list of signers, or it is missing", async () => {
    allow(`alice ${publicKey("alice")}`);
    const signature = await signed();
    chmodSync(signers(), 0o666);
    await expect(check(signature)).rejects.toThrow("others may write to it");
    chmodSync(signers(), 0o600);
    expect(await check(signature)).toBeDefined();
  });

  it("that is none is refused without asking ssh-keygen", async () => {
    for (const signature of ["", "yes", "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"])
      await expect(check(signature)).rejects.toThrow("no signature that can be read");
  });

  it("that the agent refuses is an error that names the key", async () => {
    const other = lab.key("unknown");
    const key = `${other}.pub`;
    const environment = { ...lab.environment, SSH_AUTH_SOCK: lab.path("nowhere") };
    const moved = lab.path("only.pub");
    lab.write("only.pub", readFileSync(key, "utf8"));
    await expect(sign(MESSAGE, { key: moved, namespace: "muxguard-log", environment })).rejects.toThrow(
      "only.pub",
    );
  });

  describeWith(["sk-dummy"], "by a security key", () => {
    it("counts if somebody touched it, and for nothing otherwise", async () => {
      for (const [name, ...options] of [["touched"], ["untouched", "-O", "no-touch-required"]]) {
        files[name as string] = lab.key(name as string, "-t", "ed25519-sk", "-w", SECURITY_KEY, ...options);
        addKeys(agent, "-S", SECURITY_KEY, files[name as string] as string);
      }
      allow(`alice ${publicKey("touched")}`, `alice ${publicKey("untouched")}`);
      expect(await check(await signed("muxguard-approval", "touched"))).toBeDefined();
      await expect(check(await signed("muxguard-approval", "untouched"))).rejects.toThrow("nobody touched");
    });
  });
});
