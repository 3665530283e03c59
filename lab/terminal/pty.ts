/**
 * A program in a terminal of its own, whose size can change and whose keys can be pressed: python3's pty
 * module.
 */
import type { ChildProcess } from "node:child_process";
import { StringDecoder } from "node:string_decoder";
import type { Lab } from "../lab.ts";
import { ended, until } from "../processes.ts";
import { PYTHON } from "../programs.ts";

/**
 * Reads a line for each thing to be done: a size ("R 40 120") or text in JSON ("T \"ls\\r\""). Ends with the
 * program's exit code.
 */
const HOLDER = `
import fcntl, json, os, select, struct, sys, termios, pty
pid, terminal = pty.fork()
if pid == 0:
    os.read(0, 1)  # until the window has its size
    os.execvp(sys.argv[1], sys.argv[1:])
def resize(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
resize(30, 100)
os.write(terminal, b"\\n")
asked = b""
inputs = [0, terminal]
while True:
    ready, _, _ = select.select(inputs, [], [])
    if 0 in ready:
        more = os.read(0, 65536)
        if not more:
            inputs.remove(0)
        asked += more
        *lines, asked = asked.split(b"\\n")
        for line in lines:
            if line[:1] == b"R":
                resize(*map(int, line.split()[1:]))
            else:
                os.write(terminal, json.loads(line[1:]).encode())
    if terminal in ready:
        try:
            text = os.read(terminal, 65536)
        except OSError:
            break
        if not text:
            break
        os.write(1, text)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
`;

export class Pty {
  /** What the screen has shown. */
  text = "";
  /** The same, byte by byte. */
  bytes = Buffer.alloc(0);
  readonly #child: ChildProcess;

  constructor(lab: Lab, ...command: string[]) {
    this.#child = lab.start(PYTHON, ["-c", HOLDER, ...command], { detached: true });
    const decoder = new StringDecoder("utf8");
    this.#child.stdout?.on("data", (more: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, more]);
      this.text += decoder.write(more);
    });
  }

  type(text: string): void {
    this.#child.stdin?.write(`T${JSON.stringify(text)}\n`);
  }

  resize(rows: number, columns: number): void {
    this.#child.stdin?.write(`R ${rows} ${columns}\n`);
  }

  shows(text: string): Promise<void> {
    return until(
      () => this.text.includes(text),
      () => `"${text}" in the terminal, where there is: ${this.text}`,
    );
  }

  /** The program's exit code. */
  async end(): Promise<number | null> {
    await ended(this.#child);
    return this.#child.exitCode;
  }
}
