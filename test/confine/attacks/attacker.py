"""What the attacks of all tables share. A table is a program: it is started in a run with the facts that the
test gives it (JSON, in the environment), tries all of its rows, and prints what each has gained.

A row returns what it has gained, or raises OSError: what the kernel or the guard refused. Whether something was
gained outside is asked of the test itself, which answers over TCP: inside, a write may have gone to a file
that nobody else sees.
"""
import ctypes, json, os, signal, socket, struct, subprocess, sys, time, traceback

libc = ctypes.CDLL(None, use_errno=True)
facts = json.loads(os.environ.pop("FACTS", "{}"))
rows = []
# in what an attack writes, so that it is found again
MARK = "by-the-attacker"
IS_ROOT = os.getuid() == 0


def row(way, gain, held_by, without=True):
    """`without`: whether it has to succeed where the run is not confined."""

    def add(attack):
        rows.append((way, attack, without))
        return attack

    return add


def outside(question, *words):
    """How it looks to whoever is not in the run."""
    with socket.create_connection(("127.0.0.1", facts["witness"])) as link:
        link.sendall(json.dumps([question, *words]).encode() + b"\n")
        answer = b""
        while more := link.recv(65536):
            answer += more
    return json.loads(answer)


def later(question, word):
    """Whether something was gained is to be asked when the run has ended."""
    return {"later": [question, word]}


def is_there(path):
    return MARK in (outside("read", path) or "")


def main():
    wanted = facts.get("only")
    for way, attack, without in rows:
        if wanted and way not in wanted:
            continue
        result = {"way": way, "without": bool(without)}
        try:
            result["gained"] = attack() or None
            result["refused"] = "nothing came of it"
        except (OSError, subprocess.SubprocessError) as error:
            result["refused"] = f"{type(error).__name__}: {error}"
        except Exception:
            result["broken"] = traceback.format_exc()
        print(json.dumps(result, default=str), flush=True)


def call(name, *words):
    """A function of libc's. Raises OSError where it returns -1."""
    result = getattr(libc, name)(*words)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def syscall(number, *words):
    long = [ctypes.c_long(word) if isinstance(word, int) else word for word in words]
    return call("syscall", ctypes.c_long(number), *long)


def read(path):
    with open(path, "rb") as file:
        return file.read(1 << 20)


def write(path, text=f"# {MARK}\n", mode="a"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode) as file:
        file.write(text)


def run(*words, env=None, input=None, timeout=30):
    """A program's output, where it ends well."""
    done = subprocess.run(
        words, env={**os.environ, **(env or {})}, input=input, capture_output=True, text=True, timeout=timeout
    )
    if done.returncode != 0:
        raise OSError(f"{words[0]}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def within(seconds, condition):
    """What the condition comes to, as soon as it is something. Only a failed attack waits so long."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def in_child(attack):
    """The same in a process of its own, where an attack changes what it can't change back."""
    ours, childs = os.pipe()
    if (child := os.fork()) == 0:
        try:
            text = json.dumps([attack() or None, None], default=str)
        except OSError as error:
            text = json.dumps([None, str(error)])
        except Exception:
            text = json.dumps([None, None, traceback.format_exc()])
        os.write(childs, text.encode())
        os._exit(0)
    os.close(childs)
    with os.fdopen(ours) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    gained, refused, *broken = json.loads(text or '[null, "it was killed"]')
    if broken:
        raise RuntimeError(broken[0])
    if refused:
        raise OSError(refused)
    return gained


def enter_user_namespace():
    user, group = os.getuid(), os.getgid()
    call("unshare", 0x10000000 | 0x00020000)  # CLONE_NEWUSER | CLONE_NEWNS
    # of root without capabilities nothing can be mapped: it has all of them inside even so
    for name, text in [("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")]:
        try:
            write(f"/proc/self/{name}", text, "w")
        except PermissionError:
            pass


# the agent's protocol


def packet(payload):
    return struct.pack(">I", len(payload)) + payload


def string(data):
    return struct.pack(">I", len(data)) + data


def ask(link, payload):
    link.sendall(packet(payload))
    size = struct.unpack(">I", receive(link, 4))[0]
    return receive(link, size)


def receive(link, size):
    got = b""
    while len(got) < size:
        if not (more := link.recv(size - len(got))):
            raise ConnectionError("hung up")
        got += more
    return got


def connect(path, seconds=30):
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(seconds)
    link.connect(path)
    return link


def sign(link):
    """A signature by the user's key, which the policy denies to everybody. What it signs is no login."""
    hashed = string(b"file") + string(b"") + string(b"sha256") + string(b"0" * 32)
    key = bytes.fromhex(facts["key"])
    answer = ask(link, b"\x0d" + string(key) + string(b"SSHSIG" + hashed) + bytes(4))
    if answer[:1] != b"\x0e":
        raise PermissionError(f"the agent answers {answer[:1].hex()}")
    return "a signature"


def sign_at(path, seconds=30):
    with connect(path, seconds) as link:
        return sign(link)
