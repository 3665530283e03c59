"""User namespaces inside, as the scope's `nested` allows: mounts that came from outside are locked there."""
from attacker import *

home = facts["home"]
key = f"{home}/.ssh/id_ed25519"
MS_REMOUNT, MS_BIND, MS_REC, MS_MOVE = 32, 4096, 16384, 8192


def inside(attack):
    """In a namespace in which it has all capabilities. That there is one is part of the test."""

    def try_it():
        try:
            enter_user_namespace()
        except OSError as error:
            raise RuntimeError(f"no user namespace: {error}") from error
        return attack()

    return in_child(try_it)


def reads(path=key):
    return "PRIVATE KEY" in read(path).decode("latin1") and "the key"


def whatever(name, *words):
    """It may fail: what counts is what can be read in the end."""
    try:
        call(name, *words)
    except OSError:
        pass


@row("umount(2) of what hides", "the key", "mounts of the outer namespace are locked: EINVAL")
def _():
    def attack():
        for path in [f"{home}/.ssh", home, facts["runtime"], "/tmp"]:
            for flags in (0, 2, 8):
                whatever("umount2", path.encode(), flags)
        return reads()

    return inside(attack)


@row("the mount that hides moved away", "the key", "mounts of the outer namespace are locked: EINVAL")
def _():
    def attack():
        whatever("mount", f"{home}/.ssh".encode(), b"/mnt", None, MS_MOVE, None)
        return reads()

    return inside(attack)


@row("/ bound elsewhere without what is mounted on it", "the key", "a bind that would show it is refused: EINVAL")
def _():
    def attack():
        whatever("mount", b"/", b"/mnt", None, MS_BIND, None)
        whatever("mount", home.encode(), b"/mnt", None, MS_BIND, None)
        for path in [f"/mnt{key}", "/mnt/.ssh/id_ed25519", key]:
            if os.path.exists(path):
                return reads(path)
        raise FileNotFoundError(key)

    return inside(attack)


@row("a tree cloned without what is mounted on it", "the key", "a clone that would show it is refused: EINVAL")
def _():
    def attack():
        for flags in (1, 0x8001):
            try:
                tree = syscall(428, -100, b"/", flags)  # open_tree
                return reads(f"/proc/self/fd/{tree}{key}")
            except OSError as error:
                last = error
        raise last

    return inside(attack)


@row("remounting read-write what is read-only", "commands in each new shell", "the read-only flag is locked: EPERM")
def _():
    def attack():
        for path in [home, f"{home}/.bashrc"]:
            whatever("mount", None, path.encode(), None, MS_REMOUNT | MS_BIND, None)
        write(f"{home}/.bashrc")
        return is_there(f"{home}/.bashrc") and "it was written"

    return inside(attack)


@row("an overlay that is made of what is below", "the key", "what is below is not what the namespace sees")
def _():
    def attack():
        work = f"{facts['folder']}/work"
        for name in ("upper", "over"):
            os.makedirs(f"{work}/{name}", exist_ok=True)
        options = f"lowerdir={home},upperdir={work}/upper,workdir={work}/over".encode()
        whatever("mount", b"overlay", b"/mnt", b"overlay", 0, options)
        path = "/mnt/.ssh/id_ed25519"
        return reads(path if os.path.exists(path) else key)

    return inside(attack)


@row("bubblewrap with / bound, inside", "the key", "the same file system as around it")
def _():
    said = run("/usr/bin/bwrap", "--bind", "/", "/", "--dev", "/dev", "/bin/cat", key)
    return "PRIVATE KEY" in said and "the key"


@row("the user's agent from a namespace inside", "a signature", "the run's agent is bound over that path there too")
def _():
    return inside(lambda: sign_at(facts["agent"]))


@row("/proc mounted anew", "the user's processes", "its own pid namespace is the only one that it can show")
def _():
    def attack():
        whatever("mount", b"proc", b"/proc", b"proc", 0, None)
        return facts["secret"] in read(f"/proc/{facts['victim']}/cmdline").decode() and "its command line"

    return inside(attack)


main()
