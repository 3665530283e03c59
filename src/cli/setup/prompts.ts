/** Questions by inquirer, which is loaded for the first one: that takes 390 ms. */

/** @param question as inquirer has it, without a name. @throws where isStopped() says that it was Ctrl-C */
export async function prompt<T>(question: object): Promise<T> {
  const { default: inquirer } = await import("inquirer");
  const asked = [{ name: "answer", ...question }] as unknown as Parameters<typeof inquirer.prompt>[0];
  const { answer } = (await inquirer.prompt(asked)) as { answer: T };
  return answer;
}

export function confirm(message: string, usual: boolean): Promise<boolean> {
  return prompt({ type: "confirm", message, default: usual });
}

/** @param picked beforehand; all of them if nothing is said */
export function pickSome(message: string, names: readonly string[], picked = names): Promise<string[]> {
  const choices = names.map((name) => ({ name, value: name, checked: picked.includes(name) }));
  return prompt({ type: "checkbox", message, choices, loop: false });
}

export function pickOne<T extends string>(
  message: string,
  choices: { value: T; name: string }[],
): Promise<T> {
  return prompt({ type: "select", message, choices, loop: false });
}

export function askText(message: string): Promise<string> {
  return prompt({ type: "input", message });
}

/** Whether it was Ctrl-C. */
export function isStopped(error: unknown): boolean {
  return error instanceof Error && error.name === "ExitPromptError";
}
