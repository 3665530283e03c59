/**
 * The last lines of a test run, for whoever reads nothing else: which tests failed, which needed a second try,
 * and `N passed, N failed`. A test may be unlucky on a busy machine; more than a few at once are a fault, and count
 * as failed.
 */
import type { Reporter, TestCase, TestModule } from "vitest/node";

const MOST_FLAKY = 3;

export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const { passed, failed, flaky } = count(modules);
    const isFault = flaky.length > MOST_FLAKY;
    const lines: string[] = [];
    if (failed.length > 0) lines.push(`${failed.length} failed: ${failed.join("; ")}`);
    if (flaky.length > 0) lines.push(`${flaky.length} flaky: ${flaky.join("; ")}`);
    if (isFault) {
      lines.push(`more than ${MOST_FLAKY} tests needed a second try: they count as failed`);
      process.exitCode = 1;
    }
    const more = isFault ? flaky.length : 0;
    lines.push(`${passed - more} passed, ${failed.length + more} failed`);
    process.stdout.write(`\n${lines.join("\n")}\n`);
  }
}

interface Counts {
  passed: number;
  failed: string[];
  /** Those of the passed ones that needed a second try. */
  flaky: string[];
}

function count(modules: readonly TestModule[]): Counts {
  const counts: Counts = { passed: 0, failed: [], flaky: [] };
  for (const module of modules) {
    const passed = [...module.children.allTests("passed")];
    counts.passed += passed.length;
    const named = (test: TestCase): string => `${module.relativeModuleId} > ${test.fullName}`;
    counts.failed.push(...[...module.children.allTests("failed")].map(named));
    // a file that could not be loaded has no tests to count
    if (module.errors().length > 0) counts.failed.push(module.relativeModuleId);
    counts.flaky.push(...passed.filter(isFlaky).map(named));
  }
  return counts;
}

function isFlaky(test: TestCase): boolean {
  return test.diagnostic()?.flaky === true;
}
