#!/usr/bin/python3
# The keys of a terminal, on one made for the test; and that it has its settings back in the end,
# whichever end that is.
# Time limit: 90 s
# Goes beside others.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import fcntl
import json
import os
import pty
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time

sys.dont_write_bytecode = True  # of the module beside this file
from hostile import PROGRAM, check, free_port, results

SHELL = 'set -m; "$@"; read line; fg; echo "status $?" >&2'


class Terminal:
    """The program on a terminal of its own, hearing clicks; `shell`: started by one."""

    def __init__(self, *arguments, shell=False):
        self.master, self.slave = pty.openpty()
        settings = tempfile.NamedTemporaryFile(suffix=".conf")
        command = [PROGRAM, "-c", settings.name, "-f", "synth:click?bpm=120&seconds=100",
                   "--paced", "-e", "-", "-S", "control.port=%d" % free_port(),
                   "-S", "target.default.port=%d" % free_port(), "-S", "terminal.mode=on",
                   *arguments]
        if shell:
            command = ["bash", "-c", SHELL, "shell", *command]
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(command, stdin=self.slave, stdout=subprocess.PIPE,
                                        stderr=self.slave, preexec_fn=self.take)
        self.events, self.shown = [], ""
        for read in (self.read_events, self.read_screen):
            threading.Thread(target=read, daemon=True).start()
        self.wait(lambda: self.is_raw() or "-S" in arguments, 10)
        self.settings = settings

    def take(self):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def read_events(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def read_screen(self):
        while True:
            try:
                self.shown += os.read(self.master, 4096).decode(errors="replace")
            except OSError:
                return

    def is_raw(self):
        flags = termios.tcgetattr(self.slave)[3]
        return not flags & (termios.ICANON | termios.ECHO)

    def is_as_before(self):
        return termios.tcgetattr(self.slave) == self.before

    def wait(self, condition, seconds=5):
        end = time.monotonic() + seconds
        while not (value := condition()) and time.monotonic() < end:
            time.sleep(0.02)
        return value

    def press(self, keys):
        os.write(self.master, keys.encode())

    def says(self, text, since=0):
        return self.wait(lambda: any(text in e.get("reason", "") for e in self.events[since:]))

    def falls_silent(self):
        """Whether soon no event comes for a second, in which two beats would."""
        def is_silent():
            since = len(self.events)
            time.sleep(1)
            return len(self.events) == since
        return self.wait(is_silent, 10)

    def ends(self):
        try:
            return self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "killed"


def check_keys():
    terminal = Terminal()
    check(terminal.is_raw(), "keys are read singly, without echo")
    terminal.wait(lambda: sum(e["type"] == "beat" for e in terminal.events) > 8, 15)
    for key, name, reason in ((" ", "space taps", "apped"), ("r", "r resyncs", "Bars begin here"),
                              ("\033[C", "right is later", "told 10 ms late"),
                              ("\033[D\033[D", "left is earlier", "told 10 ms early"),
                              ("h", "h halves", "pinned near 6"), ("d", "d doubles", "pinned near 1"),
                              ("l", "l ends that", "no longer locked"),
                              ("l", "l locks", "Tempo locked near"),
                              ("o", "o holds", "Holding"), ("o", "o lets go", "Following the music again"),
                              ("a", "a is auto", "the music alone")):
        since = len(terminal.events)
        terminal.press(key)
        check(terminal.says(reason, since), name,
              [e for e in terminal.events[since:] if e["type"] == "state"])
    terminal.press("m")
    check(terminal.wait(lambda: "all outputs muted" in terminal.shown), "m mutes all")
    check(terminal.falls_silent(), "and all are silent", terminal.events[-3:])
    since = len(terminal.events)
    terminal.press("m")
    check(terminal.wait(lambda: len(terminal.events) > since), "m lets them speak")
    terminal.press("xyz?")
    check(terminal.wait(lambda: "beats 10 ms earlier" in terminal.shown), "? shows the keys")
    terminal.press("q")
    check(terminal.ends() == 0, "q quits")
    check(terminal.is_as_before(), "and the terminal is as before")


def check_end(name, number, status):
    terminal = Terminal()
    raw = terminal.is_raw()
    terminal.process.send_signal(number)
    ended = terminal.ends()
    check(raw and ended in status and terminal.is_as_before(), "the terminal is as before after " + name,
          (raw, ended))


def check_stop():
    """Ctrl-Z and fg, by a shell with job control."""
    terminal = Terminal(shell=True)
    check(terminal.is_raw(), "keys are read under a shell")
    terminal.press("\x1a")
    check(terminal.wait(lambda: not terminal.is_raw()), "Ctrl-Z gives the terminal back")
    check(terminal.falls_silent(), "and stands still")
    terminal.press("\n")
    check(terminal.wait(terminal.is_raw), "fg takes it again")
    terminal.press("?")
    check(terminal.wait(lambda: "beats 10 ms earlier" in terminal.shown), "and keys are read")
    terminal.press("\x03")
    check(terminal.wait(lambda: "status 0" in terminal.shown), "Ctrl-C ends it with status 0",
          terminal.shown[-200:])
    terminal.ends()
    check(not terminal.is_raw(), "the terminal is not left raw")


def check_off():
    terminal = Terminal("-S", "terminal.keys=false")
    terminal.wait(lambda: terminal.events, 5)
    check(terminal.is_as_before(), "without keys the terminal is left alone")
    terminal.process.send_signal(signal.SIGTERM)
    terminal.ends()


def check_fast():
    """Without a loop, which would take the signal."""
    process = subprocess.Popen([PROGRAM, "-f", "synth:click?seconds=100000", "-e", "-"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    check(process.returncode == -signal.SIGINT, "a run on a file is ended by SIGINT",
          process.returncode)


def main():
    if not os.access(PROGRAM, os.X_OK) or not shutil.which("bash"):
        print("1..0 # SKIP there is no %s or no bash" % PROGRAM)
        return 0
    check_keys()
    for name, number, status in (("SIGTERM", signal.SIGTERM, (0,)), ("SIGINT", signal.SIGINT, (0,)),
                                 ("a crash", signal.SIGSEGV, (-signal.SIGSEGV, 1)),
                                 ("an abort", signal.SIGABRT, (-signal.SIGABRT, 1)),
                                 ("SIGQUIT", signal.SIGQUIT, (-signal.SIGQUIT,))):
        check_end(name, number, status)
    check_stop()
    check_off()
    check_fast()
    print("1..%d" % sum(results))
    return 1 if results[1] else 0


if __name__ == "__main__":
    sys.exit(main())
