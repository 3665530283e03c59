import { once } from "node:events";
import { readdirSync } from "node:fs";
import type { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { UpstreamAgents } from "../../../src/daemon/upstream/agents.ts";
import { makeFolder, startAgent } from "../../support/agents.ts";

afterEach(() => void vi.unstubAllEnvs());

const FOLDER = "/run/user/1000/muxguard";
const names = (agents: UpstreamAgents, instead?: string): string[] =>
  agents.addresses(instead).map(({ name }) => name);

describe("the agents behind the guard are", () => {
  const usual = { SSH_AUTH_SOCK: "/usual" };

  test.each([
    ["the one of SSH_AUTH_SOCK", [], usual, ["/usual"]],
    ["those of config.toml instead, in their order", ["/b", "/a"], usual, ["/b", "/a"]],
    ["none where none is named", [], {}, []],
    ["none where the variable is empty", [], { SSH_AUTH_SOCK: "" }, []],
  ])("%s", (_, configured, environment, expected) => {
    expect(names(new UpstreamAgents(configured, environment, FOLDER))).toEqual(expected);
  });

  test("for one run the one that it names", () => {
    expect(names(new UpstreamAgents(["/a", "/b"], usual, FOLDER), "/own")).toEqual(["/own"]);
  });

  test("never the guard itself: it would ask itself without end", () => {
    const own = join(FOLDER, "agent.sock");
    const message = `the upstream agent ${own} is muxguard's own socket; set upstream_agent in config.toml`;
    expect(() => names(new UpstreamAgents([], { SSH_AUTH_SOCK: own }, FOLDER))).toThrow(message);
    expect(() => names(new UpstreamAgents(["/a"], {}, FOLDER), own)).toThrow(message);
  });

  test("connected to at their paths", async () => {
    const { name } = await startAgent(makeFolder(), "a.sock");
    const [address] = new UpstreamAgents([name], {}, FOLDER).addresses();
    const socket = address?.connect();
    onTestFinished(() => void socket?.destroy());
    await once(socket as NonNullable<typeof socket>, "connect");
  });
});

describe("a private agent among them", () => {
  test("is started, connected to without a path, and ended", async () => {
    const folder = makeFolder();
    const agents = new UpstreamAgents(["private", "/other"], { SSH_AUTH_SOCK: "/usual" }, folder);
    await agents.start();
    expect(names(agents)).toEqual(["the private agent", "/other"]);
    expect(readdirSync(folder)).toEqual([]);
    const socket = agents.addresses()[0]?.connect() as NonNullable<ReturnType<typeof connect>>;
    await once(socket, "connect");
    socket.on("error", () => {}); // reset, where the agent ends without having accepted it
    const closed = new Promise((resolve) => socket.once("close", resolve));
    agents.close();
    agents.close();
    await closed;
  });

  test("that does not start keeps the guard from starting", async () => {
    vi.stubEnv("PATH", makeFolder());
    const agents = new UpstreamAgents(["private"], {}, makeFolder());
    await expect(agents.start()).rejects.toThrow("ssh-agent did not start");
  });

  test("is not started where config.toml doesn't ask for it", async () => {
    vi.stubEnv("PATH", makeFolder());
    await new UpstreamAgents(["/a"], {}, makeFolder()).start();
  });
});
