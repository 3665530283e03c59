/** A laboratory of another user: what is run in it runs as that user, and its files are that user's. Root makes it. */
import { type ChildProcess, type SpawnOptions, spawnSync } from "node:child_process";
import { Lab } from "../lab.ts";
import { Terminal } from "../terminal/terminal.ts";
import { type Account, accountOf } from "./accounts.ts";

export class UserLab extends Lab {
  readonly #account: Account;
  readonly #program: string;

  /**
   * @param user a name of the system's: ssh and ssh-keygen know nobody else
   * @param program a bin/muxguard that this user can read
   */
  constructor(user: string, program: string) {
    super();
    this.#account = accountOf(user);
    this.#program = program;
    // the account may have no home and no shell
    Object.assign(this.environment, { HOME: this.folder, USER: user, LOGNAME: user, SHELL: "/bin/sh" });
  }

  override get muxguardProgram(): string {
    return this.#program;
  }

  override start(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return super.start(command, args, { ...this.#own(), ...options });
  }

  terminal(columns: number, rows: number): Terminal {
    return new Terminal(this.environment, this.folder, undefined, columns, rows, this.#own());
  }

  /** What root has written in here since the last time becomes the user's. */
  #own(): Account {
    const { uid, gid } = this.#account;
    const words = ["--recursive", "--silent", "--no-dereference", "--from=0", `${uid}:${gid}`, this.folder];
    spawnSync("chown", words, { stdio: "ignore" }); // files come and go below it
    return { uid, gid };
  }
}
