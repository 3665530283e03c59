"""Private keys, and what lies beside them: nothing of a key is read."""
import array, glob

from attacker import *

home = facts["home"]
key = f"{home}/.ssh/id_ed25519"


def read_key(path):
    return "PRIVATE KEY" in read(path).decode("latin1") and "the key"


@row("a key in ~/.ssh", "the key", "of ~/.ssh only ordinary files are there")
def _():
    return read_key(key)


@row("a key in ~/.ssh that has an odd name", "the key", "keys are known by what is in them")
def _():
    return read_key(f"{home}/.ssh/notes.txt")


@row("a key below ~/.ssh", "the key", "of ~/.ssh only ordinary files are there")
def _():
    return read_key(f"{home}/.ssh/forge/deploy")


@row("a key elsewhere that IdentityFile names", "the key", "an empty file is mounted over it")
def _():
    return read_key(facts["named"])


@row("a key by a symbolic link made before", "the key", "what the link leads to is hidden")
def _():
    return read_key(facts["linked"])


@row("a key to which a link in ~/.ssh leads", "the key", "what the link leads to is hidden")
def _():
    return read_key(facts["linkedFrom"])


@row("a key through /proc/PID/root", "the key", "a pid namespace: no outside process is in /proc")
def _():
    return read_key(f"/proc/{facts['victim']}/root{key}")


@row("a key through /proc/PID/cwd", "the key", "a pid namespace: no outside process is in /proc")
def _():
    return read_key(f"/proc/{facts['atHome']}/cwd/.ssh/id_ed25519")


@row("a key that another program has open", "the key", "a pid namespace: no outside process is in /proc")
def _():
    for path in glob.glob(f"/proc/{facts['reader']}/fd/*"):
        if os.readlink(path) == key:
            return read_key(path)
    raise FileNotFoundError(f"/proc/{facts['reader']}/fd")


@row("a hard link to a key, made in the run", "the key", "there is nothing to link: EXDEV, ENOENT")
def _():
    path = f"{home}/linked-{os.getpid()}"
    os.link(key, path)
    return read_key(path)


@row("~/.ssh renamed, and read elsewhere", "the key", "a mount can't be renamed: EBUSY")
def _():
    os.rename(f"{home}/.ssh", f"{home}/moved")
    try:
        return read_key(f"{home}/moved/id_ed25519")
    finally:
        os.rename(f"{home}/moved", f"{home}/.ssh")


@row("the home folder renamed, and read elsewhere", "the key", "what could be renamed above is a mount: EBUSY")
def _():
    os.rename(home, f"{home}-moved")
    try:
        return read_key(f"{home}-moved/.ssh/id_ed25519")
    finally:
        os.rename(f"{home}-moved", home)


@row("the file system mounted once more", "the key", "no mount(2): no capability, and no user namespace inside")
def _():
    def attack():
        enter_user_namespace()
        call("mount", b"/", b"/mnt", None, 4096 | 16384, None)  # MS_BIND | MS_REC
        return read_key(f"/mnt{key}")

    return in_child(attack)


@row("a copy of the tree, open_tree(2)", "the key", "no capability, and no user namespace inside")
def _():
    def attack():
        enter_user_namespace()
        tree = syscall(428, -100, b"/", 0x8001)  # OPEN_TREE_CLONE, AT_RECURSIVE
        return read_key(f"/proc/self/fd/{tree}{key}")

    return in_child(attack)


@row("the server's host keys", "to pose as this machine", "root's keys are hidden from a run of root's", IS_ROOT)
def _():
    return read_key("/etc/ssh/ssh_host_ed25519_key")


@row("ssh -i with a key of the user's", "a login", "the key's file is not there")
def _():
    options = ["-o", "IdentityAgent=none", "-o", "ControlPath=none", "-o", "IdentitiesOnly=yes", "-i", key]
    return "in" in run("/usr/bin/ssh", "-F", facts["sshConfig"], *options, facts["other"], "echo in") and "a login"


@row("a descriptor of a key, passed over a socket", "the key", "whoever would pass it is outside of all that is there")
def _():
    with connect(facts["passer"]) as link:
        _, [(_, _, data)], _, _ = link.recvmsg(1, socket.CMSG_SPACE(4))
        [descriptor] = array.array("i", data[:4])
        return read_key(f"/proc/self/fd/{descriptor}")


@row("gpg's private keys", "the key", "~/.gnupg/private-keys-v1.d is hidden")
def _():
    return "private" in read(f"{home}/.gnupg/private-keys-v1.d/one.key").decode() and "the key"


@row("a key that is made while the run goes on", "the key", "what comes later into ~/.ssh is not in the run's")
def _():
    return read_key(outside("make a key", f"late-{os.getpid()}"))


main()
