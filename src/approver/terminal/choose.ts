/** Has a question answered with the keys of a terminal. */
import type { Answer } from "../../policy/question.ts";
import type { Choice } from "../screen/choice.ts";
import type { Size } from "../screen/text.ts";
import type { OpenTerminal } from "./open-terminal.ts";

/**
 * How often size and text are looked at, in milliseconds: a terminal that is not the process's own tells
 * nobody of its size.
 */
const INTERVAL = 200;

/** When what others may have written over is first drawn again, in milliseconds. */
const FIRST_REPAIR = 1000;

export interface Drawing {
  /** @param date the wall clock's time, in milliseconds */
  draw(size: Size, date: number): string;
  /**
   * Others write on the same screen. It is drawn again with each key, and by itself ever more rarely: that
   * would disturb who has turned back to read what is above.
   */
  isShared?: boolean;
}

/** Rejects when the signal comes. What it has drawn is still there. */
export function choose(
  terminal: OpenTerminal,
  choice: Choice,
  { draw, isShared = false }: Drawing,
  signal: AbortSignal,
): Promise<Answer> {
  let shown = "";
  let repair = isShared ? FIRST_REPAIR : Number.POSITIVE_INFINITY;
  const began = performance.now();
  const show = (isTyped: boolean): void => {
    const isDue = performance.now() - began > repair;
    if (isDue) repair *= 2;
    const drawn = draw(terminal.size(), Date.now());
    if (drawn !== shown || isTyped || isDue) terminal.say(drawn);
    shown = drawn;
  };
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setInterval(() => show(false), INTERVAL);
    const settle = (then: () => void): void => {
      clearInterval(timer);
      signal.removeEventListener("abort", withdrawn);
      terminal.listen(() => {});
      then();
    };
    const withdrawn = (): void => settle(() => reject(signal.reason));
    signal.addEventListener("abort", withdrawn);
    terminal.listen((keys, counts) => {
      for (const key of keys) {
        const answer = choice.key(key, counts);
        if (answer) return settle(() => resolve(answer));
      }
      show(true);
    });
    show(false);
  });
}
