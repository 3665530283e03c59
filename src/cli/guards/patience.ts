/** How long a command waits for a guard that has nobody to ask. */
import { CliError, exitCodes } from "../cli-error.ts";

/** In milliseconds. A guard that was stopped (Ctrl-Z) does not answer at all. */
const PATIENCE = 3000;

/** A guard listens, and says nothing. */
export class NoAnswer extends CliError {
  override readonly name = "NoAnswer";

  /** @param path where it listens */
  constructor(path: string) {
    super(
      `the guard at ${path} does not answer; if it was stopped: kill -CONT its pid`,
      exitCodes.unknownState,
    );
  }
}

/** @param answer to a request that waits for no person @throws NoAnswer */
export async function inTime<T>(answer: Promise<T>, path: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(path)), PATIENCE);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
