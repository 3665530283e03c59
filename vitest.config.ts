import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", "./test/support/plain-reporter.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // most of the time they wait for other programs
    maxWorkers: 2,
    // of thousands that run real programs against each other, one may meet a moment that the machine was busy; twice is a fault
    retry: process.env.CI ? 1 : 0,
  },
});
