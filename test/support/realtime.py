# For live tests in Python: a JACK server in real time, precedence on a busy machine, and the
# real-time check: what WATCHED starts is watched, judge() has the verdict.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("BUILD", "build/plain")
WATCHED = "test/rt/watched"  # from the top folder; put it before the program
ALLOWED = subprocess.call(["chrt", "-f", "60", "true"], stderr=subprocess.DEVNULL) == 0
# Of jackd: without real time its cycles are late on a busy machine, and its clock is off.
SERVER_MODE = ["-R", "-P60"] if ALLOWED else ["-r"]


def start_jackd(rate, period):
    """A server under JACK_DEFAULT_SERVER's name, when clients can come to it; without one there is
    nothing to test."""
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            ["jackd", *SERVER_MODE, "-n", os.environ["JACK_DEFAULT_SERVER"], "-d", "dummy",
             "-r", str(rate), "-p", str(period)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        end = time.monotonic() + 20
        while server.poll() is None and time.monotonic() < end:
            if subprocess.run(["jack_lsp"], capture_output=True).returncode == 0:
                return server
            time.sleep(0.02)
        server.terminate()
        server.wait()
        log.seek(0)
        print("Bail out! no JACK server can be started")
        for line in log.read().decode(errors="replace").splitlines():
            print("#", line)
    sys.exit(1)


def take_precedence():
    """This test and what it starts come before what else runs on the machine, where that is
    allowed: for tests of what is done in time, not of how a starved program fares."""
    if ALLOWED:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def watch(within=None):
    """From now on, what is started by WATCHED is watched; reports go to a folder `within`."""
    os.environ["RTCHECK_DIR"] = folder = tempfile.mkdtemp(dir=within)
    atexit.register(shutil.rmtree, folder, True)


def judge(least=1):
    """(passed, name of the result), over all callbacks so far; remarks are printed."""
    if not BUILD.endswith("plain"):
        return True, "no violation # SKIP the real-time check needs a build without sanitizer"
    found = subprocess.run([BUILD + "/test/rt/verdict", os.environ["RTCHECK_DIR"], str(least)],
                           stdout=subprocess.PIPE, text=True)
    name, *remarks = found.stdout.splitlines() or ["the real-time check has no verdict"]
    for remark in remarks:
        print(remark, flush=True)
    return found.returncode == 0, name
