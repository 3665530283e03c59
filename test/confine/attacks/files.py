"""Files that programs outside read and obey, and muxguard's own: whether a write is seen outside."""
from attacker import *

home, config = facts["home"], facts["config"]


def obeyed(path, text=f"# {MARK}\n"):
    """Appended to, made anew, or put in its place: whatever works."""
    last = PermissionError("nobody outside sees it")
    for attempt in (lambda: write(path, text), lambda: write(path, text, "w"), lambda: replace(path, text)):
        try:
            attempt()
        except OSError as error:
            last = error
        if is_there(path):
            return f"{path} says so"
    raise last


def replace(path, text):
    write(f"{path}.new", text, "w")
    os.replace(f"{path}.new", path)


@row("~/.bashrc written to", "commands in each new shell", "it is read-only")
def _():
    return obeyed(f"{home}/.bashrc")


@row("~/.profile replaced by another file", "commands at each login", "a mount can't be replaced: EBUSY")
def _():
    replace(f"{home}/.profile", MARK)
    return is_there(f"{home}/.profile") and "the file"


@row("~/.bashrc removed", "another file in its place", "a mount can't be removed: EBUSY")
def _():
    os.rename(f"{home}/.bashrc", f"{home}/.bashrc.moved")
    os.rename(f"{home}/.bashrc.moved", f"{home}/.bashrc")
    return "the name"


@row("~/.zshenv made, which was not there", "commands in each new shell", "it is there for as long as the run, read-only")
def _():
    return obeyed(f"{home}/.zshenv")


@row("~/.bash_login made, which was not there", "commands at each login", "it is there for as long as the run, read-only")
def _():
    return obeyed(f"{home}/.bash_login")


@row("~/.gitconfig written to", "commands with each git", "it is read-only")
def _():
    return obeyed(f"{home}/.gitconfig", f"[core]\n\tsshCommand = {MARK}\n")


@row("~/.config/git/config made", "commands with each git", "the folder is read-only")
def _():
    return obeyed(f"{config}/git/config", f"[alias]\n\tst = !{MARK}\n")


@row("~/.ssh/config written to", "ProxyCommand with each ssh", "~/.ssh is read-only")
def _():
    return obeyed(f"{home}/.ssh/config", f"ProxyCommand {MARK}\n")


@row("the ssh_config that the guard reads", "ProxyCommand in the guard", "it is read-only")
def _():
    return obeyed(facts["sshConfig"], f"# {MARK}\n")


@row("~/.ssh/rc made", "commands at each login by ssh", "~/.ssh is read-only")
def _():
    return obeyed(f"{home}/.ssh/rc")


@row("~/.ssh/authorized_keys written to", "a login here", "~/.ssh is read-only")
def _():
    return obeyed(f"{home}/.ssh/authorized_keys")


@row("~/.ssh/known_hosts written to", "a false host by a known name", "~/.ssh is read-only")
def _():
    return obeyed(f"{home}/.ssh/known_hosts")


@row("the known_hosts that ssh_config names", "a false host by a known name", "it is read-only")
def _():
    return obeyed(f"{facts['folder']}/known_hosts")


@row("~/.ssh renamed, and another made", "all of that at once", "a mount can't be renamed: EBUSY")
def _():
    swapped(f"{home}/.ssh", "config")
    return "another ~/.ssh"


@row("~/.config renamed, and another made", "settings of all programs", "a folder above what is protected is a mount")
def _():
    swapped(config, "muxguard/policy.toml")
    return "another ~/.config"


@row("the home folder renamed, and another made", "all of that at once", "a folder above what is protected is a mount")
def _():
    swapped(home, ".bashrc")
    return "another home"


def swapped(folder, name):
    os.rename(folder, f"{folder}-old")
    try:
        write(f"{folder}/{name}")
        if not is_there(f"{folder}/{name}"):
            raise PermissionError("nobody sees it")
        os.rename(folder, f"{folder}-evil-{os.getpid()}")
    finally:
        os.rename(f"{folder}-old", folder)


@row("policy.toml written to", "its own rules", "muxguard's settings are read-only")
def _():
    return obeyed(f"{config}/muxguard/policy.toml")


@row("config.toml written to", "its own approver", "muxguard's settings are read-only")
def _():
    return obeyed(f"{config}/muxguard/config.toml")


@row("approved.toml made", "rules that were never approved", "muxguard's settings are read-only")
def _():
    return obeyed(f"{config}/muxguard/approved.toml")


@row("a rule file in policy.d", "its own rules", "muxguard's settings are read-only")
def _():
    return obeyed(f"{config}/muxguard/policy.d/evil.toml")


@row("the log written to", "no trace of what it did", "muxguard's state is hidden")
def _():
    return obeyed(facts["log"], f"{MARK}\n")


@row("the log read", "what the user does elsewhere", "muxguard's state is hidden")
def _():
    return b"{" in read(facts["log"]) and "the log"


@row("an autostart file", "commands at each desktop login", "~/.config/autostart is read-only")
def _():
    return obeyed(f"{config}/autostart/evil.desktop", f"[Desktop Entry]\nExec={MARK}\n")


@row("a user unit", "commands by systemd", "~/.config/systemd is read-only")
def _():
    return obeyed(f"{config}/systemd/user/evil.service", f"[Service]\nExecStart={MARK}\n")


@row("environment.d, LD_PRELOAD for all that starts", "code in all programs", "~/.config/environment.d is read-only")
def _():
    return obeyed(f"{config}/environment.d/evil.conf", f"LD_PRELOAD={MARK}\n")


@row("a program in ~/.local/bin", "commands under a usual name", "~/.local/bin is read-only")
def _():
    return obeyed(f"{home}/.local/bin/ssh")


@row("a program in another folder of PATH", "commands under a usual name", "folders of PATH are read-only, outside of its own folder")
def _():
    return obeyed(f"{facts['onPath']}/ssh")


@row("muxguard's own program files", "a false guard", "the installation is read-only", without=False)
def _():
    # its text is left as it is
    with open(facts["muxguard"], "r+b"):
        return "it could be written to"


@row("a service of the user's D-Bus", "commands by the bus", "~/.local/share/dbus-1 is read-only")
def _():
    return obeyed(f"{home}/.local/share/dbus-1/services/evil.service", f"[D-BUS Service]\nExec={MARK}\n")


@row("~/.tmux.conf and ~/.vimrc", "commands as they start", "they are read-only")
def _():
    return obeyed(f"{home}/.tmux.conf") and obeyed(f"{home}/.vimrc")


@row("a symbolic link put in the place of ~/.local", "what is below it", "a folder above what is protected is a mount")
def _():
    os.rename(f"{home}/.local", f"{home}/.local-old")
    os.symlink(f"{home}/.local-old", f"{home}/.local")
    os.unlink(f"{home}/.local")
    os.rename(f"{home}/.local-old", f"{home}/.local")
    return "the name"


@row("files of root's in /etc, /usr and /run", "code in all programs", "root's system folders are read-only", IS_ROOT)
def _():
    for path in ["/etc/profile.d/evil.sh", "/usr/local/bin/evil-by-test", "/run/evil-by-test"]:
        try:
            write(path)
            if is_there(path):
                return path
        finally:
            if os.path.exists(path):
                os.unlink(path)


main()
