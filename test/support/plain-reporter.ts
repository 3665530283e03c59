/** The last line of a test run, for whoever reads nothing else: `N passed, N failed`. */
import type { Reporter, TestModule } from "vitest/node";

export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    let passed = 0;
    let failed = 0;
    for (const module of modules) {
      passed += [...module.children.allTests("passed")].length;
      failed += [...module.children.allTests("failed")].length;
      // a file that could not be loaded has no tests to count
      if (module.errors().length > 0) failed++;
    }
    process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  }
}
