/**
 * Keeps the heap of a process small that lives long and holds little.
 *
 * What a signature leaves behind is garbage at once, but V8 would rather let the heap grow than collect it.
 * After 10,000 signatures, with 10 MB of live data, 106 MB were resident without the flags and 74 MB with
 * them. V8 reads them as the heap grows, so they count from here on.
 */
import { setFlagsFromString } from "node:v8";

export function keepHeapSmall(): void {
  keepYoungHeapSmall();
  setFlagsFromString("--optimize-for-size");
}

/** For what reads much and keeps little: what is garbage at once is collected before there is much of it. */
export function keepYoungHeapSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
