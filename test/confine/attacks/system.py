"""The system below the run: kernel settings, devices, namespaces, descriptors that were left open."""
from attacker import *


@row("a user namespace of its own", "all capabilities in it", "bwrap --disable-userns, unless the scope says nested")
def _():
    def attack():
        enter_user_namespace()
        return "root in a namespace"

    return in_child(attack)


@row("bubblewrap inside", "mounts of its own", "bwrap --disable-userns, unless the scope says nested")
def _():
    return "in" in run("/usr/bin/bwrap", "--bind", "/", "/", "--dev", "/dev", "echo", "in") and "a sandbox"


@row("mount(2) as it is", "another file system", "no capability, also of root", IS_ROOT)
def _():
    def attack():
        call("mount", b"none", b"/mnt", b"tmpfs", 0, None)
        call("umount2", b"/mnt", 2)
        return "a mount"

    return in_child(attack)


@row("umount(2) of what hides", "what is below", "no capability, also of root", without=False)
def _():
    call("umount2", f"{facts['home']}/.ssh".encode(), 2)
    return "what is below"


@row("remounting read-write", "what is read-only", "no capability, also of root", without=False)
def _():
    for path in [facts["home"] + "/.ssh", facts["home"] + "/.bashrc", facts["config"] + "/muxguard"]:
        try:
            call("mount", None, path.encode(), None, 32 | 4096, None)
            return path
        except OSError as error:
            last = error
    raise last


@row("pivot_root(2), chroot(2)", "another root, with set-user-id programs", "no capability, also of root", IS_ROOT)
def _():
    def attack():
        os.chroot("/tmp")
        return "another root"

    return in_child(attack)


@row("capabilities of root", "all that root may", "none is left: cap-drop ALL", IS_ROOT)
def _():
    for line in read("/proc/self/status").decode().splitlines():
        name, _, value = line.partition(":")
        if name in ("CapEff", "CapPrm", "CapAmb") and int(value, 16):
            return line


@row("set-user-id programs", "root", "no_new_privs")
def _():
    for line in read("/proc/self/status").decode().splitlines():
        if line.split() == ["NoNewPrivs:", "0"]:
            return line


@row("/proc/sys/kernel/core_pattern", "a program that the kernel starts as root", "of root, /proc/sys is read-only", facts["mayTune"])
def _():
    return tuned("/proc/sys/kernel/core_pattern")


@row("settings of the kernel, /proc/sys", "how all programs run", "of root, /proc/sys is read-only", facts["mayTune"])
def _():
    return tuned("/proc/sys/kernel/panic")


def tuned(path):
    """It is left as it is."""
    text = read(path)
    with open(path, "wb", buffering=0) as file:
        file.write(text)
    return f"{path} was written"


@row("/proc/sysrq-trigger", "the end of the machine", "of root, it is read-only", IS_ROOT and os.path.exists("/proc/sysrq-trigger"))
def _():
    with open("/proc/sysrq-trigger", "wb"):
        return "it could be written to"


@row("/sys written to", "devices, helpers of the kernel's", "/sys is read-only", IS_ROOT and os.access("/sys/kernel/uevent_helper", os.F_OK))
def _():
    with open("/sys/kernel/uevent_helper", "r+b"):
        return "it could be written to"


@row("its cgroup left", "limits, and marks by cgroup", "/sys/fs/cgroup is read-only", facts["mayLeaveCgroup"])
def _():
    folder = f"/sys/fs/cgroup/muxguard-attack-{os.getpid()}"
    os.mkdir(folder)
    os.rmdir(folder)
    return "a cgroup of its own"


@row("disks of the system in /dev", "all files, past any mode", "a /dev of its own, without them", without=False)
def _():
    for line in read("/proc/partitions").decode().splitlines()[2:]:
        descriptor = os.open(f"/dev/{line.split()[-1]}", os.O_RDONLY)
        return os.read(descriptor, 512) and "the disk"


@row("a device node made anew, mknod(2)", "all files, past any mode", "no capability", IS_ROOT)
def _():
    path = f"{facts['folder']}/disk-{os.getpid()}"
    os.mknod(path, 0o60600, os.makedev(254, 0))
    os.unlink(path)
    return "a device"


@row("/dev/mem, /dev/kmsg, /dev/fuse", "memory, the log, file systems", "a /dev of its own, without them", without=os.path.exists("/dev/kmsg") and IS_ROOT)
def _():
    last = FileNotFoundError("none of them")
    for path in ["/dev/mem", "/dev/kmsg", "/dev/fuse"]:
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            return path
        except OSError as error:
            last = error
    raise last


@row("/proc/kcore", "the memory of the kernel", "no capability: EPERM", without=False)
def _():
    with open("/proc/kcore", "rb") as memory:
        return memory.read(64) and "memory"


@row("a folder that the caller left open", "all files below it", "no descriptor but 0, 1 and 2 is handed on", without=False)
def _():
    return "of the folder" in read("/proc/self/fd/7/note").decode() and "a file"


@row("a socket that the caller left open", "whom it is connected to", "no descriptor but 0, 1 and 2 is handed on", without=False)
def _():
    with socket.socket(fileno=os.dup(8)) as link:
        return sign(link)


@row("memfd_create and execveat", "a program without a file", "it is held by the same namespaces")
def _():
    # what it starts so is in the run as any other: it does not see what is hidden
    descriptor = os.memfd_create("program", 0)
    os.write(descriptor, read("/bin/cat"))
    with open(f"{facts['folder']}/note") as note:
        assert note.read()
    words = [f"/proc/self/fd/{descriptor}", f"{facts['home']}/.ssh/id_ed25519"]
    said = subprocess.run(words, pass_fds=[descriptor], capture_output=True)
    return b"PRIVATE KEY" in said.stdout and "a key"


@row("the host's name", "to look like another machine", "a uts namespace of its own", IS_ROOT)
def _():
    name = socket.gethostname()
    socket.sethostname(name)
    return "the name"


@row("the clock", "certificates that have ended", "no capability", IS_ROOT)
def _():
    time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME))
    return "the clock"


main()
