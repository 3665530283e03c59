/** How a stream may be set up. What a real server says of one is in test/peer/fleet/made-before.test.ts. */
import type { StreamConfig } from "@nats-io/jetstream";
import { describe, expect, it } from "vitest";
import { checkBucket, checkLog, limitsOf } from "../../src/fleet/bus/stream-settings.ts";

const made = {
  ...{ name: "x", subjects: ["ours"], retention: "limits", discard: "new", storage: "file" },
  ...{ max_age: 0, max_msgs: -1, max_msgs_per_subject: -1, sealed: false },
} as unknown as StreamConfig;
const stream = { name: "other" };

describe.each([
  ["bucket", checkBucket],
  ["log", checkLog],
])("a fleet's %s", (_, check) => {
  it.each<[string, object]>([
    ["republish", { republish: { src: "a", dest: "b" } }],
    ["mirror", { mirror: stream }],
    ["sources", { sources: [stream] }],
    ["subject_transform", { subject_transform: { src: "a", dest: "b" } }],
    ["sealed", { sealed: true }],
    ["allow_msg_ttl", { allow_msg_ttl: true }],
    ["allow_msg_schedules", { allow_msg_schedules: true }],
    ["discard = old", { discard: "old" }],
    ["retention = interest", { retention: "interest" }],
    ["retention = workqueue", { retention: "workqueue" }],
    ["storage = memory", { storage: "memory" }],
    ["other subjects", { subjects: ["ours", "more"] }],
    ["other subjects", { subjects: [] }],
    ["other subjects", { subjects: undefined }],
  ])("is not used with %s: %j", (named, settings) => {
    const said = `made it with ${named}; on the server: nats stream rm x, and it is made anew`;
    expect(() => check({ ...made, ...settings }, "ours")).toThrow(said);
  });

  it("is used as guards make it, and with what its operator may want", () => {
    const wanted = { max_bytes: 1, num_replicas: 3, placement: { cluster: "x" }, sources: [] };
    const more = { compression: "s2", description: "ours", metadata: { x: "y" }, max_consumers: 9 };
    for (const settings of [{}, wanted, more])
      expect(() => check({ ...made, ...settings } as StreamConfig, "ours")).not.toThrow();
  });

  it("says it in one line that a screen can have, whatever a server has put there", () => {
    const settings = { retention: `\x1b[2J${"x".repeat(999)}` } as unknown as StreamConfig;
    expect(() => check({ ...made, ...settings }, "ours")).toThrow(/^[ -~…]{1,200}$/);
  });
});

it("has revocations that do not run out, and a log that may", () => {
  const config = { ...made, max_age: 60e9 };
  expect(() => checkBucket(config, "ours")).toThrow("made it with max_age");
  expect(() => checkLog(config, "ours")).not.toThrow();
  expect(limitsOf(config)).toEqual(["the stream keeps entries for 1 minute only: somebody has set max_age"]);
  expect(limitsOf(made)).toEqual([]);
});
