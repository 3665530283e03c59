"""The user's session: buses, terminals, tmux, cron: what would act for the run outside of it."""
import fcntl, termios

from attacker import *

home = facts["home"]


def talks(path):
    with connect(path):
        return "a connection"


@row("the session bus", "all that the desktop does", "the runtime folder is hidden")
def _():
    address = f"unix:path={facts['bus']}"
    said = run("dbus-send", f"--bus={address}", "--print-reply", *BUS)
    return "array" in said and "an answer"


BUS = ["--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.ListNames"]


@row("a notification's button pressed by a signal on the bus", "approvals", "the bus is not there")
def _():
    address, body = f"unix:path={facts['bus']}", ["uint32:1", "string:allow"]
    name = "org.freedesktop.Notifications"
    run("dbus-send", f"--bus={address}", "/org/freedesktop/Notifications", f"{name}.ActionInvoked", *body)
    return "a signal"


@row("the system bus: systemd, logind, polkit", "services of root's", "/run/dbus is hidden", os.path.exists("/run/dbus/system_bus_socket"))
def _():
    return talks("/run/dbus/system_bus_socket")


@row("systemd-run --user, systemd's own socket", "a program outside", "the runtime folder is hidden")
def _():
    return talks(f"{facts['runtime']}/systemd/private")


@row("the keyring's socket", "all passwords", "the runtime folder is hidden")
def _():
    return talks(f"{facts['runtime']}/keyring/control")


@row("Wayland's socket", "keys and the screen", "the runtime folder is hidden, unless the scope says desktop")
def _():
    return talks(f"{facts['runtime']}/wayland-0")


@row("X11's socket", "keys and the screen", "/tmp/.X11-unix is hidden, unless the scope says desktop")
def _():
    return talks(facts["x11"])


@row("~/.Xauthority", "keys and the screen", "it is hidden, unless the scope says desktop")
def _():
    return "MIT-MAGIC" in read(f"{home}/.Xauthority").decode() and "the cookie"


@row("tmux: a command in the user's server", "a program outside", "sockets of tmux are not in the run's /tmp")
def _():
    path = f"{facts['folder']}/by-tmux-{os.getpid()}"
    run("tmux", "-S", facts["tmux"], "run-shell", f"echo {MARK} > {path}")
    return within(10, lambda: is_there(path)) and "a command"


@row("tmux: keys typed into another window", "commands in the user's shell", "sockets of tmux are not in the run's /tmp")
def _():
    path = f"{facts['folder']}/by-keys-{os.getpid()}"
    run("tmux", "-S", facts["tmux"], "send-keys", f"echo {MARK} > {path}", "Enter")
    return within(10, lambda: is_there(path)) and "a command"


@row("podman's socket in the runtime folder", "containers with all files in them", "the runtime folder is hidden")
def _():
    return talks(f"{facts['runtime']}/podman/podman.sock")


@row("TIOCSTI: keys for the shell that it came from", "commands in that shell", "a terminal of its own, or none", facts["mayType"])
def _():
    for path in ["/dev/tty", "/dev/stdin"]:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
            for byte in f"{MARK}\n".encode():
                fcntl.ioctl(descriptor, termios.TIOCSTI, bytes([byte]))
        except OSError:
            pass
    return later("typed", MARK)


@row("/dev/tty, the caller's terminal", "to read what is typed", "a session of its own")
def _():
    descriptor = os.open("/dev/tty", os.O_RDWR)
    # TIOCGDEV: the terminal that it stands for
    device = struct.unpack("I", fcntl.ioctl(descriptor, 0x80045432, bytes(4)))[0]
    at = int(facts["terminal"].rpartition("/")[2])
    return device == (136 << 8 | at & 0xFF | (at & ~0xFF) << 12) and "the terminal"


@row("other terminals in /dev/pts", "to write to them, and read keys", "a devpts of its own")
def _():
    descriptor = os.open(facts["terminal"], os.O_RDWR | os.O_NOCTTY)
    os.write(descriptor, b"")
    return "the terminal"


@row("any terminal of the system", "to write to them, and read keys", "a devpts of its own")
def _():
    found = [name for name in os.listdir("/dev/pts") if name.isdigit()]
    return found and f"{len(found)} terminals"


@row("a job of cron's", "commands outside, for ever", "no set-group-id programs; of root, /var/spool is read-only", facts["cron"])
def _():
    try:
        run("crontab", "-", input=f"# {MARK}\n0 0 1 1 * true\n")
        return outside("crontab") and "a job"
    finally:
        outside("no crontab")


main()
