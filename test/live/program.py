#!/usr/bin/env python3
# The whole program on a private JACK server that comes and goes (what else happens on stage is in
# test/faults), and what the operator does meanwhile, seen through its events, OSC, the log and the
# exit status.
#
# Time limit: 150 s
# SPDX-License-Identifier: GPL-3.0-or-later
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.dont_write_bytecode = True  # of the modules in the other folder
sys.path.append("test/support")
import realtime
BUILD = realtime.BUILD
PROGRAM, PLAY = BUILD + "/jack-analyzer", BUILD + "/test/tools/ja-play"
SERVER = f"ja-{os.getpid()}-program"
os.environ.update(JACK_DEFAULT_SERVER=SERVER, JACK_NO_START_SERVER="1",
                  JACK_NO_AUDIO_RESERVATION="1")
# libjack does not join the thread of a client that the server no longer calls.
os.environ["TSAN_OPTIONS"] = os.environ.get("TSAN_OPTIONS", "") + " report_thread_leaks=0"
# With a sanitizer everything is slower, and the costly parts are no longer done in time.
PLAIN = BUILD.endswith("plain")
SOON = 1.0 if PLAIN else 4.0  # on a machine that is at rest; see soon()
LIGHT = "" if PLAIN else "beat: { engine = \"flux\"; };\npitch: { enable = false; };\n"

for needed in (PROGRAM, PLAY, "jackd", "jack_lsp", "jack_connect"):
    if not shutil.which(needed):
        print(f"1..0 # SKIP there is no {needed}")
        sys.exit(0)
realtime.take_precedence()
realtime.watch()
work = tempfile.mkdtemp()
os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_STATE_HOME"] = work
number = 0


def check(name, passed, *remarks):
    global number
    number += 1
    print(f"{'ok' if passed else 'not ok'} {number} - {name}")
    for remark in remarks if not passed else ():
        for line in str(remark).splitlines()[-8:]:
            print("#", line)
    sys.stdout.flush()
    return passed


def within(seconds, condition):
    """The first true value of condition(), or its last; looks every 10 ms."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return value


def has_ceased(come):
    """Whether, at some time soon, nothing has come for more than a second; the last of come()
    begins with the moment of its arrival."""
    return within(10, lambda: time.monotonic() - come()[-1][0] > 1.2)


# --- OSC ---

def osc_string(text):
    data = text.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


def osc_write(address, arguments):
    types, data = ",", b""
    for a in arguments:
        types += {str: "s", int: "i", float: "f"}[type(a)]
        data += osc_string(a) if isinstance(a, str) else struct.pack(
            ">i" if isinstance(a, int) else ">f", a)
    return osc_string(address) + osc_string(types) + data


def osc_read(packet):
    """[(address, arguments)] of a packet, bundles unpacked."""
    if packet.startswith(b"#bundle\0"):
        messages, at = [], 16
        while at < len(packet):
            size, = struct.unpack_from(">i", packet, at)
            messages += osc_read(packet[at + 4:at + 4 + size])
            at += 4 + size
        return messages

    def string(at):
        end = packet.index(b"\0", at)
        return packet[at:end].decode(), (end // 4 + 1) * 4
    address, at = string(0)
    types, at = string(at)
    arguments = []
    for letter in types[1:]:
        if letter == "s":
            value, at = string(at)
        else:
            value, = struct.unpack_from(">" + letter, packet, at)
            at += 4
        arguments.append(value)
    return [(address, arguments)]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Receiver:
    """A program that gets OSC; messages are (arrival, address, arguments)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.messages = []
        threading.Thread(target=self.receive, daemon=True).start()

    def receive(self):
        while True:
            packet = self.socket.recv(65536)
            now = time.monotonic()
            self.messages += [(now, *message) for message in osc_read(packet)]

    def since(self, moment, address):
        return [m for m in list(self.messages) if m[0] >= moment and m[1] == address]


# --- The program ---

