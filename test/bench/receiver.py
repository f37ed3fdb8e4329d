# When beats arrive at receivers, on the one monotonic clock: jackd's dummy driver at 48 kHz with
# 256 frames a period, a player whose first sample's time is known, the program, and receivers in a
# process of their own.
#
#   receiver.py [--hole ADDRESS] BUILD [AUDIO_DIR]
#
# Nothing here is a pass or a failure: machines differ and are busy. What can be told apart from the
# machine is: figures that belong together come from one run, beat by beat.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import argparse
import itertools
import json
import multiprocessing
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import numpy

SETTLE_S = 6  # before beats count
FAR_S = 0.15  # a packet further from any beat belongs to none
OFFSETS_MS = [-200, -100, -50, -20, -5, 0, 5, 20, 50, 100, 200]
LEAD_MS = 300  # what -200 ms needs, and JACK, hops and the scheduler besides
TARGETS = 64
SO_TIMESTAMPNS = 35

SERVER = f"ja-receiver-{os.getpid()}"
os.environ.update(JACK_DEFAULT_SERVER=SERVER, JACK_NO_START_SERVER="1",
                  JACK_NO_AUDIO_RESERVATION="1")
REALTIME = not subprocess.call(["chrt", "-f", "60", "true"], stderr=subprocess.DEVNULL)


# --- Receivers ---

def receive(sockets, crowd, ready, stop, results):
    """[(socket, beat number, monotonic seconds)] of every /ja/beat. A crowd's packets are timed by
    the kernel, since a process that wakes for each would hold up the sender."""
    ahead = time.time() - time.monotonic()
    if REALTIME and not crowd:  # their own delay is not what is measured
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(40))
    poll, by_fd, beats = select.poll(), {}, []
    for i, s in enumerate(sockets):
        s.setblocking(False)
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, int(crowd))
        poll.register(s, select.POLLIN)
        by_fd[s.fileno()] = (i, s)
    ready.set()
    while not stop.is_set():
        for fd, _ in poll.poll(100):
            i, s = by_fd[fd]
            while True:
                try:
                    packet, notes, _, _ = s.recvmsg(2048, 64)
                except BlockingIOError:
                    break
                at = time.monotonic()
                for _, _, stamp in notes:
                    at = sum(n * unit for n, unit in zip(struct.unpack("qq", stamp), (1, 1e-9)))
                    at -= ahead
                if packet.startswith(b"/ja/beat\0"):
                    beats.append((i, int.from_bytes(packet[20:24], "big"), at))
    results.put(beats)


class Receivers:
    def __init__(self, count, crowd):
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        for s in self.sockets:
            s.bind(("127.0.0.1", 0))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.ports = [s.getsockname()[1] for s in self.sockets]
        ready, self.stop = multiprocessing.Event(), multiprocessing.Event()
        self.results = multiprocessing.Queue()
        self.process = multiprocessing.Process(
            target=receive, args=(self.sockets, crowd, ready, self.stop, self.results), daemon=True)
        self.process.start()
        ready.wait()

    def end(self):
        """For each receiver {beat number: arrival}."""
        self.stop.set()
        arrivals = [{} for _ in self.sockets]
        for i, seq, at in self.results.get(timeout=20):
            arrivals[i][seq] = at
        self.process.join()
        for s in self.sockets:
            s.close()
        return arrivals


# --- A run ---

def read(path):
    with open(path) as file:
        return file.read()


def within(seconds, condition):
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return value


