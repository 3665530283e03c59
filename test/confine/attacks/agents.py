"""The agents: any way to a signature by a key that the policy denies."""
import glob

from attacker import *

agent = facts["agent"]
by_process = f"/proc/{facts['victim']}/root"


@row("the user's agent, at the path where it was", "a signature", "the run's agent is bound over that path")
def _():
    return sign_at(agent)


@row("the user's agent through /proc/PID/root", "a signature", "a pid namespace: no outside process is in /proc")
def _():
    return sign_at(by_process + agent)


@row("the user's agent through /proc/PID/cwd", "a signature", "a pid namespace: no outside process is in /proc")
def _():
    return sign_at(f"/proc/{facts['victim']}/cwd{agent}")


@row("an agent that IdentityAgent names", "a signature", "the run's agent is bound over each such path")
def _():
    return sign_at(facts["identityAgent"])


@row("another login's agent in /tmp/ssh-*", "a signature", "a /tmp of its own, without sockets of agents")
def _():
    for path in glob.glob("/tmp/ssh-*/agent.*"):
        if path == facts["otherAgent"]:
            return sign_at(path)


@row("gpg-agent's ssh socket in the runtime folder", "a signature", "the runtime folder is hidden")
def _():
    return sign_at(facts["gpgAgent"])


@row("an agent that starts while the run goes on", "a signature", "a /tmp of its own: what comes is not in it")
def _():
    return sign_at(outside("start an agent", f"agent.{os.getpid()}"))


@row("the agent by a symbolic link made before", "a signature", "what the link leads to is the run's agent")
def _():
    return sign_at(facts["linked"])


@row("the agent by a hard link made before", "a signature", "/tmp/ssh-* is hidden with all names in it")
def _():
    return sign_at(facts["hardLinked"])


@row("a descriptor of the agent, got by O_PATH", "a signature", "nothing but the run's socket is there to open")
def _():
    descriptor = os.open(agent, os.O_PATH)
    return sign_at(f"/proc/self/fd/{descriptor}")


@row("the agent's inode, by its handle", "a signature", "no capability: open_by_handle_at is refused", without=False)
def _():
    handle = (ctypes.c_char * 140)()
    struct.pack_into("Ii", handle, 0, 128, 0)
    mount = ctypes.c_int()
    call("name_to_handle_at", -100, facts["agentFolder"].encode(), handle, ctypes.byref(mount), 0)
    folder = os.open(facts["folder"], os.O_RDONLY)
    opened = call("open_by_handle_at", folder, handle, os.O_PATH | os.O_DIRECTORY)
    return sign_at(f"/proc/self/fd/{opened}/agent.1")


@row("SSH_AUTH_SOCK set to the upstream's path", "a signature", "the run's agent is bound over that path")
def _():
    signed = run(
        *["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", f"{facts['home']}/.ssh/id_ed25519.pub"],
        env={"SSH_AUTH_SOCK": agent},
        input="text",
    )
    return "SIGNATURE" in signed and "a signature"


@row("ssh -o IdentityAgent=PATH", "a login", "the run's agent is bound over that path")
def _():
    options = ["-o", f"IdentityAgent={agent}", "-o", "IdentityFile=none", "-o", "ControlPath=none"]
    login = ["-o", "PreferredAuthentications=publickey", facts["other"], "echo in"]
    return "in" in run("/usr/bin/ssh", "-F", facts["sshConfig"], *options, *login) and "a login"


@row("MUXGUARD_* and XDG_* changed", "another agent", "the guard reads none of the run's variables")
def _():
    env = {"SSH_AUTH_SOCK": agent, "XDG_RUNTIME_DIR": "/tmp/nothing", "XDG_CONFIG_HOME": "/tmp/nothing"}
    script = "import attacker, os, sys; print(attacker.sign_at(os.environ['SSH_AUTH_SOCK']))"
    env |= {"PYTHONPATH": sys.path[0], "MUXGUARD_PROMPTS": "/tmp/nothing", "FACTS": json.dumps(facts)}
    return run(sys.executable, "-B", "-c", script, env=env).strip()


@row("all sockets that can be found", "a signature", "none of them is the user's")
def _():
    for folder in [*glob.glob("/tmp/ssh-*"), facts["folder"], "/run"]:
        for path, _, names in os.walk(folder):
            for name in names:
                try:
                    return sign_at(os.path.join(path, name), 2)
                except OSError:
                    pass


@row("the run's agent socket taken away and made anew", "what others sign with", "it can be neither moved nor removed")
def _():
    path = os.environ["SSH_AUTH_SOCK"]
    os.rename(path, f"{path}.moved")
    os.rename(f"{path}.moved", path)
    return "the socket"


main()
