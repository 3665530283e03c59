/** Forwards whose paths lead to the guard's own sockets, or elsewhere than they say. */
import { expect, test } from "vitest";
import type { Target } from "../../../src/guard/mux/parts.ts";
import type { MuxForward } from "../../../src/wire/mux/request.ts";
import { openMux } from "../../support/mux-guard.ts";
import { policy } from "../../support/policy.ts";

type Addresses = Pick<MuxForward, "forward" | "listenHost" | "listenPort" | "connectHost" | "connectPort">;
const asked = (addresses: Addresses): MuxForward => ({ type: "MUX_C_OPEN_FWD", requestId: 8, ...addresses });
const own: Target = { refused: "this leads to a socket that muxguard itself uses", isOwn: true };
const remote = (connectHost: string): MuxForward =>
  asked({ forward: "remote", listenHost: "", listenPort: 8080, connectHost, connectPort: "path" });
const local = (listenHost: string, connectHost: string): MuxForward =>
  asked({ forward: "local", listenHost, listenPort: "path", connectHost, connectPort: "path" });

test.each([
  ["-R to one of them", remote("/own/agent.sock")],
  ["-L from one of them", local("/own/daemon.sock", "/run/db")],
  ["-L to one of that name on the server, which may be this machine", local("/tmp/l", "/own/daemon.sock")],
  ["a relative path to one of them", remote("own")],
])("is denied although all is allowed: %s", async (_, request) => {
  const findTarget = async (path: string): Promise<Target> => (path.includes("own") ? own : { path });
  const { greeted, master, log } = await openMux({ findTarget, policy: policy([], { default: "allow" }) });
  const [reply] = await (await greeted()).ask(request);
  expect(reply).toMatchObject({
    type: "MUX_S_PERMISSION_DENIED",
    reason: expect.stringContaining("muxguard itself"),
  });
  expect(master.requests).toEqual([]);
  expect(log).toMatchObject([{ decision: "deny", by: "fault:target" }]);
});

test("is denied for where it leads although its listen path is a link", async () => {
  const findTarget = async (path: string): Promise<Target> =>
    path.includes("own") ? own : { path: "/real" };
  const { greeted, master, log } = await openMux({ findTarget, policy: policy([], { default: "allow" }) });
  const [reply] = await (await greeted()).ask(local("/tmp/link", "/own/daemon.sock"));
  expect(reply).toMatchObject({ type: "MUX_S_PERMISSION_DENIED" });
  expect(master.requests).toEqual([]);
  expect(log).toMatchObject([{ decision: "deny", by: "fault:target" }]);
});

test("is denied if the link has come to lead elsewhere while it was decided", async () => {
  let looks = 0;
  const findTarget = async (): Promise<Target> => ({ path: looks++ === 0 ? "/run/db" : "/run/other" });
  const { greeted, master, log } = await openMux({ findTarget, policy: policy([], { default: "allow" }) });
  const [reply] = await (await greeted()).ask(remote("/tmp/link"));
  expect(reply).toMatchObject({ type: "MUX_S_PERMISSION_DENIED" });
  expect(master.requests).toEqual([]);
  expect(log).toMatchObject([{ decision: "allow" }, { decision: "deny", by: "fault:target" }]);
});

test("is decided on with the path that it leads to", async () => {
  const findTarget = async (): Promise<Target> => ({ path: "/run/docker.sock" });
  const { greeted, log } = await openMux({ findTarget, policy: policy([], { default: "allow" }) });
  await (await greeted()).ask(remote("/tmp/link"));
  expect(log).toMatchObject([{ request: { forward: { connect: "/tmp/link", target: "/run/docker.sock" } } }]);
});
