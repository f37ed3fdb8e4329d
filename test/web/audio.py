#!/usr/bin/python3
# Sound by WebSocket, both ways: the same events as of a file, coming back, what is given up, listening
# in, and that nothing is left behind.
# Time limit: 400 s
#
# SPDX-License-Identifier: GPL-3.0-or-later

import array
import base64
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # of the modules beside this file
from client import BINARY, PROGRAM, TEXT, Program, WebSocket, frame, request, strict_json
import own_network
from hostile import check, results, text_at

CHUNK = 4096  # frames
SECONDS = 24
BPM = 125


# --- Sound ---


def drums(rate, seconds=SECONDS):
    """Kick on every beat, snare on every second, hats between them: as float32."""
    noise = random.Random(7)
    hiss = [noise.uniform(-1, 1) for _ in range(rate // 5)]
    sound = [0.0] * (rate * seconds)
    step = rate * 30 // BPM

    def add(at, length, value):
        for i in range(min(length, len(sound) - at)):
            sound[at + i] += value(i / rate, i)

    for number in range(len(sound) // step):
        if number % 2 == 0:
            add(number * step, rate // 8,
                lambda t, i: 0.7 * math.exp(-25 * t) * math.sin(2 * math.pi * 60 * t))
        if number % 4 == 2:
            add(number * step, rate // 10, lambda t, i: 0.3 * math.exp(-40 * t) * hiss[i])
        add(number * step, rate // 40, lambda t, i: 0.1 * math.exp(-150 * t) * hiss[i])
    return array.array("f", sound).tobytes()


def write_file(path, sound, rate, channels=1):
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(sound), b"WAVE", b"fmt ", 16, 3,
                       channels, rate, rate * channels * 4, channels * 4, 32, b"data", len(sound))
    with open(path, "wb") as file:
        file.write(head + sound)


def events_of_file(path):
    none = os.path.join(os.path.dirname(path), "none.conf")
    open(none, "w").close()
    done = subprocess.run([PROGRAM, "-c", none, "-f", path, "-e", "-"], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode().splitlines()


# --- Streams ---


class Sender(WebSocket):
    """A stream; keeps what comes back."""

    def __init__(self, port, name, query="", seconds=10):
        end = time.monotonic() + seconds
        while True:  # the end of a former sender may not have been noticed yet
            super().__init__(port, "/api/v1/stream/audio/" + name + query)
            self.lines, self.name = [], name
            self.start = self.wait(lambda m: m["type"] in ("stream_start", "error"))
            if self.start is None or self.start.get("code") != "taken" or time.monotonic() > end:
                return
            self.close()
            time.sleep(0.02)

    def listen(self, seconds=0.0):
        """All that has come."""
        end = time.monotonic() + seconds
        while True:
            opcode, payload = self.hear(max(0.0005, end - time.monotonic()))
            if opcode is None:
                return
            if opcode == TEXT:
                self.lines.append(payload.decode())

    def play(self, sound, chunk=4 * CHUNK, speed=700000):
        """Sends all of it at so many bytes a second at most, listening meanwhile; never so far
        ahead that something is given up, however busy the machine is."""
        start = time.monotonic()
        for number, at in enumerate(range(0, len(sound), chunk)):
            self.send(frame(BINARY, sound[at:at + chunk]))
            self.listen(max(0, start + at / speed - time.monotonic()))
            if number % 64 == 63:
                self.stats(lambda stats: stats["waiting"] == 0)

    def stats(self, wanted=lambda stats: True, seconds=30):
        """The counters, once they are as wanted; then as they are."""
        end = time.monotonic() + seconds
        while True:
            number = time.monotonic_ns()
            self.say({"command": "get_stats", "id": number})
            answer = None
            while answer is None and time.monotonic() < end:
                self.listen(0.01)
                answer = next((strict_json(line) for line in reversed(self.lines)
                               if '"id":%d,' % number in line), None)
            if answer is None or wanted(answer["data"]) or time.monotonic() > end:
                return answer and answer["data"]

    def finish(self):
        """Waits until all that was sent is analysed and what came of it has arrived."""
        stats = self.stats(lambda s: s["waiting"] == 0 and
                           s["processed"] + s["lost"] == s["received"])
        self.listen(0.2)
        return stats

    def of_type(self, *types):
        return [m for m in map(strict_json, self.lines) if m["type"] in types]

    def events(self):
        """As a file would give them."""
        others = ("analysis", "metrics", "ack", "stream_start", "dropped")
        return [line.replace('"stream":"%s"' % self.name, '"stream":"main"', 1)
                for line in self.lines if strict_json(line)["type"] not in others]


def same_beginning(events, expected):
    """A stream has no end: what the file's end makes certain is missing."""
    return len(events) > 0.95 * len(expected) and events == expected[:len(events)]


def difference(events, expected):
    for i, (one, other) in enumerate(zip(events, expected)):
        if one != other:
            return i, one, other
    return len(events), len(expected)


def check_same_events(port, folder):
    for rate in (44100, 48000):
        path, sound = os.path.join(folder, "%d.wav" % rate), drums(rate)
        write_file(path, sound, rate)
        expected = events_of_file(path)
        one = Sender(port, "drums-%d" % rate, "?rate=%d&update_hz=50" % rate)
        one.play(sound)
        stats = one.finish()
        events = one.events()
        check(same_beginning(events, expected),
              "%d Hz: the same events as of the file, byte by byte" % rate,
              difference(events, expected))
        beats = [b for b in one.of_type("beat") if b["time"] > 8]
        check(len(beats) > 25 and all(abs(b["bpm"] - BPM) < 1 for b in beats),
              "%d Hz: the tempo is right" % rate, [b["bpm"] for b in beats])
        check(stats["received"] == stats["processed"] == len(sound) // 4 and
              stats["dropped"] == stats["lost"] == 0, "%d Hz: nothing is lost" % rate, stats)
        frames = one.of_type("analysis")
        steps = {round(b["time"] - a["time"], 3) for a, b in zip(frames, frames[1:])}
        check(steps == {0.02} and len(frames) >= 50 * SECONDS - 1,
              "%d Hz: analysis at 50 Hz" % rate, (len(frames), steps))
        one.close()


def check_stereo(port, folder):
    left, right = (array.array("f", drums(44100, 6)) for _ in range(2))
    right = array.array("f", [0.5 * x for x in right])
    both = array.array("f", [x for pair in zip(left, right) for x in pair]).tobytes()
    path = os.path.join(folder, "stereo.wav")
    write_file(path, both, 44100, 2)
    one = Sender(port, "stereo", "?channels=2")
    one.play(both, chunk=8 * 1000)
    one.finish()
    expected = events_of_file(path)
    check(same_beginning(one.events(), expected), "two channels, other chunks: the same events",
          difference(one.events(), expected))
    one.close()


def check_coming_back(port, folder):
    sound = drums(44100, 12)
    path = os.path.join(folder, "broken.wav")
    write_file(path, sound, 44100)
    expected = events_of_file(path)
    events, sent = [], 0
    for part in (sound[:len(sound) // 2], sound[len(sound) // 2:]):
        one = Sender(port, "broken")
        data = one.start["data"]
        check(data["resumed"] == (sent > 0) and data["frame"] == sent // 4,
              "from frame %d on" % (sent // 4), one.start)
        greeting = len(events) and 1
        one.listen(0.3)
        held = {line for line in one.lines}
        one.lines.clear()
        check(not greeting or any('"state"' in line for line in held),
              "who comes back hears how things stand" if greeting else "a new stream is silent", held)
        one.play(part)
        one.finish()
        events += one.events()
        sent += len(part)
        one.close()
    check(same_beginning(events, expected), "broken in two: the same events",
          difference(events, expected))


def check_bad_samples(port):
    sound = array.array("f", [0.1] * 5000 + [math.nan, math.inf, -math.inf, 1e30, 0.2])
    one = Sender(port, "bad")
    one.stats()
    one.send(frame(BINARY, sound.tobytes()))
    stats = one.stats()
    check(stats["received"] == 5005, "who asks after sending is told of what was sent", stats)
    stats = one.finish()
    check(stats["repaired"] == 4 and stats["processed"] == 5005, "samples that are none are counted",
          stats)
    one.close()


def check_many(port):
    """More than may be; all of them play at once."""
    sound = drums(44100, 3)
    check(settle(port), "streams end without their senders")
    many = [Sender(port, "many-%d" % i) for i in range(51)]
    refused = [one for one in many if one.start["type"] == "error"]
    check([one.start["code"] for one in refused] == ["too_many_streams"],
          "of 51 streams one is refused", [one.start for one in refused])
    check(refused and refused[0].wait_for_close() == 1013, "with a code that says: later")
    many = [one for one in many if one not in refused]
    listed = strict_json(request(port, "GET", "/api/v1/stream/list")[2])["streams"]
    check(len([s for s in listed if s["source"] == "web"]) == 50, "50 streams are listed", listed)
    for at in range(0, len(sound), 4 * CHUNK):
        message = frame(BINARY, sound[at:at + 4 * CHUNK])
        for one in many:
            one.send(message)
        for one in many:
            one.listen()
    busy, end = set(many), time.monotonic() + 60
    while busy and time.monotonic() < end:  # who does not read is left
        for one in many:
            one.listen()
        listed = strict_json(request(port, "GET", "/api/v1/stream/list")[2])["streams"]
        times = {stream["id"]: stream["time"] for stream in listed}
        busy = {one for one in busy if times.get(one.name, 0) < 2.9}
    stats = [one.finish() for one in many]
    check(all(s["processed"] == len(sound) // 4 for s in stats), "each is analysed to its end",
          [s for s in stats if s["processed"] != len(sound) // 4][:2])
    events = {tuple(one.events()) for one in many}
    check(len(events) == 1, "each with the same events", len(events))
    body = request(port, "GET", "/metrics")[2].decode()
    check('jack_analyzer_load_ratio{stream="many-7"}' in body and
          "jack_analyzer_web_streams 50" in body, "they are among the metrics")
    for one in many:
        request(port, "POST", "/api/v1/stream/stop/" + one.name)
    check(all(one.wait_for_close() == 1000 for one in many), "they can be stopped")
    for one in many:
        one.close()


# --- Listening in ---


class Listener(WebSocket):
    """Reads blocks; `samples` from frame `first` on."""

    def __init__(self, port, name, query="", buffer=None):
        super().__init__(port, "/api/v1/monitor/" + name + query, buffer=buffer)
        self.blocks = []

    def listen(self, until, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            opcode, payload = self.hear(end - time.monotonic())
            if opcode == BINARY:
                magic, version, form, seq, first, rate, channels = struct.unpack(
                    "<4sHHIQIH6x", payload[:32])
                fine = magic == b"JAPC" and version == form == 1
                self.blocks.append((seq, first, rate if fine else None, channels, payload[32:]))
            elif opcode == TEXT and b'"audio_chunk"' in payload:
                data = strict_json(payload)["data"]
                self.blocks.append((data["seq"], data["frame"], data["sample_rate"],
                                    data["channels"], base64.b64decode(data["samples"])))
            if self.blocks and until(self.blocks[-1]):
                return True
        return False

    def is_whole(self):
        """No sequence number and no frame is missing."""
        return all(b[0] == a[0] + 1 and b[1] == a[1] + len(a[4]) // (4 * a[3])
                   for a, b in zip(self.blocks, self.blocks[1:]))


def check_monitor(port):
    sine = array.array("f", [0.8 * math.sin(0.05 * i) + 1e-7 * i for i in range(44100)]).tobytes()
    one = Sender(port, "sine")
    listeners = [Listener(port, "sine"), Listener(port, "sine", "?encoding=json"),
                 Listener(port, "sine")]
    for each in listeners:
        each.say({"type": "ping"})
        each.wait(lambda m: m["type"] == "pong")
    one.play(sine, speed=400000)
    for each, name in zip(listeners, ["one", "one by base64", "another"]):
        each.listen(lambda block: block[1] + len(block[4]) // 4 >= 44100)
        sound = b"".join(block[4] for block in each.blocks)
        check(sound == sine, "bit by bit what was sent, to " + name, (len(sound), len(sine)))
        check(each.is_whole() and each.blocks[0][:4] == (0, 0, 44100, 1) and
              all(len(block[4]) == 882 * 4 for block in each.blocks),
              "blocks of 20 ms with their numbers, to " + name, [b[:4] for b in each.blocks][:3])
    check(listeners[0].blocks == listeners[1].blocks, "base64 and binary are equal")
    one.close()
    check(all(each.wait(lambda m: m["type"] == "audio_stream_end", 20) for each in listeners[:2]),
          "the end is told")
    for each in listeners:
        each.close()


class Lights(threading.Thread):
    """Numbers of the beats that come by OSC."""

    def __init__(self, program, address="/ja/beat"):
        super().__init__(daemon=True)
        self.target, self.beats, self.ended = program.target, [], threading.Event()
        self.address, self.others = address.encode() + b"\0", 0
        self.start()

    def run(self):
        self.target.settimeout(0.2)
        while not self.ended.is_set():
            try:
                packet = self.target.recv(65536)
            except TimeoutError:
                continue
            at = packet.find(self.address)
            self.others += b"/ja/unknown" in packet
            if at >= 0:
                types, at = text_at(packet, text_at(packet, at)[1])
                assert types == ",iiff", types
                self.beats += struct.unpack_from(">i", packet, at)

    def end(self):
        self.ended.set()
        self.join()
        return self.beats


def check_outputs(program):
    """Of two streams, one that the configuration names."""
    sound, lights = drums(44100, 8), Lights(program, "/ja/lights/beat")
    for name in ("unknown", "lights"):
        one = Sender(program.port, name)
        one.play(sound)
        one.finish()
        one.close()
    told, end = [m["seq"] for m in one.of_type("beat")], time.monotonic() + 10
    while lights.beats != told and time.monotonic() < end:
        time.sleep(0.05)
    beats = lights.end()
    check(len(told) > 3 and beats == told, "its beats come by OSC under its name", (beats, told))
    check(lights.others == 0, "and of no other stream", lights.others)


def check_slow_listener(program):
    """It never reads; a good one and the lights go on as if it were not there."""
    port = program.port
    slow, good = Listener(port, "main", buffer=4096), Listener(port, "main")
    lights = Lights(program)
    good.listen(lambda block: block[0] >= 300)
    beats = lights.end()
    beats = [beat for beat in beats if beat > beats[0] + 3]  # what had waited may have gaps
    check(len(good.blocks) > 200 and good.is_whole(), "a good listener misses nothing beside it",
          [b[:2] for b in good.blocks[:3]])
    check(len(beats) > 5 and beats == list(range(beats[0], beats[0] + len(beats))),
          "no beat is missing by OSC", beats)
    text = request(port, "GET", "/metrics")[2].decode()
    dropped = int(re.search(r"^jack_analyzer_web_monitor_dropped_total (\d+)", text, re.M)[1])
    clients = strict_json(request(port, "GET", "/api/v1/stream/health")[2])["clients"]
    check(dropped > 0 or clients == 1, "what it misses is counted, or it is left",
          (dropped, clients))
    slow.close()
    good.close()


# --- What is given up ---


def check_backlog(state):
    program = Program("web.backlog_chunks=2", "web.level=maximum", state=state)
    check(program.wait_until_there(), "it starts with a short backlog")
    size = 65536 - 65536 % 4
    messages = [frame(BINARY, array.array("f", [0.3 * math.sin(0.01 * (i + k))
                                                for i in range(size // 4)]).tobytes())
                for k in range(15)]
    one = Sender(program.port, "burst", "?rate=192000")
    one.send(b"".join(messages))
    stats = one.finish()
    check(stats["received"] == 15 * size // 4 and stats["dropped_chunks"] > 0,
          "a burst is too much", stats)
    check(stats["processed"] + stats["dropped"] == stats["received"] and
          stats["dropped"] == stats["lost"] == stats["dropped_chunks"] * size // 4,
          "what is given up is counted, frame by frame", stats)
    one.listen(1.5)
    told = one.of_type("dropped")
    gaps = one.of_type("gap")
    check(sum(m["frames"] for m in told) == stats["dropped"] and
          sum(m["chunks"] for m in told) == stats["dropped_chunks"], "and told", told)
    check(sum(m["frames"] for m in gaps) == stats["dropped"] and
          {m["cause"] for m in gaps} == {"overflow"}, "the stream knows the gaps", gaps)
    one.send(b"".join(messages) * 3)
    error = one.wait(lambda m: m["type"] == "error")
    check(error is not None and error["code"] == "too_fast" and one.wait_for_close() == 1008,
          "more than a mebibyte a second is refused", error)
    one.close()
    program.stop()


# --- Coming and going ---


def memory_kb(pid):
    with open("/proc/%d/status" % pid) as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])


def count(pid, what, most=0):
    """The fewest of a second, or at last no more than `most`: connections may not have ended yet."""
    counts, end = [], time.monotonic() + 10
    while len(counts) < 10 or (min(counts) > most > 0 and time.monotonic() < end):
        counts.append(len(os.listdir("/proc/%d/%s" % (pid, what))))
        time.sleep(0.1)
    return min(counts)


def cycle(port, number):
    """A stream with sound, one who listens to it, and one who controls it."""
    one = Sender(port, "cycle", "?rate=%d" % (44100 if number % 2 else 48000))
    listener = WebSocket(port, "/api/v1/monitor/cycle")
    control = WebSocket(port, "/api/v1/stream/control/cycle")
    one.send(frame(BINARY, bytes(4 * 8192)))
    one.wait(lambda m: m["type"] == "analysis")
    for each in (listener, control, one):
        each.close()


def settle(port):
    """Until no stream and no client is left."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        health = strict_json(request(port, "GET", "/api/v1/stream/health")[2])
        if health["web_streams"] == 0 and health["clients"] == 0:
            return True
        time.sleep(0.1)
    return False


def check_coming_and_going(state, cycles=1000):
    program = Program("web.resume_s=0", "web.clients=400", state=state)
    program.wait_until_there()
    pid, seen = program.process.pid, []
    for part in range(5):
        for number in range(cycles // 5):
            cycle(program.port, number)
        settle(program.port)
        files, threads = seen[0][:2] if seen else (0, 0)
        seen.append((count(pid, "fd", files), count(pid, "task", threads), memory_kb(pid)))
    print("# after each part: descriptors, threads, KB: %s" % seen)
    check(len({one[:2] for one in seen}) == 1, "descriptors and threads are as many as before", seen)
    check(seen[-1][2] - seen[0][2] < 1500, "memory is flat over %d streams" % cycles, seen)
    check(program.stop() == 0, "it ends well", program.log_text())


# --- The script in the README ---


def check_script(port):
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(top, "README.md")) as file:
        script = re.search(r"```python\n(.*?)```", file.read(), re.S)[1]
    script = script.replace("8090", str(port))
    done = subprocess.run([sys.executable, "-c", script], input=drums(44100, 5), timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    types = {strict_json(line)["type"] for line in done.stdout.decode().splitlines()}
    check(done.returncode == 0 and {"analysis", "onset", "hit", "tempo"} <= types,
          "the README's script plays and prints", (done, types))


def main():
    state = tempfile.TemporaryDirectory()
    with tempfile.TemporaryDirectory() as folder:
        program = Program("web.level=maximum", "web.clients=400", "web.resume_s=3", "web.outputs=lights",
                          state=state)
        check(program.wait_until_there() and program.wait_for_sound(), "it serves",
              program.log_text())
        port = program.port
        for function, arguments in [
                (check_same_events, (port, folder)), (check_stereo, (port, folder)),
                (check_coming_back, (port, folder)), (check_bad_samples, (port,)),
                (check_monitor, (port,)), (check_slow_listener, (program,)), (check_outputs, (program,)),
                (check_script, (port,)), (check_many, (port,)), (check_backlog, (state,)),
                (check_coming_and_going, (state,))]:
            start = time.monotonic()
            try:
                function(*arguments)
            except (OSError, KeyError, ValueError, TypeError, IndexError, AssertionError) as error:
                check(False, function.__name__ + " got to its end", repr(error))
            print("# %s took %.1f s" % (function.__name__, time.monotonic() - start))
        status = program.stop()
        check(status == 0, "it ends well", (status, program.log_text()))
    print("1..%d" % sum(results))
    return results[1] > 0


if __name__ == "__main__":
    own_network.enter()
    sys.exit(main())
