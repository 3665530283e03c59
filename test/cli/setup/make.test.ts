/** What is said after a set-up. */
import { expect, it } from "vitest";
import { nextSteps } from "../../../src/cli/setup/make.ts";

const shell = { name: "bash", file: "/home/me/.bashrc" } as const;

it("names the service where systemd could start the guard", () => {
  expect(nextSteps({ shell, around: ["tmux", "systemd"] }).join("\n")).toContain("muxguard install-service");
  expect(nextSteps({ shell, around: ["tmux"] }).join("\n")).not.toContain("muxguard install-service");
});
