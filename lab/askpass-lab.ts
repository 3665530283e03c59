/** A laboratory whose programs ask through muxguard-askpass, as it is built. */
import { existsSync, readFileSync } from "node:fs";
import { Lab } from "./lab.ts";
import type { Result } from "./processes.ts";
import { ASKPASS } from "./programs.ts";

export { ASKPASS };

export class AskpassLab extends Lab {
  constructor() {
    super();
    const { environment } = this;
    for (const name of ["GIT_ASKPASS", "SUDO_ASKPASS", "SSH_ASKPASS_PROMPT", "MUXGUARD_PROMPTS"])
      delete environment[name];
    Object.assign(environment, { SSH_ASKPASS: ASKPASS, SSH_ASKPASS_REQUIRE: "force" });
  }

  /** What is asked, as OpenSSH would ask it. */
  ask(text: string, hint?: "confirm" | "none"): Promise<Result> {
    return this.run(ASKPASS, [text], { environment: hint === undefined ? {} : { SSH_ASKPASS_PROMPT: hint } });
  }

  /**
   * Another program of the user's, which answers this and writes down what it was asked. Returns what it has
   * heard.
   */
  person(answer: string): () => string {
    const heard = this.path("heard");
    const program = this.script("person", `#!/bin/sh\nprintf '%s\\n' "$1" >> '${heard}'\necho '${answer}'\n`);
    this.config(`askpass = "${program}"\napprovers = ["askpass", "queue"]\n`);
    return () => (existsSync(heard) ? readFileSync(heard, "utf8") : "");
  }
}
