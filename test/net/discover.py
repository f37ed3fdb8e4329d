#!/usr/bin/python3
# Shows the real program by DNS-SD and lets it find a DMX program, with a D-Bus and an Avahi daemon
# of its own, on the loopback only.
# Time limit: 90 s
# Goes beside others.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # of the module beside this file
import own_network
from hostile import PROGRAM, check, free_port, results

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/>
<allow own="*"/></policy></busconfig>"""
AVAHI = """[server]
host-name=ja-%d
allow-interfaces=lo
use-ipv6=no
[publish]
publish-workstation=no
"""


def skip(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


class Daemons:
    """A system bus, and an Avahi daemon on it that sees the loopback alone."""

    def __init__(self, folder):
        bus = os.path.join(folder, "bus")
        for name, text in (("bus.conf", BUS % bus), ("avahi.conf", AVAHI % os.getpid())):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=" + bus
        self.folder = folder
        self.log = open(os.path.join(folder, "log"), "w+")
        self.running = [self.start("dbus-daemon", "--config-file=" + folder + "/bus.conf",
                                   "--nofork", "--nopidfile")]

    def start(self, *command):
        return subprocess.Popen(command, stdout=self.log, stderr=self.log,
                                stdin=subprocess.DEVNULL)

    def start_avahi(self):
        daemon = self.start("avahi-daemon", "-f", self.folder + "/avahi.conf", "--no-drop-root",
                            "--no-chroot", "--no-rlimits")
        self.running.append(daemon)
        for _ in range(50):
            if subprocess.run(["avahi-browse", "-atp"], capture_output=True).returncode == 0:
                return True
            if daemon.poll() is not None:
                return False
            time.sleep(0.2)
        return False

    def stop(self):
        for daemon in reversed(self.running):
            daemon.terminate()
            daemon.wait()


class Program:
    """The program with some options, without a JACK server."""

    def __init__(self, *options):
        self.log = tempfile.TemporaryFile()
        self.settings = tempfile.NamedTemporaryFile(suffix=".conf")
        self.control, self.query, self.page = free_port(), free_port(), free_port()
        command = [PROGRAM, "-s", "ja-%d-none" % os.getpid(), "-c", self.settings.name]
        for option in ("jack.name=ja-%d" % os.getpid(), "control.port=%d" % self.control,
                       "oscquery.port=%d" % self.query, "web.port=%d" % self.page,
                       "target.default.enable=false", *options):
            command += ["-S", option]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.log)

    def said(self):
        return os.pread(self.log.fileno(), 1 << 20, 0).decode()

    def stop(self):
        """(exit status, what it said)"""
        self.process.terminate()
        return self.process.wait(10), self.said()


def shown():
    """{(type, port)} of what is shown under our name."""
    lines = subprocess.run(["avahi-browse", "-atprk"], capture_output=True, text=True,
                           timeout=20).stdout.splitlines()
    fields = [line.split(";") for line in lines if line.startswith("=")]
    return {(field[4], int(field[8])) for field in fields if field[3] == "ja-%d" % os.getpid()}


def wait_for(wanted, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if wanted():
            return True
        time.sleep(0.2)
    return False


def check_without_daemon():
    program = Program("control.address=0.0.0.0")
    wait_for(lambda: "no help from the Avahi daemon" in program.said())
    time.sleep(1)
    status, log = program.stop()
    check(status == 0 and log.count("no help from the Avahi daemon") == 1,
          "without a daemon it runs, and says so once", log)


def check_shown():
    program = Program("control.address=0.0.0.0", "oscquery.address=0.0.0.0", "web.address=0.0.0.0")
    wanted = {("_osc._udp", program.control), ("_oscjson._tcp", program.query),
              ("_http._tcp", program.page)}
    if "oscquery.port" not in subprocess.run([PROGRAM, "--list-options"], capture_output=True,
                                             text=True).stdout:
        wanted = {("_osc._udp", program.control)}
    check(wait_for(lambda: shown() == wanted), "what others can reach is shown", shown())
    program.stop()
    check(wait_for(lambda: not shown()), "and no longer when it has ended", shown())
    program = Program()
    time.sleep(2)
    check(not shown(), "what listens on the loopback alone is not shown", shown())
    program.stop()


def check_found(daemons):
    listener = socket.create_server((own_network.ADDRESS, 0))
    listener.settimeout(20)
    daemons.running.append(daemons.start("avahi-publish", "-s", "DMX", "_os2l._tcp",
                                         str(listener.getsockname()[1])))
    program = Program("os2l.desk.host=auto")
    try:
        listener.accept()
        found = True
    except OSError:
        found = False
    status, log = program.stop()
    check(found and "os2l desk: found at " + own_network.ADDRESS in log,
          "a DMX program is found and connected to", log)
    check(status == 0, "it ends with status 0", log)


def main():
    if not os.access(PROGRAM, os.X_OK):
        skip("there is no " + PROGRAM)
    if "libavahi-client" not in subprocess.run(["ldd", PROGRAM], capture_output=True,
                                               text=True).stdout:
        skip(PROGRAM + " was built without Avahi")
    for tool in ("dbus-daemon", "avahi-daemon", "avahi-browse", "avahi-publish"):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin"):
            skip("there is no " + tool)
    os.environ["PATH"] += ":/usr/sbin"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        daemons = Daemons(folder)
        try:
            wait_for(lambda: os.path.exists(folder + "/bus"), 5)
            check_without_daemon()
            if daemons.start_avahi():
                check_shown()
                check_found(daemons)
            else:
                daemons.log.seek(0)
                print("ok %d # SKIP no Avahi daemon can be started: %s" %
                      (sum(results) + 1, daemons.log.read()[-200:].replace("\n", " ")))
                results[0] += 1
        finally:
            daemons.stop()
    print("1..%d" % sum(results))
    return 1 if results[1] else 0


if __name__ == "__main__":
    own_network.enter()
    sys.exit(main())
