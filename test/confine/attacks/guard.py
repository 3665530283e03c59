"""The guard itself: answering its questions, its sockets and folders, the shared connections."""
import threading

from attacker import *

runtime, host = f"{facts['runtime']}/muxguard", facts["host"]
MUXGUARD = facts["muxguard"]


STATUS = json.dumps({"id": 1, "method": "status", "params": None}).encode() + b"\n"


def muxguard(*words):
    return run(facts["node"], MUXGUARD, *words)


def status_at(path):
    with connect(path) as link:
        link.sendall(STATUS)
        answer = json.loads(link.makefile().readline() or "{}")
    # also to be refused is more than to reach nobody
    return "id" in answer and "an answer"


@row("muxguard approve of a question that waits", "what the question is about", "the daemon's socket is hidden", without=False)
def _():
    question = outside("ask", "approve")
    try:
        muxguard("approve", question)
    finally:
        answered = outside("answered", question)
    return answered == "allowed" and "the answer"


@row("the daemon's socket, without muxguard", "its answers to questions", "the runtime folder is hidden")
def _():
    return status_at(f"{runtime}/daemon.sock")


@row("the daemon's socket through /proc/PID/root", "its answers to questions", "a pid namespace")
def _():
    return status_at(f"/proc/{facts['victim']}/root{runtime}/daemon.sock")


@row("a daemon of its own in the guard's place", "what others ask the guard", "the runtime folder is hidden, /run/user too")
def _():
    path = f"{runtime}/evil.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        return "evil.sock" in (outside("list", runtime) or []) and "a socket beside the guard's"


@row("the guard's lock file or sockets removed", "a second guard", "the runtime folder is hidden")
def _():
    path = f"{runtime}/daemon.sock"
    os.rename(path, f"{path}.moved")
    moved = "daemon.sock.moved" in outside("list", runtime)
    os.rename(f"{path}.moved", path)
    return moved and "the name"


@row("ssh -R to the daemon's socket", "to be approved from the server", "the socket is hidden from its ssh too")
def _():
    remote = f"{facts['folder']}/forwarded-{os.getpid()}"
    words = ["-F", facts["sshConfig"], "-S", "none", "-o", "ExitOnForwardFailure=yes"]
    line = f"{sys.executable} -B {sys.path[0]}/ask_status.py {remote}"
    said = run("/usr/bin/ssh", *words, "-R", f"{remote}:{runtime}/daemon.sock", host, line)
    return '"id"' in said and "an answer"


@row("the control socket, ssh -S", "a session on the server", "the folder of control sockets is hidden", without=False)
def _():
    # no connection of its own, which a rule allows
    alone = ["-o", "ProxyCommand=false"]
    said = run("/usr/bin/ssh", "-F", facts["sshConfig"], "-S", facts["control"], *alone, host, "echo in")
    return "in" in said and "a session"


@row("the control socket itself, by its protocol", "an answer of the guard's", "the folder of control sockets is hidden")
def _():
    return hello(facts["control"])


@row("the master's own socket in .muxguard", "a session on the server, unasked", "the folder of control sockets is hidden")
def _():
    folder = f"{os.path.dirname(facts['control'])}/.muxguard"
    for path, _, names in os.walk(folder):
        for name in names:
            return hello(os.path.join(path, name))
    raise FileNotFoundError(folder)


@row("O_PATH race on a master that comes up", "a session on the server, unasked", "the folder of control sockets is hidden")
def _():
    found = []
    done = threading.Event()

    def watch():
        while not done.is_set() and not found:
            for name in os.listdir(facts["controlFolder"]) if os.path.isdir(facts["controlFolder"]) else []:
                try:
                    found.append(os.open(f"{facts['controlFolder']}/{name}", os.O_PATH))
                except OSError:
                    pass

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        outside("start a master", str(facts["confined"]))
        within(2, lambda: found)
    finally:
        done.set()
        watcher.join()
    return found and "a descriptor of its socket"


def hello(path):
    """MUX_MSG_HELLO with version 4: who listens there answers alike."""
    with connect(path) as link:
        return ask(link, struct.pack(">II", 1, 4))[:4] == b"\0\0\0\x01" and "an answer"


@row("the run's folder: a file of its own put there", "what the guard reads from it", "what is the guard's there is read-only")
def _():
    folder = os.path.dirname(os.environ["SSH_AUTH_SOCK"])
    write(f"{folder}/evil", MARK)
    return is_there(f"{folder}/evil") and "a file"


@row("the run's agent socket replaced by a FIFO", "the guard that waits for ever", "a mount can't be replaced: EBUSY")
def _():
    path = os.environ["SSH_AUTH_SOCK"]
    os.mkfifo(f"{path}.fifo")
    os.replace(f"{path}.fifo", path)
    return "a FIFO"


@row("the ssh that leads to the guard replaced", "what others of the run start", "it is read-only")
def _():
    path = run("/bin/sh", "-c", "command -v ssh").strip()
    write(f"{path}.new", "#!/bin/sh\n", "w")
    os.replace(f"{path}.new", path)
    return path.startswith(runtime) and path


@row("a program in /usr/bin written over", "what others start", "of root's, the system's folders are read-only", IS_ROOT)
def _():
    with open("/usr/bin/ssh-copy-id", "r+b"):
        return "it could be written to"


@row("another run's folder and sockets", "the rules of another run", "the runtime folder is hidden but for its own")
def _():
    path = facts["otherRun"]
    with connect(path) as link:
        return ask(link, b"\x0b")[:1] == b"\x0c" and "its agent"


main()
