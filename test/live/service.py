#!/usr/bin/python3
# The real program under a service manager that this test plays: what it is told and when, and when
# the watchdog is fed. Threads of the program are stopped one by one, as a fault would, by ptrace.
#
# Time limit: 90 s
# SPDX-License-Identifier: GPL-3.0-or-later

import ctypes
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
BUILD = os.environ.get("BUILD", "build/plain")
PROGRAM, PLAY = BUILD + "/jack-analyzer", BUILD + "/test/tools/ja-play"
WATCHDOG_S = 1
SERVER = f"ja-{os.getpid()}-service"
os.environ.update(JACK_DEFAULT_SERVER=SERVER, JACK_NO_START_SERVER="1",
                  JACK_NO_AUDIO_RESERVATION="1")
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000
number = 0

for needed in (PROGRAM, PLAY, "jackd", "jack_lsp"):
    if not shutil.which(needed):
        print(f"1..0 # SKIP there is no {needed}")
        sys.exit(0)
work = tempfile.mkdtemp()
os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_STATE_HOME"] = work


def check(name, passed, *remarks):
    global number
    number += 1
    print(f"{'ok' if passed else 'not ok'} {number} - {name}")
    for remark in remarks if not passed else ():
        for line in str(remark).splitlines()[-8:]:
            print("#", line)
    sys.stdout.flush()


def within(seconds, condition):
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


class Manager:
    """Takes notifications, at a path or an abstract name; said is [(moment, assignments)]."""

    def __init__(self, name):
        self.name, self.said = name, []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0", 1))
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            text = self.socket.recv(4096).decode()
            self.said.append((time.monotonic(), text))

    def has_said(self, start, since=0.0):
        return any(m >= since and t.startswith(start) for m, t in list(self.said))

    def told(self, start, since=0.0, seconds=10):
        return within(seconds, lambda: self.has_said(start, since))

    def status(self):
        return ([t for _, t in list(self.said) if t.startswith("STATUS=")] or [""])[-1]

    def is_fed(self):
        """Whether the watchdog, at some time soon, is content for two of its periods."""
        def content():
            since = time.monotonic()
            time.sleep(2 * WATCHDOG_S)
            moments = [m for m, t in list(self.said) if t == "WATCHDOG=1" and m >= since]
            moments = [since, *moments, time.monotonic()]
            return max(b - a for a, b in zip(moments, moments[1:])) < WATCHDOG_S
        return within(10 * WATCHDOG_S, content)

    def starves(self):
        """Whether, at some time soon, it has not been fed for two of its periods."""
        def hungry():
            fed = [m for m, t in list(self.said) if t == "WATCHDOG=1"]
            return time.monotonic() - max(fed, default=0) > 2 * WATCHDOG_S
        return within(10 * WATCHDOG_S, hungry)


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(manager, watchdog_pid=None):
    settings = {"control.port": free_port(socket.SOCK_DGRAM),
                "web.port": free_port(socket.SOCK_STREAM),
                "oscquery.port": free_port(socket.SOCK_STREAM),
                "target.default.port": free_port(socket.SOCK_DGRAM)}
    environment = dict(os.environ, NOTIFY_SOCKET=manager.name,
                       WATCHDOG_USEC=str(WATCHDOG_S * 1000000))
    if watchdog_pid:
        environment["WATCHDOG_PID"] = watchdog_pid
    arguments = [f"-S{name}={value}" for name, value in settings.items()]
    return subprocess.Popen([PROGRAM, "-q", *arguments], env=environment), settings