class Program:
    def __init__(self, *arguments, conf="", name="analyzer"):
        self.conf, self.log_path = f"{work}/{name}.conf", f"{work}/{name}.log"
        self.events = []
        self.control_port, self.receiver = free_port(), Receiver()
        self.fixed = (f"jack: {{ name = \"{name}\"; }};\n"
                      f"control: {{ port = {self.control_port}; }};\n"
                      f"target: {{ default: {{ port = {self.receiver.port}; resend_s = 0.2; }};"
                      f" dead: {{ port = {free_port()}; }}; }};\n" + LIGHT)
        self.configure(conf)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [realtime.WATCHED, PROGRAM, "-c", self.conf, "-e", "-", *arguments],
            stdout=subprocess.PIPE, stderr=open(self.log_path, "w"), text=True)
        threading.Thread(target=self.follow, daemon=True).start()
        self.answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.answers.settimeout(2)

    def configure(self, conf):
        with open(self.conf, "w") as file:
            file.write(self.fixed + conf)

    def follow(self):
        """Notes every event with the moment of its arrival."""
        for line in self.process.stdout:
            self.events.append((time.monotonic(), json.loads(line)))

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def event(self, moment, seconds, **fields):
        """(seconds after `moment`, event) of the first that comes after it and has these fields;
        a function as field judges the value."""
        def find():
            for at, event in list(self.events):
                if at >= moment and all(
                        v(event.get(k)) if callable(v) else event.get(k) == v
                        for k, v in fields.items()):
                    return at - moment, event
            return None
        return within(seconds, find)

    def onsets(self):
        """(arrival, event) of the main stream's."""
        return [(at, event) for at, event in list(self.events)
                if event["type"] == "onset" and event["stream"] == "main"]

    def command(self, name, *arguments):
        """(done, text)"""
        self.answers.sendto(osc_write("/ja/ctl/" + name, arguments),
                            ("127.0.0.1", self.control_port))
        try:
            (address, (command, done, text)), = osc_read(self.answers.recv(65536))
        except TimeoutError:
            return None, "no answer"
        assert address == "/ja/ack" and command == name, (address, command)
        return done == 1, text

    def stats(self):
        return json.loads(self.command("get_stats")[1])

    def end(self):
        """(status, seconds)"""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        return status, time.monotonic() - began


def ends_well(program, when):
    limit = soon()
    status, seconds = program.end()
    check(f"SIGTERM ends it with 0, {when} ({seconds:.2f} s)",
          status == 0 and seconds < 2 * limit, f"status {status}", program.log())


# --- JACK ---

servers = []


def start_server(rate, period):
    servers.append(realtime.start_jackd(rate, period))
    return time.monotonic()


def signal_server(number):
    servers[-1].send_signal(number)
    moment = time.monotonic()
    if number == signal.SIGKILL:
        servers[-1].wait()
    return moment


def run(*command, timeout=20):
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


def linked(source, to):
    return f"   {source}" in run("jack_lsp", "-c", to).stdout.splitlines()


def link(source, to):
    run("jack_connect", source, to)
    return within(10, lambda: linked(source, to))


class Player:
    def __init__(self, what, *arguments):
        self.process = subprocess.Popen([PLAY, "-n", "deck", *arguments, what],
                                        stdout=subprocess.PIPE, text=True)
        self.start = json.loads(self.process.stdout.readline() or "{}")

    def end(self):
        self.process.terminate()
        self.process.wait()


def soon():
    """SOON, and three times what another client needs now to come and go: next to nothing on a
    machine that is at rest."""
    began = time.monotonic()
    run("jack_lsp")
    return SOON + 3 * (time.monotonic() - began)


# --- What happens on stage ---

DRUMS = "synth:drums?bpm=126&seconds=60"
STREAMS = "stream: { main: { }; booth: { inputs = 1; }; };\n"


def state(*words):
    return {"type": "state", "state": lambda s: s in words}


SOUND = state("silent", "learning", "locked")
UNPLUGGED = {"type": "state", "state": "no_input", "reason": "Nothing is connected to the inputs."}


