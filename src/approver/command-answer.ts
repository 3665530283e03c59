/** The answer of a program: one JSON object, and one of the answers that the question offers. */
import * as z from "zod/mini";
import { answersTo } from "../policy/describe.ts";
import { formatDuration, parseDuration } from "../policy/duration.ts";
import type { Answer, Question } from "../policy/question.ts";
import { visible } from "../policy/visible.ts";

const answerSchema = z.discriminatedUnion("decision", [
  z.strictObject({ decision: z.literal("allow"), remember: z.optional(z.string()) }),
  z.strictObject({ decision: z.literal("deny"), reason: z.optional(z.string()) }),
]);

/** Without `remember` an approval is for once. @throws Error for anything that is no answer to this question */
export function parseAnswer(text: string, question: Question): Answer {
  const { success, data } = answerSchema.safeParse(parseJson(text));
  if (!success) throw new Error("what it wrote is no answer");
  if (data.decision === "deny")
    return { decision: "deny", reason: visible(data.reason || "you said no", 200) };
  const remember = data.remember ?? "once";
  const offered = answersTo(question).find(({ value }) => nameOf(value) === remember);
  if (offered) return offered.value;
  const milliseconds = parseDuration(remember);
  if (milliseconds === undefined || milliseconds > (question.longest ?? Number.POSITIVE_INFINITY))
    throw new Error(`it allowed for ${JSON.stringify(visible(remember, 40))}, which was not offered`);
  return { decision: "allow", remember: { milliseconds } };
}

/** As the question in JSON has it: "once", "10m", "run". */
function nameOf(answer: Answer): string | undefined {
  if (answer.decision === "deny") return undefined;
  return typeof answer.remember === "string" ? answer.remember : formatDuration(answer.remember.milliseconds);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
