import { defineConfig } from "vitest/config";

/** Tests that start other programs: ssh, sshd, shells, tmux, git, dunst. */
const PEER = ["test/peer/**/*.test.ts", "test/attack/**/*.test.ts", "test/confine/**/*.test.ts"];

/**
 * Nothing else runs beside them: what they bring about has to come within a second, or a private agent does not
 * start beside the runs of other tests.
 */
const ALONE = [
  "test/peer/confine/holder.test.ts",
  "test/peer/cli/gathering.test.ts",
  "test/peer/agent/private-agent.test.ts",
  "test/peer/daemon/upstream-agents.test.ts",
  "test/peer/setup/homes.test.ts",
  "test/peer/setup/interactive.test.ts",
  "test/peer/setup/login-shells.test.ts",
];

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/plain-reporter.ts"],
    // of thousands that run real programs against each other, one may meet a moment that the machine was busy:
    // the reporter names those, and more than three are a fault
    retry: process.env.CI ? 1 : 0,
    // loading the same modules again for each file would take more time than many of the files
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: PEER,
          setupFiles: ["test/support/no-programs.ts"],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "peer",
          include: PEER,
          exclude: ALONE,
          // most of the time they wait for other programs
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: { name: "peer alone", include: ALONE, maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
