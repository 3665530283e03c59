/**
 * Asks whoever sits at the terminal of the program that asks, else elsewhere on a screen. What is typed is
 * handed on, and kept nowhere.
 */
import { type Prompt, promptFirst } from "../src/approver/prompter.ts";
import { visible } from "../src/policy/visible.ts";
import { readConfig } from "../src/settings/config.ts";
import { openPaths } from "../src/settings/paths.ts";
import { openApprovers } from "./approvers.ts";
import { stopped } from "./stopped.ts";

/** How much of a question is repeated where nobody can be asked. */
const MAX_TOLD = 100;

/** A secret may be wanted where the settings are broken. */
const WITHOUT_SETTINGS = { approvers: [], askpass: undefined, command: [] };

export async function ask(prompt: Prompt): Promise<{ answer: string } | { denied: string }> {
  const paths = openPaths();
  const { prompters, asker, close } = openApprovers(
    paths,
    await readConfig(paths).catch(() => WITHOUT_SETTINGS),
  );
  try {
    const answered = await promptFirst(prompters, { ...prompt, asker }, stopped);
    if ("answer" in answered)
      return answered.answer === undefined ? { denied: "" } : { answer: answered.answer };
    const what = visible(prompt.text.trim(), MAX_TOLD);
    return { denied: `muxguard-askpass: nobody can be asked for "${what}": ${answered.unreachable}` };
  } catch (error) {
    if (stopped.aborted) return { denied: "" };
    throw error;
  } finally {
    await close();
  }
}
