/** Programs of Python's that a run's terminal is tried with. */

/** All bytes, as they are, both ways: by a program that has its terminal raw. */
export const RAW = `
import os, sys, tty
tty.setraw(0)
os.write(1, b"READY")
seen = b""
while len(seen) < int(sys.argv[1]):
    seen += os.read(0, 4096)
os.write(1, b"[" + seen.hex().encode() + b"]")
sys.stdout.buffer.write(b"BEGIN" + bytes(range(256)) * 400 + b"END")
sys.stdout.flush()
`;

/** Types a line into its own terminal, for whoever reads from it next. */
export const TIOCSTI = `
import fcntl, sys, termios
try:
    for character in sys.argv[1] + "\\n":
        fcntl.ioctl(0, termios.TIOCSTI, character.encode())
    print("pushed")
except OSError as error:
    print("refused", error.errno)
`;

/** As editors are: it has the alternate screen, draws all of it anew for a new size, and notes all keys. */
export const FULL_SCREEN = `
import os, select, signal, subprocess, sys, termios, tty
def draw(*_):
    size = os.get_terminal_size(0)
    os.write(1, f"\\x1b[2J\\x1b[1;1Hthe program, {size.lines} lines\\x1b[{size.lines};1Hits last line".encode())
signal.signal(signal.SIGWINCH, draw)
before = termios.tcgetattr(0)
tty.setraw(0)
os.write(1, b"\\x1b[?1049h\\x1b[?25l\\x1b[?2004h")
draw()
while True:
    key = os.read(0, 64)
    with open(sys.argv[1], "ab") as file:
        file.write(key)
    if key == b"x":
        quiet = subprocess.DEVNULL
        subprocess.Popen(sys.argv[2:], stdin=quiet, stdout=quiet, stderr=quiet)
    if key == b"q":
        break
os.write(1, b"\\x1b[?2004l\\x1b[?25h\\x1b[?1049l")
termios.tcsetattr(0, termios.TCSADRAIN, before)
`;

/** As less is: at Ctrl-Z it gives the screen back, and stops itself then. It takes its time. */
export const SLOW_TO_STOP = `
import os, signal, termios, time, tty
before = termios.tcgetattr(0)
def draw():
    tty.setcbreak(0)
    rows = os.get_terminal_size(0).lines - 1
    os.write(1, b"\\x1b[?1049h\\x1b[H\\x1b[2J" + b"~\\r\\n" * rows)
def give_back():
    termios.tcsetattr(0, termios.TCSADRAIN, before)
    os.write(1, b"\\x1b[?1049l")
def stop(*_):
    time.sleep(0.5)
    give_back()
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, stop)
    draw()
signal.signal(signal.SIGTSTP, stop)
draw()
while os.read(0, 1) != b"q":
    pass
give_back()
`;
