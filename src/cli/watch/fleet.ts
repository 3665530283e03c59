/** The questions of other machines, for `muxguard watch --fleet`. */
import * as z from "zod/mini";
import { Board } from "../../fleet/asking/board.ts";
import { count } from "../../fleet/asking/count.ts";
import { Bus } from "../../fleet/bus/bus.ts";
import { sign } from "../../fleet/signed/keygen.ts";
import { mayAnswer, principalsOf } from "../../fleet/signed/principals.ts";
import { personName } from "../../fleet/subjects.ts";
import type { Answer, Question } from "../../policy/question.ts";
import { questionSchema } from "../../rpc/replies.ts";
import { readConfig } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { noPerson } from "../fleet/person-bus.ts";

export interface FleetView {
  questions(): Question[];
  wrong(): string[];
  /** @returns what to tell */
  answer(question: Question, answer: Answer): Promise<string>;
  close(): Promise<void>;
}

/** @throws CliError where config.toml says nobody who may answer here */
export async function viewFleet(paths: Paths, notice: (line: string) => void): Promise<FleetView> {
  const { fleet } = await readConfig(paths);
  if (!fleet?.person) throw noPerson();
  const { key } = fleet.person;
  if (key === undefined) throw new CliError("[fleet] in config.toml has no person_key", exitCodes.settings);
  const { servers, tls, machine, person } = fleet;
  const verifying = { folder: paths.runtime, environment: process.env };
  const bus = new Bus({
    ...{ servers, tls, name: personName(person.name) },
    credentials: person.credentials ?? fleet.credentials,
    changed: (fault) => {
      if (fault === undefined) board.hello();
    },
  });
  const board = new Board({
    ...{ bus, machine, notice, person: person.name },
    parseQuestion: (value) => z.safeParse(questionSchema, value).data as Question | undefined,
    count: (vote, matter, lists) =>
      count(vote, matter, lists, { ...verifying, signers: fleet.signers, at: new Date() }),
    mayAnswer: (lists) =>
      lists.length === 0 || mayAnswer(lists, person.name, principalsOf(fleet.signers, key)),
    sign: (message) => {
      notice("your agent is asked to sign; touch your security key, if it is one");
      return sign(message, { key, namespace: "muxguard-approval", environment: process.env });
    },
  });
  bus.start();
  return {
    questions: () => board.list(),
    wrong: () => [...(bus.fault === undefined ? [] : [`[fleet]: the bus: ${bus.fault}`]), ...board.wrong],
    answer: (question, answer) => board.answer(question, answer),
    close: () => bus.close(),
  };
}