def waits(program):
    found = program.event(program.started, 20, **state("no_input"))
    check("without a server the state is no_input, with a reason",
          found and SERVER in found[1]["reason"], found, program.log())
    check("both streams say so", program.event(program.started, 5, stream="booth",
                                               **state("no_input")))
    heard = within(10, lambda: program.receiver.since(0, "/ja/state"))
    check("so does OSC", heard and heard[0][2][0] == "no_input", heard)
    check("the booth has a prefix of its own",
          within(10, lambda: program.receiver.since(0, "/ja/booth/state")))


def comes_to_life(program):
    moment = start_server(48000, 256)
    found = program.event(moment - 0.5, 20, stream="main", **UNPLUGGED)
    late = found[0] - 0.5 if found else 99
    check(f"a server that comes is found within 1 s ({max(late, 0):.2f} s); nothing is connected",
          late < soon(), program.log())
    player = Player(DRUMS, "--loop")
    check("sound can be connected by hand",
          link("deck:out_1", "analyzer:in_1") and link("deck:out_1", "analyzer:in_2")
          and link("system:capture_1", "analyzer:booth_in_1"))
    check("beats are locked", program.event(moment, 40, stream="main", **state("locked")),
          program.log())
    moment = time.monotonic()
    for kind in ("beat", "onset"):
        check(f"there are {kind} events", program.event(moment, 10, stream="main", type=kind))
    check("OSC tells the beat", within(10, lambda: program.receiver.since(moment, "/ja/beat")))
    check("the silent booth has none", not program.receiver.since(0, "/ja/booth/beat")
          and not program.receiver.since(0, "/ja/booth/onset"))
    return player


def exact(stats):
    main = stats["streams"]["main"]
    return main["processed"] + main["lost"] == main["delivered"] > 0


def survives(program, player, rate, period):
    """The server is killed and comes back otherwise."""
    before = program.events[-1][1]["emitted"]
    limit, moment = soon(), signal_server(signal.SIGKILL)
    found = program.event(moment, 20, stream="main", **state("no_input"))
    check(f"a server's death is told within 1 s ({found[0] if found else 99:.2f} s)",
          found and found[0] < limit and len(found[1]["reason"]) > 5, found, program.log())
    player.process.wait()
    within(10, lambda: exact(program.stats()))
    stats = program.stats()
    check("no frame is unaccounted for, whoever does not take results", exact(stats), stats)
    moment = start_server(rate, period)
    found = program.event(moment - 0.5, 20, stream="booth", **SOUND)
    late = found[0] - 0.5 if found else 99
    check(f"it is back within 1 s ({max(late, 0):.2f} s), with the connection made by hand",
          late < soon() and linked("system:capture_1", "analyzer:booth_in_1"), program.log())
    gap = program.event(moment - 1, 10, stream="main", type="gap", frames=lambda n: n > 0)
    check("the gap is told with its cause", gap and gap[1]["cause"] == "rate", gap)
    check("times go on", found and gap and gap[1]["time"] >= before - 0.1
          and found[1]["time"] > gap[1]["time"] + gap[1]["frames"] / 48000, gap, found)
    player = Player(DRUMS, "--loop")
    check("a player that returns is connected as before",
          within(10, lambda: linked("deck:out_1", "analyzer:in_1")
                 and linked("deck:out_1", "analyzer:in_2")))
    moment = time.monotonic()
    found = program.event(moment, 40, stream="main", **state("locked"))
    found = found and program.event(moment + found[0], 10, stream="main", type="beat")
    bpm = found[1]["bpm"] if found else 0
    check(f"the analysis is built anew: beats at 126 bpm ({bpm})", abs(bpm - 126) < 4, found,
          program.log())
    times = [e["emitted"] for _, e in program.events if e["stream"] == "main"]
    check("and no event's moment lies before the last one's", times == sorted(times))
    stats = program.stats()["jack"]
    check("the new rate and period are known",
          (stats["rate"], stats["period"]) == (rate, period), stats)
    return player


# --- What the operator does ---

