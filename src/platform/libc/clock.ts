/** A clock that goes on while the machine sleeps, and that setting the time does not change. */
import { define, systemError } from "./binding.ts";

const clockGettime = define("int clock_gettime(int clock, uint8_t *time)");

const CLOCK_BOOTTIME = 7;

const time = Buffer.allocUnsafeSlow(16);

/**
 * Milliseconds since the machine started, those included for which it slept: clock_gettime(2).
 * performance.now() stands still meanwhile, as it is CLOCK_MONOTONIC (uv__hrtime() of libuv).
 */
export function bootTime(): number {
  if (clockGettime(CLOCK_BOOTTIME, time) !== 0) throw systemError("clock_gettime");
  return Number(time.readBigInt64LE(0)) * 1000 + Number(time.readBigInt64LE(8)) / 1e6;
}
