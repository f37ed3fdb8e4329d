# Beat trackers as programs: starts them on a sound file, reads their beats, remembers answers.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import threading

TIME_LIMIT_S = 900


class Failed(Exception):
    pass


def run(command):
    """What a command prints, and the CPU seconds it took."""
    with tempfile.TemporaryFile() as complaint:
        process = subprocess.Popen(["timeout", str(TIME_LIMIT_S)] + command,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=complaint)
        with process.stdout:
            printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            complaint.seek(0)
            reason = complaint.read().decode(errors="replace").strip()
            raise Failed("%s: %s" % (shlex.join(command),
                                     reason[-400:] or "status %d" % process.returncode))
    return printed.decode(errors="replace"), usage.ru_utime + usage.ru_stime


def beat(time, emitted=None, confidence=None, bpm=None, bar=None):
    return {"time": time, "emitted": time if emitted is None else emitted,
            "confidence": confidence, "bpm": bpm, "bar": bar}


def read_events(printed):
    """The program's own JSON lines."""
    beats, locked = [], None
    for event in map(json.loads, printed.splitlines()):
        if event["type"] == "beat":
            beats.append(beat(event["time"], event["emitted"], event["confidence"], event["bpm"],
                              event["beat_in_bar"]))
        elif event["type"] == "state" and event["state"] == "locked" and locked is None:
            locked = event["emitted"]
    return beats, locked


def read_lines(printed):
    """One beat a line: its time, and optionally the later time at which it was told."""
    beats = []
    for line in printed.splitlines():
        words = line.split()
        try:
            numbers = [float(word) for word in words[:2]]
        except ValueError:
            continue
        if numbers:
            emitted = numbers[1] if len(numbers) > 1 else None
            beats.append(beat(numbers[0], emitted))
    return beats, None


class Tracker:
    """A command with {} for the sound file (at its end, if there is none)."""

    def __init__(self, name, command, read=read_lines):
        self.name, self.read, self.has_states = name, read, read is read_events
        self.command = command if any("{}" in word for word in command) else command + ["{}"]
        program = shutil.which(self.command[0])
        if not program:
            raise Failed("%s: there is no such program" % self.command[0])
        about = os.stat(program)
        self.identity = [self.command, os.path.realpath(program), about.st_size, about.st_mtime_ns]

    def start(self, sound):
        printed, cpu = run([word.replace("{}", sound) for word in self.command])
        beats, locked = self.read(printed)
        beats.sort(key=lambda b: max(b["time"], b["emitted"]))
        return {"beats": beats, "locked": locked, "cpu": cpu}


class Memory:
    """Answers by tracker and content of the sound, in a folder. A rebuilt tracker is a new one."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)

    def path(self, tracker, digest):
        key = json.dumps([tracker.identity, digest]).encode()
        return os.path.join(self.folder, hashlib.sha1(key).hexdigest() + ".json")

    def recall(self, tracker, digest):
        try:
            with open(self.path(tracker, digest)) as file:
                return json.load(file)
        except (OSError, ValueError):
            return None

    def keep(self, tracker, digest, answer):
        path = self.path(tracker, digest)
        own = "%s.%d" % (path, threading.get_ident())
        with open(own, "w") as file:
            json.dump(answer, file)
        os.replace(own, path)


def ours(build, name="ours", options=()):
    command = [os.path.join(build, "jack-analyzer"), "-q"]
    for option in options:
        command += ["-S", option]
    return Tracker(name, command + ["-f", "{}", "-e", "-"], read_events)


def from_command(text):
    """A tracker given as one line of shell words; "NAME=command" names it."""
    words = shlex.split(text)
    name = os.path.basename(words[0])
    if "=" in words[0]:
        name, words[0] = words[0].split("=", 1)
    return Tracker(name, words)