class Stopped:
    """One thread of a process stands still meanwhile."""

    def __init__(self, process, name):
        def find():
            return [comm.split("/")[4] for comm in glob.glob(f"/proc/{process.pid}/task/*/comm")
                    if open(comm).read().strip() == name]
        self.thread = int(within(5, find)[0])

    def __enter__(self):
        if libc.ptrace(PTRACE_SEIZE, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace is not allowed")
        libc.ptrace(PTRACE_INTERRUPT, self.thread, None, None)
        os.waitpid(self.thread, WALL)

    def __exit__(self, *_):
        libc.ptrace(PTRACE_DETACH, self.thread, None, None)


def may_ptrace():
    child = subprocess.Popen(["sleep", "5"])
    try:
        with Stopped(child, "sleep"):
            return True
    except OSError:
        return False
    finally:
        child.kill()
        child.wait()


def start_server():
    server = subprocess.Popen(["jackd", "-r", "-n", SERVER, "-d", "dummy", "-r", "48000",
                               "-p", "256"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    within(5, lambda: subprocess.run(["jack_lsp"], capture_output=True).returncode == 0)
    return server


def listens(settings):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", settings["web.port"])) == 0


def without_a_server(manager):
    program, settings = start(manager)
    check("it is ready without a JACK server", manager.told("READY=1"), manager.said)
    check("and listens by then", settings["web.port"] and listens(settings))
    check("the status says that JACK is waited for",
          within(3, lambda: "waiting for the server" in manager.status()), manager.said)
    check("the watchdog is fed while there is no server", manager.is_fed(), manager.said)
    return program


def while_it_hears(manager):
    within(10, lambda: "JACK: running" in manager.status())
    player = subprocess.Popen([PLAY, "-n", "deck", "-c", "jack-analyzer:in_1", "--loop",
                               "synth:drums?bpm=126&seconds=30"], stdout=subprocess.DEVNULL)
    locked = r"=locked, 12[4-8]\.\d BPM; JACK: running"
    found = within(20, lambda: re.search(locked, manager.status()))
    check("the status tells state, tempo and JACK", found, manager.said[-3:])
    check("the watchdog is fed while it hears", manager.is_fed(), manager.said[-5:])
    return player


def when_threads_stop(manager, program):
    if not may_ptrace():
        for what in ("worker", "worker again", "main thread"):
            check(f"the watchdog notices a standing {what} # SKIP ptrace is not allowed", True)
        return
    with Stopped(program, "analysis"):
        check("the watchdog starves when the worker stands still", manager.starves(),
              manager.said[-5:])
    check("and is fed again when it goes on", manager.is_fed(), manager.said[-5:])
    with Stopped(program, "jack-analyzer"):  # the first of that name is the main thread
        check("it starves when the main thread stands still", manager.starves(), manager.said[-5:])


def when_jack_stops(manager, server):
    check("the watchdog is fed before JACK stands still", manager.is_fed())
    server.send_signal(signal.SIGSTOP)
    check("it starves when JACK, connected, does not call", manager.starves(), manager.said[-5:])
    server.send_signal(signal.SIGCONT)
    check("and is fed again when it calls", manager.is_fed(), manager.said[-5:])
    server.terminate()
    server.wait()
    check("it is fed when the server has gone", manager.is_fed(), manager.said[-5:])


def reload_and_end(manager, program):
    since = time.monotonic()
    program.send_signal(signal.SIGHUP)
    check("SIGHUP is told: reloading, then ready", manager.told("RELOADING=1\nMONOTONIC_USEC=",
          since) and manager.told("READY=1", since), manager.said[-5:])
    program.terminate()
    check("so is the end", manager.told("STOPPING=1") and program.wait(10) == 0, manager.said[-5:])


def with_an_abstract_name():
    manager = Manager(f"@ja-{os.getpid()}/notify")
    program, _ = start(manager, watchdog_pid="1")
    check("a socket in the abstract space is told, too", manager.told("READY=1"))
    time.sleep(WATCHDOG_S)
    check("a watchdog of another process is not fed", not manager.has_said("WATCHDOG=1"))
    program.terminate()
    program.wait(10)


def with_nobody_there():
    manager = Manager(work + "/deaf")
    manager.name = work + "/nobody"
    program, settings = start(manager)
    check("a manager that is not there is no reason not to run",
          within(10, lambda: listens(settings)) and program.poll() is None)
    program.terminate()
    check("nor to end otherwise than with 0", program.wait(10) == 0)


manager = Manager(work + "/notify")
program = without_a_server(manager)
server = start_server()
player = while_it_hears(manager)
when_threads_stop(manager, program)
player.terminate()
player.wait()
when_jack_stops(manager, server)
reload_and_end(manager, program)
with_an_abstract_name()
with_nobody_there()
shutil.rmtree(work)
print(f"1..{number}")
