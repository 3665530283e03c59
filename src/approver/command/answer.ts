/** The answer of a program: one JSON object, and one of the answers that the question offers. */
import * as z from "zod/mini";
import { attempt } from "../../attempt.ts";
import { answersTo } from "../../policy/describe/answer.ts";
import { formatDuration, parseDuration } from "../../policy/duration.ts";
import type { Remember } from "../../policy/grants.ts";
import type { Answer, Question } from "../../policy/question.ts";
import { visible } from "../../policy/visible.ts";
import { unreachable } from "../../unreachable.ts";

const answerSchema = z.discriminatedUnion("decision", [
  z.strictObject({ decision: z.literal("allow"), remember: z.optional(z.string()) }),
  z.strictObject({ decision: z.literal("apart") }),
  z.strictObject({
    decision: z.literal("deny"),
    reason: z.optional(z.string()),
    remember: z.optional(z.string()),
  }),
]);

/**
 * Without `remember` an approval is for once. @throws Error for anything that is no answer to this question
 */
export function parseAnswer(text: string, question: Question): Answer {
  const json = attempt(() => JSON.parse(text));
  const { success, data } = z.safeParse(answerSchema, json, { jitless: true });
  if (!success) throw new Error("what it wrote is no answer");
  switch (data.decision) {
    case "allow":
      return allowing(data.remember ?? "once", question);
    case "apart":
      if (question.hosts) return { decision: "apart" };
      throw new Error("it wants to be asked about each host, and there is one");
    case "deny":
      return denying(data, question);
    default:
      return unreachable(data);
  }
}

function allowing(remember: string, question: Question): Answer {
  const offered = answersTo(question).find(
    ({ value }) => value.decision === "allow" && nameOf(value.remember) === remember,
  );
  return offered?.value ?? { decision: "allow", remember: within(remember, question.longest, "allowed") };
}

function denying(
  { reason, remember }: { reason?: string | undefined; remember?: string | undefined },
  { denyFor }: Question,
): Answer {
  const denied = { decision: "deny", reason: visible(reason || "you said no", 200) } as const;
  return remember === undefined ? denied : { ...denied, remember: within(remember, denyFor ?? 0, "denied") };
}

/** @throws Error for longer than that */
function within(
  remember: string,
  longest = Number.POSITIVE_INFINITY,
  what: string,
): { milliseconds: number } {
  const milliseconds = parseDuration(remember);
  if (milliseconds === undefined || milliseconds > longest)
    throw new Error(`it ${what} for ${JSON.stringify(visible(remember, 40))}, which was not offered`);
  return { milliseconds };
}

/** As the question in JSON has it: "once", "10m", "run". */
function nameOf(remember: Remember): string {
  return typeof remember === "string" ? remember : formatDuration(remember.milliseconds);
}
