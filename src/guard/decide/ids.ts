/** Ids of questions and log entries. */
import { randomInt } from "node:crypto";

/**
 * Six characters that are hard to confuse. They name a question on a command line and an entry in the log.
 */
export function newId(): string {
  let id = "";
  while (id.length < 6) id += ID_ALPHABET[randomInt(ID_ALPHABET.length)];
  return id;
}

const ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
