/** Many questions at once, and one person who answers each of them with a signature of the agent. */
import { Board } from "../../src/fleet/asking/board.ts";
import { sign } from "../../src/fleet/signed/keygen.ts";
import type { Question } from "../../src/policy/question.ts";
import { now } from "./messages.ts";
import { PERSON, type SimulatedFleet } from "./simulated.ts";

/** Signatures at once: as many as there are processors. */
const AT_ONCE = 2;

export async function answerMany(
  fleet: SimulatedFleet,
  questions: number,
): Promise<{ questions: number; perSecond: number }> {
  const bus = await fleet.personBus();
  const board = boardOf(
    fleet,
    bus,
    () => {},
    (line) => fleet.remark(line),
  );
  const answered = fleet.each("answered", questions);
  const began = now();
  fleet.tell({ ask: Math.ceil(questions / fleet.processes) });
  // as whoever begins to look: a question may come before the server knows that somebody listens
  board.hello();
  const taken = new Set<string>();
  let isOver = false;
  const work = async (): Promise<void> => {
    while (!isOver) {
      const next = board.list().find(({ id }) => !taken.has(id));
      if (next) {
        taken.add(next.id);
        const said = await board.answer(next, { decision: "allow", remember: "once" });
        if (!said.startsWith("signed")) fleet.remark(said);
      } else await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const works = Array.from({ length: AT_ONCE }, work);
  const times = await answered;
  isOver = true;
  await Promise.all(works);
  await bus.close();
  return { questions, perSecond: (questions * 1000) / (Math.max(...times) - began) };
}

/** @param heard called with each question that comes */
export function boardOf(
  fleet: SimulatedFleet,
  bus: ConstructorParameters<typeof Board>[0]["bus"],
  heard: () => void,
  notice: (line: string) => void = () => {},
): Board {
  const environment = { ...process.env, SSH_AUTH_SOCK: fleet.lab.agentSocket };
  return new Board({
    ...{ bus, person: PERSON, machine: "elsewhere", notice },
    parseQuestion: (value) => {
      setImmediate(heard);
      return value as Question;
    },
    count: () => Promise.reject(new Error("one person is enough")),
    mayAnswer: () => true,
    sign: (message) =>
      sign(message, { key: `${fleet.lab.keyFile}.pub`, namespace: "muxguard-approval", environment }),
  });
}
