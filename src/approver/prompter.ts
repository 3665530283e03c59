/** The seam to whoever types what ssh wants to know: OpenSSH's read_passphrase() and notify_start() (readpass.c). */

export interface Prompt {
  text: string;
  /** "secret" is not shown while it is typed; "text" is; "notice" has no answer, and stays until it is withdrawn. */
  kind: "secret" | "text" | "notice";
}

export interface Prompter {
  /** Undefined if it can reach a person right now, otherwise why it can't. */
  unavailable(): string | undefined;

  /**
   * @param signal aborted when the answer is no longer wanted
   * @returns undefined for a no
   */
  prompt(prompt: Prompt, signal: AbortSignal): Promise<string | undefined>;
}
