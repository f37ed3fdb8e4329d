#!/usr/bin/python3
# Looks for secrets, the web's token and the password for an MQTT broker, in everything that the real
# program says; and gives it files to read that are none.
# Time limit: 200 s
# Goes beside others.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client import WebSocket, free_tcp_port, request
import own_network
from hostile import PROGRAM, check, free_port, message, read_ack, results

TOKEN = "5ec2e7" * 10 + "beef"
PASSWORD = "Geheimnis-7f3a"
USER = "the-user"


def contains_secret(text):
    text = text if isinstance(text, bytes) else text.encode()
    return any(secret.encode() in text for secret in (TOKEN, PASSWORD, TOKEN[:20]))


class Place:
    """A folder with both secrets, and a configuration that uses them."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.token = self.write("web-token", TOKEN)
        self.mqtt = self.write("credentials", "%s\n%s\n" % (USER, PASSWORD))
        self.ports = {"web": free_tcp_port(), "oscquery": free_tcp_port(), "control": free_port()}
        self.settings = self.write("settings.conf", """
            web: { address = "0.0.0.0"; port = %(web)d; };
            oscquery: { port = %(oscquery)d; };
            control: { port = %(control)d; };
            target: { default: { enable = false; }; };""" % self.ports + """
            mqtt: { home: { host = "127.0.0.1"; port = %d; credentials_file = "%s"; }; };
            """ % (free_tcp_port(), self.mqtt))

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def fifo(self, name):
        path = self.path(name)
        if os.path.lexists(path):
            os.unlink(path)
        os.mkfifo(path, 0o600)
        return path

    def environment(self):
        return dict(os.environ, STATE_DIRECTORY=self.folder.name, HOME=self.folder.name,
                    XDG_CONFIG_HOME=self.folder.name)

    def command(self, *arguments):
        return [PROGRAM, "-v", "-c", self.settings] + list(arguments)

    def run(self, *arguments, seconds=20):
        """(exit status, everything said), status None when it had to be ended."""
        try:
            done = subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=seconds, env=self.environment())
        except subprocess.TimeoutExpired as late:
            return None, (late.stdout or b"") + (late.stderr or b"")
        return done.returncode, done.stdout + done.stderr


# --- What it says while it runs ---

PATHS = ["/", "/metrics", "/none"] + ["/api/v1/" + name for name in (
    "stream/list", "stream/stats/main", "stream/health", "options", "presets", "commands", "ports",
    "openapi.json", "options/mqtt.home.credentials_file", "options/web.address", "none")]


def ask_web(place):
    port, bearer = place.ports["web"], ["Authorization: Bearer " + TOKEN]
    for path in PATHS:
        for query, headers in (("", []), ("", bearer), ("?token=" + TOKEN, []),
                               ("?token=" + TOKEN + "x", []), ("", ["Authorization: " + TOKEN])):
            yield path, request(port, "GET", path + query, headers)[-1]
    for body in ('{"command":"get","args":["mqtt.home.credentials_file"]}', '{"command":"get_stats"}',
                 "nonsense"):
        yield body, request(port, "POST", "/api/v1/command", bearer, body.encode())[-1]
    for path in ("/", "/?HOST_INFO", "/ja/option/mqtt"):
        yield "oscquery " + path, request(place.ports["oscquery"], "GET", path)[-1]


def listen_to_bus(place):
    """A hundred messages, or what comes in 20 s."""
    one = WebSocket(place.ports["web"], path="/api/v1/events?token=" + TOKEN)
    end = time.monotonic() + 20
    for _ in range(100):
        _, payload = one.hear(max(0, end - time.monotonic()))
        if payload:
            yield payload
    one.close()


def ask_osc(place, names):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(20)
        for name in names:
            asker.sendto(message("/ja/ctl/get", "s", name), ("127.0.0.1", place.ports["control"]))
            yield name, read_ack(asker.recv(65536))[2]


def wait_for(port):
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def check_running(place):
    out = place.path("out")
    with open(out, "wb") as file:
        process = subprocess.Popen(
            place.command("-f", "synth:demo", "--paced", "-e", "-", "--frames", place.path("frames")),
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=place.environment())
        there = wait_for(place.ports["web"])
        check(there, "it runs with both secrets")
        if there:
            said = list(ask_web(place))
            check(len(said) > 50 and not [what for what, text in said if contains_secret(text)],
                  "no answer by HTTP tells a secret",
                  [what for what, text in said if contains_secret(text)])
            options = json.loads(request(place.ports["web"], "GET", "/api/v1/options",
                                         ["Authorization: Bearer " + TOKEN])[-1])["options"]
            names = [option["name"] for option in options]
            said = list(ask_osc(place, names))
            check(len(said) > 100 and not [what for what, text in said if contains_secret(text)],
                  "no option tells a secret", [one for one in said if contains_secret(one[1])])
            bus = list(listen_to_bus(place))
            check(len(bus) > 10 and not any(map(contains_secret, bus)),
                  "nor does the live bus", len(bus))
            with open("/proc/%d/cmdline" % process.pid, "rb") as file:
                check(not contains_secret(file.read()), "nor do the arguments")
        process.send_signal(signal.SIGTERM)
        check(process.wait(20) == 0, "it ends well")
    for name in ("out", "frames"):
        with open(place.path(name), "rb") as file:
            text = file.read()
        check(text and not contains_secret(text), "nothing in " + name,
              [line for line in text.splitlines() if contains_secret(line)][:3])
    with open(place.path("out"), "rb") as file:
        check(b"mqtt home" in file.read(), "though the broker was tried")


# --- What it says when something is wrong ---


def check_sentences(place):
    for arguments in (["--print-config"], ["--list-options"], ["--check"], ["--list-presets"],
                      ["-S", "mqtt.home.password=" + PASSWORD],
                      ["-S", "web.token=" + TOKEN]):
        status, said = place.run(*arguments)
        check(status == (2 if "-S" in arguments else 0) and said and not contains_secret(said),
              "no secret in %s %s" % (arguments[0], arguments[-1].split("=")[0]), (status, said))
    wrong = {"credentials": ("%s\n%s\nmore\n" % (USER, PASSWORD), PASSWORD,
                             USER + "\n" + PASSWORD * 200),
             "web-token": (TOKEN + "more", TOKEN[:-1], TOKEN.upper() + TOKEN)}
    for name, texts in wrong.items():
        for i, text in enumerate(texts):
            place.write(name, text)
            status, said = place.run("-f", "synth:demo", "--paced")
            check(status in (1, 2) and name.encode() in said and not contains_secret(said),
                  "wrong %s %d is refused without a word of it" % (name, i), (status, said[-500:]))
        place.write(name, texts[0], 0o644)
        status, said = place.run("-f", "synth:demo", "--paced")
        check(status in (1, 2) and name.encode() in said and not contains_secret(said),
              "%s that others can read is refused" % name, (status, said[-500:]))
        place.write(name, TOKEN if name == "web-token" else "%s\n%s\n" % (USER, PASSWORD))


# --- Files that are none ---


def check_no_files(place):
    """None of these is ever written to: who waited for that would not come back."""
    for name, arguments in (
            ("settings.conf", ["--check"]),
            ("web-token", ["-f", "synth:demo", "--paced"]),
            ("credentials", ["-f", "synth:demo", "--paced"]),
            ("certificates", ["-f", "synth:demo", "--paced", "-S",
                              "mqtt.home.ca_file=" + place.path("certificates")])):
        kept = open(place.path(name)).read() if os.path.exists(place.path(name)) else None
        place.fifo(name)
        status, said = place.run(*arguments)
        check(status in (1, 2) and b"is not a regular file" in said and name.encode() in said,
              "a FIFO as %s is refused" % name, (status, said[-500:]))
        os.unlink(place.path(name))
        if kept is not None:
            place.write(name, kept)
    os.makedirs(place.path("jack-analyzer/presets/genre"))
    place.fifo("jack-analyzer/presets/genre/pipe.conf")
    status, said = place.run("--check", "-p", "genre/pipe")
    check(status == 2 and b"is not a regular file" in said, "a FIFO as preset is refused",
          (status, said[-500:]))
    os.unlink(place.path("jack-analyzer/presets/genre/pipe.conf"))
    place.fifo("default.model")
    process = subprocess.Popen(place.command("-s", "ja-%d-none" % os.getpid()),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, env=place.environment())
    there = wait_for(place.ports["web"])
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=20)[1]
    check(there and process.returncode == 0 and b"is not a regular file; now it is called .bad" in
          said, "a FIFO as model is put aside", said[-500:])


def check_new_token(place):
    """A new one is shown to who sits at the terminal, and to nobody else."""
    os.unlink(place.token)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(place.command("-s", "ja-%d-none" % os.getpid()),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
                               env=place.environment())
    os.close(theirs)
    wait_for(place.ports["web"])
    process.send_signal(signal.SIGTERM)
    said = b""
    try:
        while True:
            more = os.read(ours, 65536)
            said += more
            if not more:
                break
    except OSError:
        pass  # the other side is closed
    process.wait(20)
    made = open(place.token, "rb").read()
    check(re.fullmatch(b"[0-9a-f]{64}", made) and said.count(made) == 1,
          "a new token is shown at a terminal", said)


def main():
    if not os.access(PROGRAM, os.X_OK):
        print("1..0 # SKIP there is no " + PROGRAM)
        return 0
    place = Place()
    check_running(place)
    check_sentences(place)
    check_no_files(place)
    check_new_token(place)
    print("1..%d" % sum(results))
    return 1 if results[1] else 0


if __name__ == "__main__":
    own_network.enter()
    sys.exit(main())
