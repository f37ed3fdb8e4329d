#!/usr/bin/python3
# The real program in the cage of its system unit, without systemd as process 1: with the unit's
# system calls alone (any other kills it), without capabilities, in a file system that is read-only
# but for the state folder, and in one where nothing can be written at all.
#
# Time limit: 240 s
# SPDX-License-Identifier: GPL-3.0-or-later

import errno
import glob
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # of the module beside this file
from manager import (PROGRAM, PLAY, Manager, check, listens, need, results, settings,
                     skip_all, start, start_player, start_server, stop, within, work)
import realtime  # where manager has found it

UNITS = "src/dist/systemd/"
SYSTEM_UNIT = UNITS + "jack-analyzer@.service"
CLICKS = ["-f", "synth:click?bpm=120&seconds=20", "-e", "-"]
WRITE_AND_EXECUTE = 2 | 4  # PROT_WRITE | PROT_EXEC
NAMESPACES = 0x7e020080  # every CLONE_NEW…


# --- What the unit says ---

def values(unit, key):
    """All values of a key, in order."""
    with open(unit) as file:
        return re.findall(f"^{key}=(.*)$", file.read(), re.M)


def expand(words):
    """The system calls behind names and groups."""
    calls = set()
    for word in words:
        if word.startswith("@"):
            lines = subprocess.run(["systemd-analyze", "syscall-filter", word],
                                   capture_output=True, text=True, check=True).stdout.splitlines()
            calls |= expand([line.strip() for line in lines
                             if line.startswith(" ") and "#" not in line])
        else:
            calls.add(word)
    return calls


def allowed_calls(unit):
    calls = expand(["@default"])
    for value in values(unit, "SystemCallFilter"):
        if value.startswith("~"):
            calls -= expand(value[1:].split())
        else:
            calls |= expand(value.split())
    return calls


def make_filter(path):
    """The unit's rules as a program for the kernel, in a file."""
    rules = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
    restricted = {"socket", "mmap", "mprotect", "clone", "clone3", "unshare", "setns"}
    for call in allowed_calls(SYSTEM_UNIT) - restricted:
        try:
            rules.add_rule(seccomp.ALLOW, call)
        except (RuntimeError, ValueError):
            pass  # no call of this machine
    for family in values(SYSTEM_UNIT, "RestrictAddressFamilies")[0].split():
        rules.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, getattr(socket, family)))
    for prot in set(range(8)) - {WRITE_AND_EXECUTE, WRITE_AND_EXECUTE | 1}:  # MemoryDenyWriteExecute
        rules.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.EQ, prot))
    rules.add_rule(seccomp.ALLOW, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, 4, 0))
    rules.add_rule(seccomp.ALLOW, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, NAMESPACES, 0))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")  # as RestrictNamespaces= does
    # Tried by libnuma, which comes with aubio, when it is loaded; it does without.
    rules.add_rule(seccomp.ERRNO(errno.EPERM), "set_mempolicy")
    with open(path, "wb") as file:
        rules.export_bpf(file)


def check_units():
    shown = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                            as_installed(SYSTEM_UNIT)], capture_output=True, text=True).stdout
    found = re.search(r"Overall exposure level for .*: ([0-9.]+)", shown)
    check(f"the system unit's exposure is at most 1.6 ({found and found[1]})",
          found and float(found[1]) <= 1.6, shown)
    for unit, scope in ((SYSTEM_UNIT, "--system"), (UNITS + "jack-analyzer.service", "--user"),
                        (UNITS + "jackd@.service", "--system")):
        verified = subprocess.run(["systemd-analyze", "verify", "--man=no", scope,
                                   as_installed(unit)], capture_output=True, text=True,
                                  env=dict(os.environ, XDG_RUNTIME_DIR=work))
        check(f"systemd finds nothing wrong with {os.path.basename(unit)}",
              verified.returncode == 0 and not verified.stderr, verified.stderr)


def as_installed(unit):
    """The unit with a program that is there."""
    path = f"{work}/{os.path.basename(unit)}"
    with open(unit) as source, open(path, "w") as to:
        to.write(re.sub(r"^ExecStart=\S*", "ExecStart=/bin/true", source.read(), flags=re.M))
    return path


# --- The cage ---

def cage(*command, writable=(), environment=None, **more):
    """Starts the command in it. Real time is allowed by a capability, not as in the unit by a limit,
    which not every container may raise."""
    binds = [word for folder in writable for word in ("--bind", folder, folder)]
    with open(work + "/filter") as rules:
        os.set_inheritable(rules.fileno(), True)
        return start("bwrap", "--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--proc", "/proc",
                     *binds, "--cap-drop", "ALL", *(realtime.ALLOWED and ["--cap-add", "CAP_SYS_NICE"]),
                     "--die-with-parent", "--seccomp", str(rules.fileno()), *command,
                     pass_fds=[rules.fileno()], env=dict(os.environ, **(environment or {})), **more)


