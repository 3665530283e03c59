/** What was thrown, in words and by its code. */

/** For a person. What is thrown may be anything, by other people's code. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Node's name for what the system said: "ENOENT". Undefined where there is none. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

export function hasCode(error: unknown, code: string | number): boolean {
  return codeOf(error) === code;
}

/** This process, or the machine, has no descriptor or memory left: it says nothing about what was looked at. */
export function isShortage(error: unknown): boolean {
  return ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"].some((code) => hasCode(error, code));
}