def changes_nothing_halfway(program, conf):
    """One target takes its new prefix, then the next one cannot be had."""
    fixed = program.fixed
    program.fixed = fixed.replace("resend_s", 'prefix = "/new"; resend_s').replace(
        "dead: {", 'dead: { outputs = ["nonsense"];')
    program.configure(conf)
    program.process.send_signal(signal.SIGHUP)
    check("a target that cannot be had is named",
          within(10, lambda: 'target.dead.outputs: there is no output "nonsense"' in program.log()),
          program.log())
    moment, told = time.monotonic(), program.receiver.since
    check("and those before it stay what they were",
          within(10, lambda: told(moment, "/ja/heartbeat")) and not told(moment, "/new/heartbeat"))
    program.fixed = fixed


def reads_again(program, conf):
    program.configure(conf + "onset: { threshold = 0.45; };\n")
    program.process.send_signal(signal.SIGHUP)
    check("SIGHUP reads the file again",
          within(10, lambda: "0.45" in program.command("get", "onset.threshold")[1]), program.log())
    broken = conf + "onset: {\n threshold = 99; };\n"
    program.configure(broken)
    line = (program.fixed + broken).count("\n")
    program.process.send_signal(signal.SIGHUP)
    check("a broken file is named with its line",
          within(10, lambda: f"{program.conf}:{line}" in program.log()), program.log())
    check("and changes nothing", "0.45" in program.command("get", "onset.threshold")[1])
    check("sound goes on", program.event(time.monotonic(), 10, stream="main", type="onset"))
    changes_nothing_halfway(program, conf)
    program.configure(conf)
    program.process.send_signal(signal.SIGHUP)
    within(10, lambda: "0.3" in program.command("get", "onset.threshold")[1])


def obeys(program):
    done, text = program.command("set", "onset.min_interval_ms", 5000.0)
    check("a value out of range is refused with the range", not done and "2000" in text, text)
    check("an unknown option is refused", program.command("set", "onset.no", 1)[0] is False)
    check("set", program.command("set", "onset.min_interval_ms", 2000)[0])

    def apart():
        times = [event["time"] for _, event in program.onsets()[-2:]]
        return times[-1] - times[0]
    check("and it holds", within(10, lambda: apart() >= 1.99), apart())
    check("get", "2000" in program.command("get", "onset.min_interval_ms")[1])
    program.command("set", "onset.min_interval_ms", 50.0)

    check("preset", program.command("preset", "genre/house")[0]
          and "115" in program.command("get", "tempo.min_bpm")[1])
    check("an unknown preset is refused", program.command("preset", "genre/no")[0] is False)

    check("pause", program.command("pause")[0])
    check("and there are no onsets", has_ceased(program.onsets), program.onsets()[-3:])
    check("resume", program.command("resume")[0])
    check("and there are", program.event(time.monotonic(), 10, stream="main", type="onset"))

    moment = time.monotonic()
    check("reset", program.command("reset")[0]
          and program.event(moment, 10, stream="main", **state("learning")))

    check("mute", program.command("mute", "default", 1)[0])
    check("and nothing is sent", has_ceased(lambda: program.receiver.messages),
          program.receiver.messages[-3:])
    moment = time.monotonic()
    check("unmute", program.command("mute", "default", 0)[0]
          and within(10, lambda: [m for m in program.receiver.messages if m[0] > moment]))
    done, text = program.command("mute", "nobody", 1)
    check("who is not there cannot be muted", done is False and "default" in text, text)

    stats = program.stats()
    check("get_stats is whole, with both streams and JACK",
          set(stats["streams"]) == {"main", "booth"} and "running" in stats["jack"]["state"], stats)


def keeps_count(program):
    """While the server stands still everything that came has been worked off."""
    signal_server(signal.SIGSTOP)
    within(20, lambda: exact(program.stats()))
    stats = program.stats()
    check("processed and lost make up delivered, to the frame", exact(stats), stats)
    check("nobody's slowness has lost sound",
          stats["streams"]["main"]["lost"] == 0, stats)
    signal_server(signal.SIGCONT)


# --- Listening without analysing ---

