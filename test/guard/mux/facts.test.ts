import { describe, expect, test } from "vitest";
import { address, type DecidedMuxRequest, type MuxFacts, muxFacts } from "../../../src/guard/mux/facts.ts";
import type { MuxForward, MuxPort } from "../../../src/wire/mux/request.ts";
import { session } from "../../support/mux-guard.ts";

const requestId = 1;

function forward(fields: Partial<MuxForward>): MuxForward {
  const to = { connectHost: "db", connectPort: 5432 };
  const at = { listenHost: "", listenPort: 8080 };
  return { type: "MUX_C_OPEN_FWD", requestId, forward: "local", ...at, ...to, ...fields };
}

const rows: [string, DecidedMuxRequest, MuxFacts][] = [
  ["a command", session("uptime"), { kind: "session", command: "uptime" }],
  ["a login shell", session(""), { kind: "session", command: "" }],
  ["a subsystem", session("sftp", { subsystem: true }), { kind: "session", subsystem: "sftp" }],
  [
    "a session with all that it may want",
    session("id", { wantTty: true, wantX11: true, wantAgent: true }),
    { kind: "session", command: "id", tty: true, x11: true, forwardAgent: true },
  ],
  [
    "the names of variables, each once, and none of the values",
    session("id", { environment: ["LC_ALL=secret", "A=1=2", "LC_ALL=other", "NONE", "=x"] }),
    { kind: "session", command: "id", environment: ["", "A", "LC_ALL", "NONE"] },
  ],
  [
    "a stdio forward",
    { type: "MUX_C_NEW_STDIO_FWD", requestId, host: "db", port: 5432 },
    { kind: "forward", forward: { kind: "stdio", connect: "db:5432" } },
  ],
  [
    "a stdio forward to a path",
    { type: "MUX_C_NEW_STDIO_FWD", requestId, host: "/run/db", port: "path" },
    { kind: "forward", forward: { kind: "stdio", connect: "/run/db" } },
  ],
  [
    "a local forward without an address",
    forward({}),
    { kind: "forward", forward: { kind: "local", listen: "localhost:8080", connect: "db:5432" } },
  ],
  [
    "a local forward for all",
    forward({ listenHost: "*" }),
    { kind: "forward", forward: { kind: "local", listen: "*:8080", connect: "db:5432" } },
  ],
  [
    "a local forward between paths",
    forward({ listenHost: "/tmp/s", listenPort: "path", connectHost: "/run/db", connectPort: "path" }),
    { kind: "forward", forward: { kind: "local", listen: "/tmp/s", connect: "/run/db" } },
  ],
  [
    "a dynamic forward",
    forward({ forward: "dynamic", connectHost: "socks", connectPort: 0 }),
    { kind: "forward", forward: { kind: "dynamic", listen: "localhost:8080" } },
  ],
  [
    "a remote forward to a port of the server's choice",
    forward({ forward: "remote", listenPort: 0 }),
    { kind: "forward", forward: { kind: "remote", listen: "localhost:0", connect: "db:5432" } },
  ],
  [
    "a remote forward that leads anywhere",
    forward({ forward: "remote", connectHost: "socks", connectPort: 0 }),
    { kind: "forward", forward: { kind: "remote", listen: "localhost:8080", connect: "*" } },
  ],
  [
    "the end of a forward",
    forward({ type: "MUX_C_CLOSE_FWD" }),
    {
      kind: "forward",
      operation: "cancel",
      forward: { kind: "local", listen: "localhost:8080", connect: "db:5432" },
    },
  ],
  ["an exit", { type: "MUX_C_TERMINATE", requestId }, { kind: "terminate", operation: "exit" }],
  ["a stop", { type: "MUX_C_STOP_LISTENING", requestId }, { kind: "terminate", operation: "stop" }],
  ["a proxy", { type: "MUX_C_PROXY", requestId }, { kind: "proxy" }],
];

test.each(rows)("says what is asked for: %s", (_, request, facts) => {
  expect(muxFacts(request)).toEqual(facts);
});

describe("an address", () => {
  const ends: [string, MuxPort][] = [
    ["db", 5432],
    ["db:5432", 1],
    ["db:5432", "path"],
    ["::1", 80],
    ["[::1]", 80],
    ["[::1]:80", "path"],
    ["/run/db", "path"],
    ["/run/db", 80],
    ["/run/db:80", "path"],
    ["[/run/db]:80", "path"],
    ["./db", "path"],
    ["./db", 80],
    ["./db:80", "path"],
    ["[./db]", 80],
    ["", 80],
    [":80", "path"],
    ["*", 80],
    ["*:80", "path"],
  ];

  test("is another one for each end: no path reads like a host and port, nor the reverse", () => {
    const addresses = ends.map(([host, port]) => address(host, port));
    expect(new Set(addresses).size).toBe(ends.length);
  });

  test("is written as ssh takes it", () => {
    expect([
      address("db", 5432),
      address("::1", 80),
      address("/run/db", "path"),
      address("./s", "path"),
    ]).toEqual(["db:5432", "[::1]:80", "/run/db", "./s"]);
  });
});
