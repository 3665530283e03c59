/** Whoever asks for git is looked at in turn, and none is waited for long. */
import { describe, expect, it } from "vitest";
import { GitAskers } from "../../../src/identity/git/askers.ts";
import type { GitView } from "../../../src/identity/git/repository.ts";
import type { Caller } from "../../../src/policy/request.ts";
import { caller } from "../../support/policy.ts";

const view: GitView = {
  cwd: "/app",
  environment: new Map(),
  read: async (path) => (path === "/app/.git/HEAD" ? "ref: refs/heads/main\n" : undefined),
};
const claims = { repository: "/app", branch: "main" };

describe("what git claims", () => {
  it("is looked at where git is in the line of programs, and nowhere else", async () => {
    const askers = new GitAskers((_, use) => use(view));
    expect(await askers.claims(caller)).toEqual(claims);
    const outside: Caller = { ...caller, run: { name: "x", pid: caller.ancestors[0]?.pid ?? 0 } };
    for (const other of [{ ...caller, ancestors: [] }, outside])
      expect(await askers.claims(other)).toEqual({});
  });

  it("is nothing where it can't be looked at", async () => {
    const askers = new GitAskers(() => Promise.reject(new Error("gone")));
    expect(await askers.claims(caller)).toEqual({});
  });

  it("is looked at for one at a time", async () => {
    let open = 0;
    let most = 0;
    const askers = new GitAskers(async (_, use) => {
      most = Math.max(most, ++open);
      const found = await use(view);
      open--;
      return found;
    });
    const all = await Promise.all(Array.from({ length: 10 }, () => askers.claims(caller)));
    expect(all).toEqual(Array(10).fill(claims));
    expect(most).toBe(1);
  });

  it("is nothing where its files hang, which holds up nobody: others are not looked at until they answer", async () => {
    let answer = (): void => {};
    let looks = 0;
    const hung = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const askers = new GitAskers(async (_, use) => {
      if (++looks === 1) await hung;
      return use(view);
    }, 50);
    expect(await Promise.all([askers.claims(caller), askers.claims(caller)])).toEqual([{}, {}]);
    expect(await askers.claims(caller)).toEqual({});
    expect(looks).toBe(1);
    answer();
    await expect.poll(() => askers.claims(caller), { timeout: 30_000 }).toEqual(claims);
  });
});