def lists():
    found = run(PROGRAM, "--list-ports")
    check("--list-ports", found.returncode == 0 and "system:capture_1" in found.stdout
          and "deck:out_1" in found.stdout, found)
    found = run(PROGRAM, "--list-ports", "-s", SERVER + "-none")
    check("without a server it fails and names it",
          found.returncode == 1 and SERVER + "-none" in found.stderr, found)


def tests_input():
    def listen(connect):
        return run(realtime.WATCHED, PROGRAM, "-n", "tester", "-S", f"stream.main.connect={connect}",
                   "--test-input", "2").stdout
    found = listen("deck:out_.*")
    check("--test-input of a good signal", "the level is good" in found, found)
    found = listen("capture")
    check("of silence", "silence" in found, found)
    found = listen("nobody:.*")
    check("of nothing", "nothing is connected" in found, found)


def many():
    """Eight streams with long names: more than an answer holds."""
    names = ["main"] + [f"a_stream_with_a_long_name_{i:06}" for i in range(7)]
    program = Program(name="many", conf="stream: {%s};" % "".join(n + ": {};" for n in names))
    found = program.event(program.started, 20, stream=names[-1], **UNPLUGGED)

    def sounds():
        return json.loads(program.command("get_stats")[1])["streams"]["main"]["delivered"] > 0
    within(10, sounds)
    text = program.command("get_stats")[1]
    stats = json.loads(text)
    check("get_stats of many streams is whole, and says how many are left out",
          found and stats["streams"]["main"]["delivered"] > 0 and "running" in stats["jack"]["state"]
          and len(stats["streams"]) > 1
          and len(stats["streams"]) + stats["left_out"] == 8, f"{len(text)} bytes", text)
    ends_well(program, "with eight streams")


# --- The same result as offline ---

def equals_offline():
    """A period of 480 frames lets the slices of the live stream begin with the player's sound."""
    track = "synth:drums?bpm=120&seconds=8&seed=3"
    program = Program(name="twin")
    program.event(program.started, 20, **UNPLUGGED)
    link("system:capture_1", "twin:in_1")
    for _ in range(5):  # until the server has played it without leaving out a cycle
        moment, xruns = time.monotonic(), program.stats()["jack"]["xruns"]
        player = Player(track, "-c", "twin:in_1", "-c", "twin:in_2")
        player.process.wait(60)
        stats = program.stats()
        if stats["jack"]["xruns"] == xruns:
            break
    ends_well(program, "running")
    live = [e["time"] for at, e in program.events if e["type"] == "onset" and at > moment]
    offline = run(PROGRAM, "-q", "-c", program.conf, "-f", track, "-e", "-").stdout.splitlines()
    offline = [e["time"] for e in map(json.loads, offline) if e["type"] == "onset"]
    shift = live[0] - offline[0] if live and offline else 0
    live = [t for t in live if t - shift < 7.99]  # without the end, which only the live one hears
    worst = max((abs(a - shift - b) for a, b in zip(live, offline)), default=99)
    check(f"live onsets are the offline ones ({len(live)}, {worst * 1e3:.3f} ms apart at most)",
          len(live) == len(offline) > 10 and worst < 0.001,
          stats, [round(t - shift, 4) for t in live], offline)


def main():
    # Nobody reads the frames.
    stalled = f"{work}/frames"
    os.mkfifo(stalled)
    reader = os.open(stalled, os.O_RDWR)
    program = Program("--frames", stalled, conf=STREAMS)
    waits(program)
    player = comes_to_life(program)
    player = survives(program, player, 44100, 128)
    reads_again(program, STREAMS)
    obeys(program)
    keeps_count(program)
    lists()
    tests_input()
    ends_well(program, "running")
    os.close(reader)
    player.end()
    signal_server(signal.SIGKILL)
    start_server(48000, 480)
    many()
    equals_offline()
    passed, name = realtime.judge()
    check(name, passed)
    print(f"1..{number}")


try:
    main()
finally:
    for process in servers:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait()
    shutil.rmtree(work, ignore_errors=True)