def try_in_cage(*command):
    process = cage(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def check_cage():
    status, said = try_in_cage("unshare", "-U", "true")
    check("another system call kills", status == 128 + signal.SIGSYS, status, said)
    status, said = try_in_cage(sys.executable, "-c", "import socket; socket.socket(socket.AF_CAN)")
    check("so does another address family", status == 128 + signal.SIGSYS, status, said)
    status, said = try_in_cage(sys.executable, "-c", "import mmap; mmap.mmap(-1, 4096, prot=7)")
    check("so does memory to write and to execute", status == 128 + signal.SIGSYS, status, said)
    status, said = try_in_cage("touch", work + "/file")
    check("and nothing can be written", status == 1 and "Read-only" in said, status, said)


def check_file():
    outside = subprocess.run([PROGRAM, *CLICKS], capture_output=True, text=True).stdout
    status, inside = try_in_cage(PROGRAM, *CLICKS)
    check("a file is analysed in the cage as outside",
          status == 0 and inside == outside and '"beat"' in outside, status, inside[-500:])


# --- Live ---

class Caged:
    def __init__(self, name, *more, writable=(), environment=None):
        self.manager = Manager(f"{work}/{name}.notify")
        self.ports = settings()
        self.osc = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.osc.bind(("127.0.0.1", self.ports["target.default.port"]))
        self.answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.answers.settimeout(5)
        self.log = open(f"{work}/{name}.log", "w+")
        arguments = [f"-S{option}={value}" for option, value in self.ports.items()]
        self.process = cage(PROGRAM, *arguments, *more, writable=writable, stderr=self.log,
                            environment=dict(environment or {}, NOTIFY_SOCKET=self.manager.name))

    def said(self):
        self.log.seek(0)
        return self.log.read() + "\n".join(t for _, t in self.manager.said[-3:])

    def tells_tempo(self):
        return " BPM; JACK: running" in self.manager.status()

    def hears(self, address, seconds=40):
        """Whether OSC with that address comes."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.osc.settimeout(left)
            try:
                if self.osc.recv(65536).startswith(address.encode() + b"\0"):
                    return True
            except TimeoutError:
                pass
        return False

    def ask(self, command, word):
        """The acknowledgement of a command with one string."""
        def padded(text):
            return text.encode() + b"\0" * (4 - len(text) % 4)
        self.answers.sendto(padded("/ja/ctl/" + command) + padded(",s") + padded(word),
                            ("127.0.0.1", self.ports["control.port"]))
        try:
            return self.answers.recv(4096).decode(errors="replace")
        except TimeoutError:
            return "no answer"

    def child(self):
        """Process number of the program itself, bwrap's child; 0 when it is no more."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return int((file.read().split() or ["0"])[0])

    def is_realtime(self):
        return any(os.sched_getscheduler(int(os.path.basename(task))) & ~os.SCHED_RESET_ON_FORK
                   == os.SCHED_FIFO for task in glob.glob(f"/proc/{self.child()}/task/*"))

    def end(self):
        if child := self.child():
            os.kill(child, signal.SIGTERM)
        return self.process.wait(10)


def check_live():
    state = work + "/state"
    os.mkdir(state)
    program = Caged("live", writable=[state], environment={"STATE_DIRECTORY": state})
    check("it is ready before there is a server", program.manager.told("READY=1"), program.said())
    server = start_server()
    within(10, lambda: "JACK: running" in program.manager.status())
    player = start_player()
    check("beats are heard and told by OSC",
          program.hears("/ja/beat") and within(20, program.tells_tempo), program.said())
    if realtime.ALLOWED:
        check("JACK's thread runs in real time", program.is_realtime())
    else:
        check("JACK's thread runs in real time # SKIP not allowed here", True)
    if listens(program.ports["web.port"]):
        url = f"http://127.0.0.1:{program.ports['web.port']}/api/v1/stream/health"
        answer = subprocess.run([sys.executable, "-c", "import sys, urllib.request; print("
                                 "urllib.request.urlopen(sys.argv[1]).read().decode())", url],
                                capture_output=True, text=True).stdout
        check("the web answers", "streams" in json.loads(answer or "{}"), answer)
    else:
        check("the web answers # SKIP built without", True)
    program.ask("feedback", "good")
    check("what is learnt is written to the state folder",
          within(15, lambda: os.listdir(state) == ["default.model"]), os.listdir(state))
    stop(player)
    check("SIGTERM ends it with 0", program.end() == 0, program.said())
    return server


def check_nothing_writable():
    program = Caged("nowhere", environment={"STATE_DIRECTORY": work + "/nowhere"})
    within(10, lambda: "JACK: running" in program.manager.status())
    player = start_player()
    check("with nothing writable beats are heard, too",
          program.hears("/ja/beat") and within(20, program.tells_tempo), program.said())
    answer = program.ask("feedback", "good")
    check("feedback is taken", "bpm is right" in answer, answer)
    check("it is told, once, that it cannot be kept",
          within(15, lambda: "Read-only file system" in program.said())
          and program.said().count("Read-only") == 1, program.said())
    stop(player)
    check("and SIGTERM ends it with 0", program.end() == 0, program.said())


need(PROGRAM, PLAY, "jackd", "jack_lsp", "systemd-analyze", "bwrap")
try:
    import seccomp
except ImportError:
    skip_all("there is no python3-seccomp")
make_filter(work + "/filter")
if try_in_cage("true")[0] != 0:
    skip_all("no cage can be made here: " + try_in_cage("true")[1].strip())
check_units()
check_cage()
check_file()
server = check_live()
check_nothing_writable()
stop(server)
results()
