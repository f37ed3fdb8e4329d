#!/usr/bin/python3
# The real program under a service manager that this test plays: what it is told and when, and when
# the watchdog is fed. Threads of the program are stopped one by one, as a fault would, by ptrace.
#
# Time limit: 240 s
# SPDX-License-Identifier: GPL-3.0-or-later

import ctypes
import glob
import os
import re
import signal
import sys
import time

sys.dont_write_bytecode = True  # of the modules
from manager import (PROGRAM, PLAY, WATCHDOG_S, Manager, check, listens, need, results, settings,
                     start, start_player, start_server, stop, within, work)
import realtime  # where manager has found it

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000


def start_program(manager, watchdog_pid=None):
    ports = settings()
    environment = dict(os.environ, NOTIFY_SOCKET=manager.name,
                       WATCHDOG_USEC=str(WATCHDOG_S * 1000000))
    if watchdog_pid:
        environment["WATCHDOG_PID"] = watchdog_pid
    arguments = [f"-S{name}={value}" for name, value in ports.items()]
    return start(realtime.WATCHED, PROGRAM, "-q", *arguments, env=environment), ports


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
    child = start("sleep", "5")
    try:
        with Stopped(child, "sleep"):
            return True
    except OSError:
        return False
    finally:
        stop(child)


def without_a_server(manager):
    program, ports = start_program(manager)
    check("it is ready without a JACK server", manager.told("READY=1"), manager.said)
    check("and listens by then", listens(ports["web.port"]))
    check("the status says that JACK is waited for",
          within(3, lambda: "waiting for the server" in manager.status()), manager.said)
    check("the watchdog is fed while there is no server", manager.is_fed(), manager.said)
    return program


def while_it_hears(manager):
    within(10, lambda: "JACK: running" in manager.status())
    player = start_player()
    told = r"=[a-z]+, [0-9.]+ BPM; JACK: running"  # which tempo depends on the machine's load
    found = within(40, lambda: re.search(told, manager.status()))
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
    stop(server)
    check("it is fed when the server has gone", manager.is_fed(), manager.said[-5:])


def reload_and_end(manager, program):
    since = time.monotonic()
    program.send_signal(signal.SIGHUP)
    check("SIGHUP is told: reloading, then ready", manager.told("RELOADING=1\nMONOTONIC_USEC=",
          since) and manager.told("READY=1", since), manager.said[-5:])
    status = stop(program)
    check("so is the end", manager.told("STOPPING=1") and status == 0, status, manager.said[-5:])


def with_an_abstract_name():
    manager = Manager(f"@ja-{os.getpid()}/notify")
    program, _ = start_program(manager, watchdog_pid="1")
    check("a socket in the abstract space is told, too", manager.told("READY=1"))
    time.sleep(WATCHDOG_S)
    check("a watchdog of another process is not fed", not manager.has_said("WATCHDOG=1"))
    stop(program)


def with_nobody_there():
    manager = Manager(work + "/deaf")
    manager.name = work + "/nobody"
    program, ports = start_program(manager)
    check("a manager that is not there is no reason not to run",
          within(10, lambda: listens(ports["web.port"])) and program.poll() is None)
    check("nor to end otherwise than with 0", stop(program) == 0)


need(PROGRAM, PLAY, "jackd", "jack_lsp")
realtime.watch()
manager = Manager(work + "/notify")
program = without_a_server(manager)
server = start_server()
player = while_it_hears(manager)
when_threads_stop(manager, program)
stop(player)
when_jack_stops(manager, server)
reload_and_end(manager, program)
with_an_abstract_name()
with_nobody_there()
passed, name = realtime.judge()
check(name, passed)
results()
