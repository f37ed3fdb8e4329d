#!/usr/bin/python3
# The whole program built with sanitizers, live: a JACK server and sound, every command, WebSockets,
# requests and hostile packets, all at once. Nothing may be complained about.
# Time limit: 240 s
#
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.dont_write_bytecode = True
sys.path += ["test/web", "test/net", "test/support"]
import realtime
from client import WebSocket, free_tcp_port, request
from hostile import check, free_port, message, mutations, nasty, noise, results

SERVER = "ja-%d-sanitized" % os.getpid()
PLAY = "build/plain/test/tools/ja-play"
SECONDS = float(os.environ.get("SECONDS_EACH", "12"))
os.environ.update(JACK_DEFAULT_SERVER=SERVER, JACK_NO_START_SERVER="1",
                  JACK_NO_AUDIO_RESERVATION="1")
# libjack does not join the thread of a client that the server no longer calls.
os.environ["TSAN_OPTIONS"] = "halt_on_error=0 atexit_sleep_ms=0 report_thread_leaks=0 exitcode=66"

COMMANDS = [("tap", ""), ("resync", ""), ("nudge", "f", 5.0), ("half", "f", 1.0), ("double", ""),
            ("hold", "if", 1, 0.5), ("lock", "i", 1), ("auto", ""), ("range", "ff", 70.0, 170.0),
            ("feedback", "s", "good"), ("test-beats", "fif", 128.0, 1, 0.5), ("learn", "s", "tap"),
            ("set", "sf", "onset.threshold", 0.4), ("set", "ss", "target.default.rate_hz", "20"),
            ("set", "si", "os2l.desk.port", 9), ("get", "s", "onset.threshold"),
            ("preset", "s", "genre/techno"), ("preset", "s", "target/resolume"), ("reset", ""),
            ("pause", ""), ("resume", ""), ("mute", "si", "default", 1),
            ("mute", "si", "default", 0), ("level", "s", "low"), ("level", "s", "auto"),
            ("subscribe", "si", "all", 0), ("unsubscribe", "si", "all", 0), ("get_stats", ""),
            ("list_streams", ""), ("nothing", "")]


def fixed():
    """gcc's sanitizers do not cope with every kernel's address randomisation."""
    setarch = ["setarch", "-R"]
    return setarch if not subprocess.call(setarch + ["true"], stderr=subprocess.DEVNULL) else []


class Stage:
    """The program, and until when it is pestered."""

    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory()
        self.web, self.query, self.control = free_tcp_port(), free_tcp_port(), free_port()
        options = ["control.port=%d" % self.control, "web.port=%d" % self.web,
                   "oscquery.port=%d" % self.query, "target.default.port=%d" % free_port(),
                   "stream.main.connect=deck:.*"]
        command = fixed() + [program, "-v", "-n", "sanitized", "-e", "/dev/null"]
        for option in options:
            command += ["-S", option]
        self.log = open(os.path.join(self.folder.name, "log"), "w+b")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log,
            env=dict(os.environ, STATE_DIRECTORY=self.folder.name, HOME=self.folder.name,
                     XDG_CONFIG_HOME=self.folder.name))
        self.counts = {}
        self.end = 0

    def wait(self):
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.web), 1).close()
                return self.process.poll() is None
            except OSError:
                time.sleep(0.1)
        return False

    def runs_on_jack(self):
        """Whether it does so soon: a server leaves out a client that is late again and again."""
        for _ in range(40):
            metrics = request(self.web, "GET", "/metrics")[-1]
            if b"\njack_analyzer_jack_running 1\n" in metrics:
                return True
            time.sleep(0.5)
        return False

    def repeat(self, act):
        """In a thread of its own, again and again, and at least once; what a refused connection
        brings is no matter."""
        while time.monotonic() < self.end + (0 if self.counts.get(act.__name__) else 60):
            try:
                act()
                self.counts[act.__name__] = self.counts.get(act.__name__, 0) + 1
            except (OSError, ConnectionError):
                time.sleep(0.05)

    def command(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for name, *arguments in COMMANDS:
                sender.sendto(message("/ja/ctl/" + name, *arguments), ("127.0.0.1", self.control))
                time.sleep(0.01)

    def throw(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for packet in list(nasty()) + list(noise(50)) + list(mutations(200)):
                try:
                    sender.sendto(packet, ("127.0.0.1", self.control))
                except OSError:
                    pass  # too large
                time.sleep(0.002)

    def browse(self):
        for path in ("/", "/metrics", "/api/v1/options", "/api/v1/stream/list", "/api/v1/ports",
                     "/api/v1/presets", "/none"):
            request(self.web, "GET", path)
        request(self.web, "PUT", "/api/v1/options/onset.threshold", [], b'{"value": 0.3}')
        request(self.query, "GET", "/")

    def listen(self):
        one = WebSocket(self.web)
        one.say({"command": "subscribe", "outputs": ["beat", "analysis", "metrics"],
                 "rate_hz": random.choice((5, 30, 100))})
        one.say({"command": "nudge", "args": [1]})
        for _ in range(20):
            one.hear(0.5)
        one.close()
        other = WebSocket(self.query, path="/")
        other.say({"COMMAND": "LISTEN", "DATA": "/ja/level/rms"})
        other.hear(0.5)
        other.close()

    def pester(self):
        self.end = time.monotonic() + SECONDS
        acts = [self.command, self.throw, self.browse, self.listen, self.listen]
        threads = [threading.Thread(target=self.repeat, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.seek(0)
        return self.process.returncode, self.log.read().decode(errors="replace")


def check_build(build):
    stage = Stage("build/%s/jack-analyzer" % build)
    there = stage.wait()
    check(there, "%s: it starts" % build)
    if there:
        stage.pester()
        check(stage.process.poll() is None, "%s: it lives through all that" % build)
        few = [name for name in ("command", "throw", "browse", "listen")
               if not stage.counts.get(name)]
        check(not few, "%s: all of it was done" % build, stage.counts)
        check(stage.runs_on_jack(), "%s: with a JACK server" % build)
        print("# rounds: " + ", ".join("%s %d" % one for one in sorted(stage.counts.items())))
    status, log = stage.stop()
    complaints = [line for line in log.splitlines()
                  if "Sanitizer" in line or "runtime error" in line]
    check(status == 0 and not complaints, "%s: no sanitizer complains" % build,
          "status %s\n# " % status + "\n# ".join(log.splitlines()[-60:]))


def main():
    builds = [build for build in ("address-undefined", "thread")
              if os.access("build/%s/jack-analyzer" % build, os.X_OK)]
    if not builds or not os.access(PLAY, os.X_OK):
        print("1..0 # SKIP nothing built with sanitizers, or no ja-play")
        return 0
    server = realtime.start_jackd(48000, 1024)
    try:
        player = subprocess.Popen([PLAY, "-l", "-n", "deck", "synth:demo"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for build in builds:
            check_build(build)
        player.terminate()
        player.wait()
    finally:
        server.terminate()
        server.wait()
    print("1..%d" % sum(results))
    return 1 if results[1] else 0


if __name__ == "__main__":
    sys.exit(main())
