/** Shows on the desktop what has no answer: that a security key waits to be touched. */
import type { Desktop } from "../../policy/desktop.ts";
import { type Prompt, type Prompter, withdrawn } from "../prompter.ts";
import { promptLines } from "../screen/prompt-text.ts";

export function createNoticePrompter(desktop: Desktop): Prompter {
  return {
    only: "notice",
    unavailable: () => desktop.unavailable(),
    prompt: (prompt, signal) => show(desktop, prompt, signal),
  };
}

async function show(desktop: Desktop, { text, asker }: Prompt, signal: AbortSignal): Promise<undefined> {
  const lines = [...promptLines(text), ...(asker === undefined ? [] : [`asked by: ${asker}`])];
  const notification = { title: "muxguard: you are waited for", text: lines.join("\n"), buttons: [] };
  let fail = (_: Error): void => {};
  const lost = new Promise<undefined>((_, reject) => {
    fail = reject;
  });
  const shown = await desktop.show(
    { ...notification, stays: true },
    { pressed: () => {}, closed: () => {}, lost: (reason) => fail(new Error(reason)) },
  );
  try {
    return await Promise.race([withdrawn(signal), lost]);
  } finally {
    shown.close();
  }
}
