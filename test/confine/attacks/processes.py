"""Other processes of the user's, and the guard's: none can be seen, traced or signalled."""
from attacker import *

victim, secret = facts["victim"], facts["secret"]
PTRACE_SEIZE, PIDFD_OPEN, PIDFD_GETFD = 0x4206, 434, 438


def signalled(pid):
    """Without any harm: it is that it could be."""
    os.kill(pid, signal.SIGCONT)
    return f"a signal to {pid}"


@row("the user's processes in /proc", "what runs, and how", "a /proc of the run's own pid namespace")
def _():
    return secret in read(f"/proc/{victim}/cmdline").decode() and "its command line"


@row("the environment of another process", "tokens", "a /proc of the run's own pid namespace")
def _():
    return secret in read(f"/proc/{victim}/environ").decode() and "its environment"


@row("any process in /proc that is not the run's", "what runs, and how", "a /proc of the run's own pid namespace")
def _():
    for name in os.listdir("/proc"):
        if name.isdigit() and secret.encode() in read(f"/proc/{name}/cmdline") and int(name) != os.getpid():
            return "its command line"


@row("ptrace(2) of a process of the user's", "all it holds", "a pid namespace: ESRCH", without=facts["mayTrace"])
def _():
    call("ptrace", PTRACE_SEIZE, victim, None, None)
    return "it is traced"


@row("process_vm_readv(2)", "its memory", "a pid namespace: ESRCH", without=facts["mayTrace"])
def _():
    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    start = int(read(f"/proc/{victim}/maps").split(b"-")[0], 16)
    room = ctypes.create_string_buffer(64)
    local, remote = Vector(ctypes.addressof(room), 64), Vector(start, 64)
    read_bytes = call("process_vm_readv", victim, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
    return read_bytes > 0 and "its memory"


@row("/proc/PID/mem", "its memory", "a /proc of the run's own pid namespace", without=facts["mayTrace"])
def _():
    start = int(read(f"/proc/{victim}/maps").split(b"-")[0], 16)
    with open(f"/proc/{victim}/mem", "r+b", buffering=0) as memory:
        memory.seek(start)
        return memory.read(64) and "its memory"


@row("pidfd_getfd(2)", "its sockets", "a pid namespace: pidfd_open finds nobody", without=facts["mayTrace"])
def _():
    descriptor = syscall(PIDFD_OPEN, victim, 0)
    return syscall(PIDFD_GETFD, descriptor, 0, 0) and "its stdin"


@row("a signal to the user's agent", "its end", "a pid namespace: no such process")
def _():
    return signalled(facts["agentPid"])


@row("a signal to the daemon", "the end of the guard", "a pid namespace: no such process")
def _():
    return signalled(facts["daemon"])


@row("a signal to the shared connection", "its end", "a pid namespace: no such process")
def _():
    return signalled(facts["master"])


@row("a signal to the run's holder", "a run without a guard", "a pid namespace: no such process")
def _():
    return signalled(outside("holder"))


@row("a signal to all of the process group", "the end of whoever started the run", "a session of its own")
def _():
    count = 0

    def handler(*_):
        nonlocal count
        count += 1

    signal.signal(signal.SIGUSR1, handler)
    # muxguard, if it got it, passes it on to the run: one more, unless the two come as one
    for sent in range(1, 10 if facts["confined"] else 200):
        os.killpg(0, signal.SIGUSR1)
        if within(0.1, lambda sent=sent: count > sent):
            return "muxguard got it too"


@row("kill(2) of a process of the user's", "its end", "a pid namespace: no such process")
def _():
    os.kill(facts["decoy"], signal.SIGKILL)
    return within(5, lambda: not outside("alive", str(facts["decoy"]))) and "its end"


@row("prlimit(2) of another process", "its limits", "a pid namespace: no such process")
def _():
    room = (ctypes.c_ulong * 2)()
    call("prlimit", victim, 7, None, ctypes.byref(room))
    return "its limits"


@row("its own mark taken off, prlimit(2)", "to be taken for a program outside", "a hard limit is only lowered", without=False)
def _():
    room = (ctypes.c_ulong * 2)(2**64 - 1, 2**64 - 1)
    call("prlimit", 0, 10, ctypes.byref(room), None)
    return not IS_ROOT and "no mark"


@row("setns(2) to the mounts of another process", "all that is hidden", "no outside process, and no capability", IS_ROOT)
def _():
    return enter("mnt")


@row("setns(2) to its pid namespace", "all processes", "no outside process, and no capability", IS_ROOT)
def _():
    return enter("pid")


@row("setns(2) by a pidfd", "all namespaces at once", "no outside process, and no capability", IS_ROOT)
def _():
    def attack():
        call("setns", syscall(PIDFD_OPEN, victim, 0), 0x00020000)
        return read(facts["hidden"]) and "its mounts"

    return in_child(attack)


def enter(kind):
    def attack():
        descriptor = os.open(f"/proc/{victim}/ns/{kind}", os.O_RDONLY)
        call("setns", descriptor, 0)
        return f"its {kind} namespace"

    return in_child(attack)


@row("a program left behind, double fork and setsid", "to go on unguarded", "the pid namespace ends with the run")
def _():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            silent = os.open("/dev/null", os.O_RDWR)
            for descriptor in range(3):
                os.dup2(silent, descriptor)
            os.execv("/bin/sleep", ["sleep", facts["tag"]])
        os._exit(0)
    os.wait()
    return later("left behind", facts["tag"])


@row("System V shared memory of the user's", "what programs share", "an ipc namespace of its own")
def _():
    return call("shmget", facts["sharedMemory"], 0, 0) >= 0 and "a segment"


@row("POSIX shared memory, /dev/shm", "what programs share", "a /dev of its own")
def _():
    return secret in read(f"/dev/shm/{secret}").decode() and "a segment"


@row("keys in the session keyring", "Kerberos tickets, disk keys", "a session keyring of its own")
def _():
    key = syscall(250, 10, -3, b"user", secret.encode(), 0)  # KEYCTL_SEARCH of KEY_SPEC_SESSION_KEYRING
    room = ctypes.create_string_buffer(64)
    return syscall(250, 11, key, room, 64) and room.value.decode()


@row("keys in the user's keyring", "Kerberos tickets, disk keys", "keyrings of its own user namespace", without=False)
def _():
    key = syscall(250, 10, -4, b"user", secret.encode(), 0)
    room = ctypes.create_string_buffer(64)
    return syscall(250, 11, key, room, 64) and room.value.decode()


main()
