/** The answers to a question, and what each is called. */
import { describeDuration } from "../duration.ts";
import type { Lasting, Remember } from "../grants.ts";
import type { Answer, Question } from "../question.ts";

/** The answers that a person may choose from, the safest first. */
export function answersTo(question: Question): { name: string; value: Answer }[] {
  const { choices, denyFor, hosts } = question;
  const deny: Answer = { decision: "deny", reason: "you said no" };
  const allowed = choices.map((remember) => ({
    name: `allow ${describeRemember(remember, question)}`,
    value: { decision: "allow", remember } satisfies Answer,
  }));
  const apart: Answer = { decision: "apart" };
  const answers = [
    { name: "deny", value: deny },
    ...allowed,
    ...(hosts ? [{ name: "ask about each host on its own", value: apart }] : []),
  ];
  if (denyFor === undefined) return answers;
  const remember = { milliseconds: denyFor };
  return [...answers, { name: `deny ${describeRemember(remember)}`, value: { ...deny, remember } }];
}

/** What is left on a screen where a question stood. Why it was denied is said by the denial itself. */
export function describeAnswer(answer: Answer, question?: Question): string {
  if (answer.decision === "apart") return "each host is asked about on its own";
  return answer.decision === "allow"
    ? `allowed ${describeRemember(answer.remember, question)}`
    : `denied${answer.remember ? ` ${describeRemember(answer.remember)}` : ""}`;
}

export function describeRemember(remember: Remember, { lasts, caller }: Partial<Question> = {}): string {
  if (typeof remember === "object") return `for ${describeDuration(remember.milliseconds)}`;
  if (remember === "lasting") return lasts ? lasting[lasts] : "while this lasts";
  const isLogin = remember === "session" && caller?.session.startsWith("login:");
  return isLogin ? "until you log out, at all your terminals" : lengths[remember];
}

const lengths: Record<Exclude<Remember & string, "lasting">, string> = {
  once: "once",
  run: "until this run ends",
  session: "until this session ends",
  always: "always",
};

const lasting: Record<Lasting["lasts"], string> = {
  connection: "while this connection lasts",
  terminal: "while this terminal is open",
  program: "until its program ends",
};