class Bench:
    def __init__(self, build, work):
        self.program, self.tools = f"{build}/jack-analyzer", f"{build}/test/tools"
        self.work = work

    def start_server(self):
        mode = ["-R", "-P60"] if REALTIME else ["-r"]
        self.server = subprocess.Popen(
            ["jackd", *mode, "-n", SERVER, "-d", "dummy", "-r", "48000", "-p", "256"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(["jack_wait", "-w", "-t", "10"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)

    def run(self, sound, seconds, targets, *options):
        """(when each cycle came, arrivals at each receiver, what the program says of late packets).
        `targets`: for each its options, {port} standing for a receiver's."""
        receivers = Receivers(sum("{port}" in t for t in targets), len(targets) == TARGETS)
        ports = iter(receivers.ports)
        settings = []
        for i, target in enumerate(targets):
            target = target.replace("{port}", str(next(ports))) if "{port}" in target else target
            name = f"t{i}" if i else "default"  # which is there in any case
            settings += [f"-Starget.{name}.{option}" for option in target.split()]
        log = f"{self.work}/log"
        analyzer = subprocess.Popen(
            [self.program, "-v", "-n", "bench", "-Scontrol.enable=false", "-Sterminal.mode=off",
             *settings, *options],
            stdout=subprocess.DEVNULL, stderr=open(log, "w"))
        if not within(20, lambda: "running as" in read(log)):
            sys.exit("jack-analyzer did not come up: " + read(log))
        with open(f"{self.work}/cycles", "w") as cycles:
            player = subprocess.Popen(
                [f"{self.tools}/ja-play", "-t", "-c", "bench:in_1", "-c", "bench:in_2", sound],
                stdout=cycles)
        try:
            player.wait(seconds)
        except subprocess.TimeoutExpired:
            player.terminate()
            player.wait()
        analyzer.terminate()
        analyzer.wait()
        late = [line for line in read(log).splitlines()
                if " late (worst" in line]
        cycles = [json.loads(line) for line in read(f"{self.work}/cycles").splitlines()]
        return Cycles(cycles), receivers.end(), late

    def synth(self, name):
        """(sound, its beats)"""
        truth = f"{self.work}/truth"
        subprocess.run([f"{self.tools}/ja-render", name, f"{self.work}/sound.wav", truth],
                       check=True, stdout=subprocess.DEVNULL)
        with open(truth) as file:
            events = [json.loads(line) for line in file]
        return f"{self.work}/sound.wav", [e["time"] for e in events if e["type"] == "beat"]


    def told_ms(self, sound, beats):
        """Errors of the beats told when the sound is analysed as a file, of its first minute."""
        told = subprocess.run([self.program, "-q", "-f", sound, "-e", "-"], capture_output=True,
                              text=True, check=True).stdout
        times = [e["time"] for e in map(json.loads, told.splitlines()) if e["type"] == "beat"]
        return nearest_ms([t for t in times if SETTLE_S < t < 60], numpy.array(beats))


# --- Figures ---

def nearest_ms(times, beats):
    errors = [1e3 * (t - beats[numpy.abs(beats - t).argmin()]) for t in times]
    return numpy.array([e for e in errors if abs(e) < 1e3 * FAR_S])


class Cycles:
    """When each of the sound's samples was played: a server on a busy machine falls behind."""

    def __init__(self, lines):
        self.rate = lines[0]["rate"]
        self.frames = numpy.array([line["frame"] for line in lines[1:]])
        self.times = numpy.array([line["us"] for line in lines[1:]]) / 1e6

    def of(self, seconds):
        frames = numpy.array(seconds) * self.rate
        cycle = numpy.searchsorted(self.frames, frames, side="right") - 1
        return self.times[cycle] + (frames - self.frames[cycle]) / self.rate


def errors_ms(arrivals, cycles, beats):
    """Arrival less the nearest true beat, once the tracker has had time."""
    return nearest_ms([at for at in arrivals.values() if at > cycles.times[0] + SETTLE_S],
                      cycles.of(beats))


def differences_ms(first, second, cycles):
    """The same beat at two receivers, once the tracker has had time."""
    return numpy.array([1e3 * (second[seq] - at) for seq, at in first.items()
                        if seq in second and at > cycles.times[0] + SETTLE_S])


def row(name, values):
    if not len(values):
        print(f"  {name:46} none")
        return
    size = numpy.abs(values)
    print(f"  {name:46} {len(values):5} {numpy.median(values):+8.2f} {numpy.quantile(size, .95):8.2f} "
          f"{numpy.quantile(size, .99):8.2f} {size.max():8.2f}")


def head(title):
    print(f"\n{title}\n  {'ms':46} {'beats':>5} {'median':>8} {'95 %':>8} {'99 %':>8} {'most':>8}",
          flush=True)


def accuracy(bench, folder):
    head("/ja/beat at the receiver against the beat of the sound (the last three columns: size)")
    sounds = [("click 120 BPM", "synth:click?bpm=120&seconds=30"),
              ("drums 96 BPM, backbeat", "synth:drums?bpm=96&seconds=30&pattern=backbeat"),
              ("a made-up track, 128 BPM", "synth:demo?bpm=128&seconds=40")]
    made = ((name, *bench.synth(what)) for name, what in sounds)
    for name, sound, beats in itertools.chain(made, annotated(folder)):
        cycles, (arrivals,), _ = bench.run(sound, 60, ["port={port}"])
        row(name, errors_ms(arrivals, cycles, beats))
        row("  the tracker's part (the same from the file)", bench.told_ms(sound, beats))


def annotated(folder):
    """A few pieces, of different sets."""
    if not folder:
        return
    with open(f"{folder}/index.tsv") as index:
        columns = index.readline().lstrip("#").strip().split("\t")
        lines = [dict(zip(columns, line.rstrip("\n").split("\t"))) for line in index]
    seen = set()
    for line in lines:
        path = f"{folder}/{line['wav']}"
        if line["beats"] == "-" or line["set"] in seen or not os.path.exists(path):
            continue
        seen.add(line["set"])
        with open(f"{folder}/{line['beats']}") as file:
            beats = [float(b.split()[0]) for b in file if b.strip()]
        yield os.path.basename(path), path, beats
        if len(seen) == 4:
            return


def offsets(bench):
    head(f"offset_ms, click of 120 BPM, beat.lead_ms {LEAD_MS}: against the target without, less "
         "the offset")
    sound, beats = bench.synth("synth:click?bpm=120&seconds=30")
    cycles, arrivals, _ = bench.run(
        sound, 60, [f"port={{port}} offset_ms={offset}" for offset in OFFSETS_MS],
        f"-Sbeat.lead_ms={LEAD_MS}")
    middle = arrivals[OFFSETS_MS.index(0)]
    row("offset 0 against the click", errors_ms(middle, cycles, beats))
    for offset, there in zip(OFFSETS_MS, arrivals):
        if offset:
            row(f"offset {offset:+d}", differences_ms(middle, there, cycles) - offset)


def many(bench):
    head(f"{TARGETS} targets with every output at 30 Hz, drums of 128 BPM")
    sound, beats = bench.synth("synth:drums?bpm=128&seconds=30")
    cycles, arrivals, late = bench.run(sound, 60, ["port={port}"] * TARGETS)
    row("first target against the sound", errors_ms(arrivals[0], cycles, beats))
    row("last target against the first", differences_ms(arrivals[0], arrivals[-1], cycles))
    numbers = set().union(*arrivals)
    missing = sum(len(numbers - set(a)) for a in arrivals)
    print(f"  {len(numbers)} beats at {TARGETS} targets, {missing} missing; packets that left more "
          f"than 1 ms after their time: {sum(int(t.split(' late')[0].split()[-1]) for t in late)}")


def out_of_order(bench, hole):
    head("A target after one that is out of order, against one before it")
    sound, _ = bench.synth("synth:drums?bpm=128&seconds=16")
    closed = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    closed.bind(("127.0.0.1", 0))
    deaf = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.bind(("127.0.0.1", 0))
    deaf.listen(1)
    nobody, full = closed.getsockname()[1], deaf.getsockname()[1]
    kinds = [("none (nothing between them)", []),
             ("UDP to a port that nobody has", [f"port={nobody}"]),
             ("TCP to a port that nobody has", [f"port={nobody} protocol=tcp"]),
             ("TCP to one that never reads", [f"port={full} protocol=slip rate_hz=200"]),
             ("a name that does not exist", ["host=nowhere.invalid port=9"])]
    if hole:
        kinds += [("UDP into a network that swallows all", [f"host={hole} port=9"]),
                  ("TCP into a network that swallows all", [f"host={hole} port=9 protocol=tcp"])]
    kinds.append(("all of these at once", [t for _, targets in kinds for t in targets]))
    for name, targets in kinds:
        cycles, (before, after), _ = bench.run(sound, 40, ["port={port}", *targets, "port={port}"])
        row(name, differences_ms(before, after, cycles))
    if not hole:
        print("  (no network namespace can be had here: a host that swallows all was left out)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hole")
    parser.add_argument("build")
    parser.add_argument("folder", nargs="?", default="")
    arguments = parser.parse_args()
    work = tempfile.mkdtemp()
    os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_STATE_HOME"] = work
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; jackd dummy, 48 kHz, 256 frames; "
          f"{'in real time' if REALTIME else 'without real-time rights'}. On a busy machine the "
          "columns on the right are its own.")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # and clean up
    bench = Bench(arguments.build, work)
    bench.start_server()
    try:
        accuracy(bench, arguments.folder)
        offsets(bench)
        many(bench)
        out_of_order(bench, arguments.hole)
    finally:
        bench.server.terminate()
        bench.server.wait()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
