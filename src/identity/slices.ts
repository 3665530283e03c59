/** Work that may take long, done a little at a time, so that nobody's request waits behind it. */

/** In milliseconds. */
const SLICE = 1;

/**
 * @param work yields where it may be interrupted, and returns its result
 * @returns the result itself if it came within one slice
 */
export function inSlices<T>(work: Generator<void, T>): T | Promise<T> {
  const first = runSlice(work);
  return first.done ? first.value : goOn(work);
}

async function goOn<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    const result = runSlice(work);
    if (result.done) return result.value;
  }
}

function runSlice<T>(work: Generator<void, T>): IteratorResult<void, T> {
  const end = performance.now() + SLICE;
  let result = work.next();
  while (!result.done && performance.now() < end) result = work.next();
  return result;
}
