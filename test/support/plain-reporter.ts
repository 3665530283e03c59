/**
 * The last lines of a test run, for whoever reads nothing else: which tests failed and why, which needed a second
 * try, and `N passed, N failed`. A test may be unlucky on a busy machine; more than a few at once are a fault, and
 * count as failed.
 */
import { stripVTControlCharacters } from "node:util";
import type { Reporter, TestCase, TestModule } from "vitest/node";

const MOST_FLAKY = 3;
/** A reason that many tests fail for is told once. */
const [MOST_REASONS, LONGEST_REASON] = [8, 400];

export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const { passed, failed, flaky, reasons } = count(modules);
    const isFault = flaky.length > MOST_FLAKY;
    const lines: string[] = [];
    if (failed.length > 0) lines.push(`${failed.length} failed: ${failed.join("; ")}`);
    for (const reason of reasons.slice(0, MOST_REASONS)) lines.push(`failed for: ${reason}`);
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

type Fault = ReturnType<TestModule["errors"]>[number];

interface Counts {
  passed: number;
  failed: string[];
  /** Those of the passed ones that needed a second try. */
  flaky: string[];
  /** Each once, in one line, of both. */
  reasons: string[];
}

function count(modules: readonly TestModule[]): Counts {
  const counts: Counts = { passed: 0, failed: [], flaky: [], reasons: [] };
  const reasons = new Set<string>();
  for (const module of modules) {
    const passed = [...module.children.allTests("passed")];
    counts.passed += passed.length;
    const named = (test: TestCase): string => `${module.relativeModuleId} > ${test.fullName}`;
    counts.failed.push(...[...module.children.allTests("failed")].map(named));
    // a file that could not be loaded has no tests to count
    if (module.errors().length > 0) counts.failed.push(module.relativeModuleId);
    counts.flaky.push(...passed.filter(isFlaky).map(named));
    // nor have those whose hook fails: they are skipped
    const hooks = [...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
    counts.failed.push(...hooks.map((suite) => `${module.relativeModuleId} > ${suite.fullName}`));
    for (const error of errorsOf(module)) reasons.add(inOneLine(error));
  }
  return { ...counts, reasons: [...reasons] };
}

/** Of the file, of what runs before and after its tests, and of each try of a test. */
function errorsOf(module: TestModule): readonly Fault[] {
  const tests = [...module.children.allTests()].flatMap((test) => test.result().errors ?? []);
  const suites = [...module.children.allSuites()].flatMap((suite) => suite.errors());
  return [...module.errors(), ...suites, ...tests];
}

/** The message, and of a comparison what differs. */
function inOneLine({ message, diff = "" }: Fault): string {
  const differing = stripVTControlCharacters(String(diff)).match(/^[-+] +(?!Expected|Received).*/gm) ?? [];
  const words = [stripVTControlCharacters(message), ...differing].join(" ");
  return words.replace(/\s+/g, " ").slice(0, LONGEST_REASON);
}

function isFlaky(test: TestCase): boolean {
  return test.diagnostic()?.flaky === true;
}
