#!/usr/bin/python3
# The program on a machine that something else takes: it leaves out what it may, the beats go on,
# every frame of sound is accounted for, and what was left out comes back.
#
# The pitch is made costly by an option, the program is nice, and busy loops take the processors.
#
# Time limit: 180 s
# SPDX-License-Identifier: GPL-3.0-or-later
import glob
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.dont_write_bytecode = True  # of the modules in the next folder
sys.path += ["test/net", "test/support"]
import realtime
from hostile import PROGRAM, check, results
from steer import Program

BPM = 126
PLAY = os.environ.get("BUILD", "build/plain") + "/test/tools/ja-play"
SERVER = "ja-%d-governor" % os.getpid()
os.environ.update(JACK_DEFAULT_SERVER=SERVER, JACK_NO_START_SERVER="1",
                  JACK_NO_AUDIO_RESERVATION="1")
started = []


def skip(reason):
    print("1..0 # SKIP " + reason)
    sys.exit(0)


def start(*command):
    started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL))
    return started[-1]


def end(process):
    """Politely: a server that is killed keeps one of the machine's eight places for servers."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def within(seconds, condition):
    until = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < until:
        time.sleep(0.1)
    return value


def stats(program):
    done, text = program.ask("get_stats", seconds=30) or (0, "{}")
    return json.loads(text)["streams"]["main"]


def has_port(name):
    found = subprocess.run(["jack_lsp"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                           text=True)
    return name in found.stdout.split()


def start_sound():
    """A server that keeps its time whatever else runs, and drums without end."""
    started.append(realtime.start_jackd(48000, 256))
    start(PLAY, "-n", "deck", "--loop", "synth:drums?bpm=%d&seconds=60" % BPM)
    check(within(20, lambda: has_port("deck:out_1")), "drums play")


def be_nice(program):
    for task in os.listdir("/proc/%d/task" % program.process.pid):
        os.setpriority(os.PRIO_PROCESS, int(task), 7)


def take_the_machine():
    """Three busy loops for each processor."""
    return [start(sys.executable, "-c", "while True: pass") for _ in range(3 * os.cpu_count())]


def level(*names):
    return lambda event: event["type"] == "level" and event["to"] in names


def measure(program):
    """A limit above the load with everything in, on the machine as it is in quiet moments."""
    ack = program.ask("level", "s", "maximum")
    check(ack == (1, "level maximum"), "a level is acknowledged", ack)
    time.sleep(3)
    loads = []
    for _ in range(4):
        time.sleep(1.1)
        loads.append(stats(program)["load"])
    limit = 2 * min(loads)
    print("# load %s, limit %.3f" % (" ".join("%.3f" % load for load in loads), limit))
    return limit


def beats_go_on(program, begin, finish):
    """By the audio time of the beats told between two moments of it."""
    times = [e["time"] for e in list(program.events)
             if e["type"] == "beat" and begin <= e["time"] < finish]
    expected = (finish - begin) * BPM / 60
    gaps = [b - a for a, b in zip(times, times[1:])]
    check(len(times) >= 0.9 * expected and abs(statistics.median(gaps) * BPM / 60 - 1) < 0.03,
          "beats go on: %d of %.0f" % (len(times), expected), times)


def nothing_is_lost_unaccounted(program, before):
    for process in started[:2]:  # no more sound: the program works off what it has
        end(process)

    def exact():
        now = stats(program)
        return now["processed"] + now["lost"] == now["delivered"] and now
    now = within(20, exact)
    check(now, "every frame that was delivered was analysed or counted as lost", stats(program))
    if not now:
        return
    print("# lost blocks: %d before, %d after, of them %d frames; at each level: %s" % (
        before["lost_blocks"], now["lost_blocks"], now["lost"], now["level_load"]))
    told = sum(e["frames"] for e in program.events
               if e["type"] == "gap" and e["cause"] == "overflow")
    check(told == now["lost"], "and every lost frame was told in a gap", (told, now["lost"]))
    check(now["lost"] < 48000, "no more than a second was lost", now["lost"])


def run(program):
    check(program.wait_until_there(), "the program runs")
    locked = program.wait(lambda e: e["type"] == "state" and e["state"] == "locked", 20)
    check(locked, "beats are locked", program.events[-5:])
    if not locked:
        return
    be_nice(program)
    limit = measure(program)
    if limit > 0.9:
        print("ok %d - it is governed # SKIP the machine is too busy: limit %.2f"
              % (sum(results) + 1, limit))
        results[0] += 1
        return
    before = stats(program)
    check(program.ask("set", "sf", "governor.load", limit) is not None
          and program.ask("level", "s", "auto") == (1, "level auto"), "it is governed")

    position = len(program.events)
    hogs = take_the_machine()
    event = program.wait(level("medium", "low"), 40, position)
    check(event, "on a busy machine the level falls", [e for e in program.events
                                                       if e["type"] == "level"])
    if not event:
        return
    print("# %s after %s: %s" % (event["to"], event["from"], event["reason"]))
    check("pitch" in event["reason"] or "spectral" in event["reason"],
          "with a reason that names what is left out", event)
    check(within(20, lambda: stats(program)["queue_ms"] < 100), "sound waits no more",
          stats(program))
    begin = stats(program)["time"]
    time.sleep(12)

    def shed():  # now and then it tries a level higher, and falls again
        now = stats(program)
        return now["level"] in ("medium", "low") and now
    now = within(30, shed) or stats(program)
    check(now["level"] in ("medium", "low") and "feature_reduction" in now["strategies"],
          "the statistics tell the level and how it is reached", now)
    beats_go_on(program, begin + 1, now["time"] - 1)

    position = len(program.events)
    for hog in hogs:
        end(hog)
    event = program.wait(level("high", "maximum"), 60, position)
    check(event, "when the machine is free again, what was left out comes back", now)
    if event:
        print("# %s after %s: %s" % (event["to"], event["from"], event["reason"]))
    position = len(program.events)
    ack = program.ask("level", "s", "low")
    event = program.wait(level("low"), 5, position)
    check(ack == (1, "level low") and event
          and event["reason"] == "The option governor.level is low.",
          "the operator's word holds", (ack, event))
    nothing_is_lost_unaccounted(program, before)


def main():
    for needed in (PROGRAM, PLAY, "jackd", "jack_lsp"):
        if not shutil.which(needed):
            skip("there is no " + needed)
    if not PROGRAM.startswith("build/plain"):
        skip("a sanitizer's own work would be measured")
    if not realtime.ALLOWED:
        skip("without real-time rights the server itself stands still on a busy machine")
    realtime.watch()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # and clean up
    status = None
    try:
        start_sound()
        program = Program("-s", SERVER, "-S", "stream.main.connect=deck:out_.*",
                          "-S", "pitch.method=yin", "-S", "governor.recover_s=2")
        try:
            run(program)
        finally:
            for process in started[2:]:  # the loops, if they still run
                end(process)
            status = program.stop()
    finally:
        for process in started:
            end(process)
        for left in glob.glob("/dev/shm/jack_sem.*_%s_*" % SERVER):
            os.remove(left)
    check(status == 0, "it ends well", status)
    check(*realtime.judge())
    print("1..%d" % sum(results))


if __name__ == "__main__":
    main()
