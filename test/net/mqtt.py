#!/usr/bin/python3
# Lets the real program tell a real MQTT broker (mosquitto) what the music is like: what the broker
# keeps, passwords and TLS, and that a broker that is gone or stuck holds nothing up.
# Time limit: 150 s
# Goes beside others.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # of the modules beside this file
from hostile import PROGRAM, check, results
from steer import Program

SECRET = "s3cret-of-the-test"
MUSIC = ("--file", "synth:drums?bpm=126&seconds=300", "--paced")
VALUES = ["bpm", "key", "section", "state", "playing", "energy"]


def free_tcp_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """mosquitto with one listener on loopback; some folder is its own."""

    def __init__(self, folder, name, *lines):
        self.port = free_tcp_port()
        self.settings = os.path.join(folder, name + ".conf")
        with open(self.settings, "w") as file:
            print("user root\nlistener %d 127.0.0.1" % self.port, *lines, sep="\n", file=file)
        self.start()

    def start(self):
        self.process = subprocess.Popen(["mosquitto", "-c", self.settings],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        self.process.wait()


class Listener:
    """mosquitto_sub on everything: (topic, retained, payload) as they come."""

    def __init__(self, broker, *options):
        self.process = subprocess.Popen(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", "#",
             "-F", "%t\t%r\t%p", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True)
        self.heard = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            topic, retained, payload = line.rstrip("\n").split("\t")
            self.heard.append((topic, retained == "1", payload))

    def last(self, topic):
        return ([payload for at, _, payload in list(self.heard) if at == topic] or [None])[-1]

    def wait(self, topic, wanted, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            payload = self.last(topic)
            if payload is not None and wanted(payload):
                return True
            time.sleep(0.05)
        return False

    def stop(self):
        self.process.terminate()
        self.process.wait()


def settings(broker, **options):
    options = dict(port=broker.port, **options)
    return [part for name, value in options.items()
            for part in ("-S", "mqtt.home.%s=%s" % (name, value))]


def check_values(listener):
    at = "jack-analyzer/home/"
    check(listener.wait(at + "status", lambda p: p == "online", 20), "the broker hears: online",
          listener.heard)
    check(listener.wait(at + "state", lambda p: p == "locked", 20), "the state",
          listener.last(at + "state"))
    check(listener.wait(at + "bpm", lambda p: p != "None" and abs(float(p) - 126) < 1, 20),
          "the tempo", listener.last(at + "bpm"))
    check(listener.last(at + "playing") == "ON", "that music plays", listener.last(at + "playing"))
    check(listener.wait(at + "energy", lambda p: p != "None" and 0 <= float(p) <= 1, 10),
          "the energy", listener.last(at + "energy"))


def check_kept(broker, options):
    """Who comes later gets all of it, and Home Assistant what it needs."""
    late = Listener(broker, *options)
    late.wait("jack-analyzer/home/status", lambda p: True, 10)
    time.sleep(0.5)
    first = {}
    for topic, retained, payload in late.heard:
        first.setdefault(topic, (retained, payload))
    late.stop()
    missing = [v for v in VALUES if not first.get("jack-analyzer/home/" + v, (False,))[0]]
    check(not missing, "every value is kept for who comes later", missing)
    known = {topic: json.loads(payload) for topic, (_, payload) in first.items()
             if topic.startswith("homeassistant/") and topic.endswith("/config")}
    fine = [one for topic, one in known.items()
            if one["state_topic"] in first and one["availability_topic"] in first and
            first[topic][0] and one["device"]["identifiers"] == ["jack-analyzer_home"]]
    check(len(fine) == len(VALUES) == len({one["unique_id"] for one in fine}),
          "Home Assistant is told of each", known)


def check_rate(listener):
    start, before = time.monotonic(), len(listener.heard)
    time.sleep(5)
    news = [topic for topic, _, _ in listener.heard[before:]]
    most = max((news.count(topic) for topic in set(news)), default=0)
    check(most <= time.monotonic() - start + 2, "nothing comes more than once a second", most)


def check_trouble(program, broker, options):
    def answers():
        return all(program.ask("ping", seconds=5) for _ in range(20))

    broker.process.send_signal(signal.SIGSTOP)
    time.sleep(2)
    check(answers(), "a broker that does not read holds nothing up")
    broker.kill()
    time.sleep(2)
    check(answers(), "nor one that is gone")
    broker.start()
    listener = Listener(broker, *options)
    check(listener.wait("jack-analyzer/home/status", lambda p: p == "online", 30) and
          listener.wait("jack-analyzer/home/bpm", lambda p: p != "None", 30),
          "one that is back hears everything again", listener.heard)
    return listener


def check_end(program, broker, listener, arguments):
    status = "jack-analyzer/home/status"
    check(program.stop() == 0 and listener.wait(status, lambda p: p == "offline", 10),
          "at the end it says offline", listener.last(status))
    program = Program(*MUSIC, *arguments)
    listener.wait(status, lambda p: p == "online", 20)
    program.process.kill()
    check(listener.wait(status, lambda p: p == "offline", 20),
          "when it dies the broker says so for it", listener.last(status))
    program.process.wait()


def check_refusal(folder, name, expected, *arguments):
    """What the program says until `expected` is in it; it must neither end nor tell the secret."""
    log = os.path.join(folder, "log")
    with open(log, "w") as file:
        program = Program(*MUSIC, *arguments, log=file)
    said = ""
    for _ in range(200):
        with open(log) as file:
            said = file.read()
        if expected in said or program.process.poll() is not None:
            break
        time.sleep(0.05)
    runs = program.process.poll() is None
    program.stop()
    check(expected in said and runs and SECRET not in said, name, said)


def check_secrets(folder, broker, credentials):
    readable = os.path.join(folder, "readable")
    shutil.copy(credentials, readable)
    os.chmod(readable, 0o640)
    empty = os.path.join(folder, "empty.conf")
    open(empty, "w").close()
    arguments = [PROGRAM, "-c", empty, "-S", "control.enable=false", *MUSIC,
                 *settings(broker, credentials_file=readable)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=30)
    check(done.returncode != 0 and readable in done.stderr and "0640" in done.stderr and
          SECRET not in done.stderr, "a password that others may read is refused", done.stderr)
    wrong = os.path.join(folder, "wrong")
    with open(os.open(wrong, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write("jane\nnot-%s\n" % SECRET)
    check_refusal(folder, "a wrong password is told, and does not end it", "refuses",
                  *settings(broker, credentials_file=wrong))
    printed = subprocess.run([PROGRAM, "-c", empty, "--print-config",
                              *settings(broker, credentials_file=credentials)],
                             capture_output=True, text=True)
    check(credentials in printed.stdout and SECRET not in printed.stdout,
          "--print-config has the file's name alone", printed.stderr)


def certificate(folder, name):
    """A self-made certificate for 127.0.0.1: its file, and its key's."""
    files = [os.path.join(folder, name + end) for end in (".crt", ".key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1",
                    "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


def check_tls(folder):
    certified, key = certificate(folder, "broker")
    other, _ = certificate(folder, "other")
    broker = Broker(folder, "tls", "certfile " + certified, "keyfile " + key,
                    "allow_anonymous true")
    listener = Listener(broker, "--cafile", certified)
    program = Program(*MUSIC, *settings(broker, ca_file=certified))
    check(listener.wait("jack-analyzer/home/status", lambda p: p == "online", 20),
          "TLS with a certificate that is trusted", listener.heard)
    check(program.stop() == 0 and
          listener.wait("jack-analyzer/home/status", lambda p: p == "offline", 10),
          "and its end", listener.heard)
    check_refusal(folder, "a certificate that is not trusted is told", "TLS",
                  *settings(broker, ca_file=other))
    listener.stop()
    broker.kill()


def main():
    for tool in ("mosquitto", "mosquitto_sub", "mosquitto_passwd", "openssl"):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin"):
            print("1..0 # SKIP %s is missing" % tool)
            return 0
    os.environ["PATH"] += ":/usr/sbin"
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout
    if "with MQTT" not in version:
        print("1..0 # SKIP built without MQTT")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        passwords, credentials = os.path.join(folder, "passwords"), os.path.join(folder, "own")
        subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "jane", SECRET], check=True)
        with open(os.open(credentials, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write("jane\n%s\n" % SECRET)
        broker = Broker(folder, "plain", "password_file " + passwords, "allow_anonymous false")
        options = ["-u", "jane", "-P", SECRET]
        arguments = settings(broker, credentials_file=credentials)
        listener = Listener(broker, *options)
        program = Program(*MUSIC, *arguments)
        check_values(listener)
        check_kept(broker, options)
        check_rate(listener)
        listener.stop()
        listener = check_trouble(program, broker, options)
        check_end(program, broker, listener, arguments)
        check_secrets(folder, broker, credentials)
        listener.stop()
        broker.kill()
        check_tls(folder)
    print("1..%d" % sum(results))
    return 1 if results[1] else 0


if __name__ == "__main__":
    sys.exit(main())
