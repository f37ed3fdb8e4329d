# A service manager played by a test, and what tests of the program as a service share.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path.append("test/support")
import realtime
BUILD = os.environ.get("BUILD", "build/plain")
PROGRAM, PLAY = BUILD + "/jack-analyzer", BUILD + "/test/tools/ja-play"
WATCHDOG_S = 1
SERVER = f"ja-{os.getpid()}-service"
work = tempfile.mkdtemp()
os.environ.update(JACK_DEFAULT_SERVER=SERVER, JACK_NO_START_SERVER="1",
                  JACK_NO_AUDIO_RESERVATION="1", XDG_CONFIG_HOME=work, XDG_STATE_HOME=work)
number = 0
started = []


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def need(*commands):
    for command in commands:
        if not shutil.which(command):
            skip_all(f"there is no {command}")


def start(*command, **more):
    """A process that does not outlive the test."""
    started.append(subprocess.Popen(command, **more))
    return started[-1]


def stop(process):
    """Its exit status."""
    process.terminate()
    try:
        return process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@atexit.register
def clean_up():
    for process in reversed(started):
        process.send_signal(signal.SIGCONT)
        stop(process)
    shutil.rmtree(work)


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


def settings():
    """Ports of its own for everything that listens or is sent to."""
    return {"control.port": free_port(socket.SOCK_DGRAM),
            "web.port": free_port(socket.SOCK_STREAM),
            "oscquery.port": free_port(socket.SOCK_STREAM),
            "target.default.port": free_port(socket.SOCK_DGRAM)}


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def start_server():
    started.append(realtime.start_jackd(48000, 256))
    return started[-1]


def start_player():
    return start(PLAY, "-n", "deck", "-c", "jack-analyzer:in_1", "--loop",
                 "synth:drums?bpm=126&seconds=30", stdout=subprocess.DEVNULL)


def results():
    print(f"1..{number}")
