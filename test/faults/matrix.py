#!/usr/bin/python3
# The fault matrix: what may happen to a box on stage, row by row. Each row says what is expected,
# does it to the real program, looks at what comes of it, measures how long it takes until all is
# well again, counts every frame of sound, and ends the program by SIGTERM. Over all rows its JACK
# callbacks are watched; the last result is the real-time check's.
#
#   matrix.py [--long] [ROW]...    --long: more of each; ROW: only rows with this in their name
#
# Rows that need a server share one of their kind. The result is TAP, and with --long a table.
#
# Time limit: 400 s
# SPDX-License-Identifier: GPL-3.0-or-later
import contextlib
import os
import shutil
import signal
import sys
import threading
import traceback

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.dont_write_bytecode = True  # of the modules beside this file
sys.path.append("test/support")
import machine_rows as machine
import realtime
import server_rows as server
import sound_rows as sound
from rig import (HAND, LATE_THREAD, PLAY, SLOW_CLOSE, SLOW_DISK, STARVED, WALL_CLOCK, Jackd, PipeWire,
                 Program, Unable, end_children, finish, now, within, work)
from hostile import PROGRAM

ALL, JACKD, PIPEWIRE = ("jackd", "PipeWire"), ("jackd",), ("PipeWire",)
MACHINE = ("machine",)  # a jackd that is left in peace
BACK = "told; found again"

# (name, on which servers, what is expected, how)
ROWS = [
    ("server absent at the start", ALL, "waits; " + BACK, server.absent),
    ("process thread begins too late", JACKD, "tries again", server.begins_late),
    ("server killed", ALL, BACK, server.killed),
    ("server ended", ALL, BACK, server.terminated),
    ("server ended, libjack busy", JACKD, BACK, server.terminated_busy),
    ("server back at 44.1 kHz, 128 frames", ALL, BACK + ", analysis built anew",
     server.comes_otherwise),
    ("server stands still for 5 s", ALL, "told, a gap; commands answered", server.stands_still),
    ("period changes live, 16 to 8192", ALL, "goes on", server.periods),
    ("rate changes live", PIPEWIRE, "goes on, analysis built anew", server.rates),
    ("freewheel on and off", ALL, "what is too fast is counted as lost", server.freewheel),
    ("ports vanish and return", ALL, "told; connected again", server.ports_vanish),
    ("client name taken", ALL, "another name, shown", server.name_taken),
    ("xruns", ALL, "counted, not logged", server.xruns),
    ("analysis thread stands still", ALL, "loss counted to the frame", server.worker_still),
    ("program stopped (SIGSTOP) for 2 s", ALL, "goes on", server.client_still),
    ("all but the audio threads still for 5 s", ALL, "other clients notice nothing",
     server.neighbours),
    ("rates and periods", ALL, "sound at each", server.grid),
    ("server restarted again and again", ALL, "found each time, nothing left over",
     server.restarts),
    ("disk full", MACHINE, "told; beats go on, lines stay whole", machine.disk_full),
    ("disk hangs", MACHINE, "beats go on; ends without it, receivers are told",
     machine.disk_hangs),
    ("JACK's metadata broken", MACHINE, "removed; server found", machine.metadata_broken),
    ("no file descriptors", MACHINE, "an error that says so, or goes on", machine.no_descriptors),
    ("no memory", MACHINE, "an error that says so, or goes on", machine.no_memory),
    ("clock set back and forth", MACHINE, "beats go on, timetags follow", machine.clock_back),
    ("network down and back", MACHINE, "analysis goes on", machine.network_down),
    ("name server dead", MACHINE, "other targets are not held up", machine.names_dead),
    ("every target unreachable", MACHINE, "analysis goes on, the log stays short",
     machine.nobody_there),
    ("a second of poison in the sound, offline", MACHINE, "as without it, 2 s later",
     sound.poison),
    ("poison in the sound, live", ALL, "all that is told is finite", sound.poison_live),
]


class Case:
    """A row on a server, as it goes."""

    def __init__(self, rig, long):
        self.server, self.long = rig, long
        self.program = self.twin = self.recovered = None
        self.notes, self.faults, self.exits = [], [], []

    def check(self, passed, what, *why):
        if not passed:
            self.faults.append(" ".join([what, *(str(one)[:1000] for one in why)]))
        return bool(passed)

    def note(self, text):
        self.notes.append(text)

    def start(self, *arguments, sound=True, twin=True, **options):
        """The program, and a twin that will be ended in the midst of the fault."""
        self.program = Program(self.server, "an", *arguments, **options)
        if twin:
            self.twin = Program(self.server, "twin", *arguments, **options)
        for one in filter(None, (self.program, self.twin)):
            self.check(one.wait_until_there(), "it starts", one.log())
            if sound:
                self.check(one.told(0, 20, "learning", "locked") is not None, "it hears",
                           one.log(), one.stats())

    def is_told(self, moment, *states):
        late = self.program.told(moment, 10, *states)
        if self.check(late is not None, "it is told", self.program.events[-3:]):
            self.note(f"told after {late:.2f} s")

    def recovers(self, moment):
        """The server is back since `moment`."""
        self.recovered = self.program.back(moment, 20)
        self.check(self.recovered is not None, "it recovers", self.program.log(),
                   self.program.stats())

    def hears(self, moment=None, seconds=15):
        late = self.program.hears(moment or now(), seconds)
        self.check(late is not None, "it hears again", self.program.log(), self.program.stats())
        return late

    def exact(self):
        # A machine that is too slow is at the end only when no more comes.
        stats = self.program.exact(5 if self.server.process else 30)
        if not stats and self.server.process:
            with self.server.still():
                stats = self.program.exact(30)
        self.check(stats, "processed and lost make up delivered", self.program.stats())
        return stats

    def settled(self, before):
        """Resources, as soon as they are `before` again."""
        within(5, lambda: self.program.resources()[:2] == before[:2], 0.1)
        return self.program.resources()

    def ends(self, program, when):
        status, seconds = program.end()
        self.exits.append((when, seconds))
        self.check(status == 0, f"SIGTERM ends it with 0, {when}", status, program.log())
        self.check(seconds < 8, f"soon, {when}", seconds)
        self.check(not program.strange, "all output is finite", program.strange[:3])

    def twin_ends(self, when):
        if self.twin:
            self.ends(self.twin, when)
        self.twin = None

    def finish(self):
        """What holds for every row."""
        if self.twin:
            self.twin_ends("at the end")
        if not self.program:
            return
        stats = self.exact()
        if stats:
            self.note("{delivered} = {processed} + {lost} frames".format(**stats))
        self.ends(self.program, "recovered")
        log = self.program.log().splitlines()
        self.check(len(log) <= 30, "the log stays short", len(log), log[-5:])
        self.program = None

    def clean_up(self):
        for one in filter(None, (self.program, self.twin)):
            finish(one.process)


results, printing = [], threading.Lock()


def report(name, kind, expected, case, skipped):
    with printing:
        place = f" ({kind})" if kind in ALL else ""
        recovered = f"{case.recovered:.2f} s" if case.recovered is not None else "–"
        ends = ", ".join(f"{seconds:.2f} s {when}" for when, seconds in case.exits)
        observed = "; ".join(case.notes)
        number = [row[0] for row in ROWS].index(name)
        results.append((number, name + place, expected, observed, recovered, ends))
        verdict = "not ok" if case.faults else "ok"
        figures = "" if skipped else f": {observed}; recovered in {recovered}; SIGTERM {ends}"
        print(f"{verdict} {len(results)} - {name}{place}{figures}"
              + (f" # SKIP {skipped}" if skipped else ""))
        for fault in case.faults:
            for line in fault.splitlines():
                print("# " + line)
        sys.stdout.flush()


def print_table():
    """As comments of TAP, in the rows' order."""
    print("# | row | expected | observed | recovered in | SIGTERM to exit |")
    print("# |---|---|---|---|---|")
    for _, *columns in sorted(results):
        print("# | " + " | ".join(columns) + " |")


def run_row(rig, row, long, last=False):
    name, kinds, expected, run = row
    case, skipped = Case(rig, long), None
    try:
        rig.refresh()
        run(case)
        case.finish()
    except Unable as reason:
        skipped = str(reason)
    except Exception:
        case.check(False, traceback.format_exc())
    finally:
        case.clean_up()
    if case.faults and rig.has_crashed() and not last:
        with printing:
            print(f"# {name}: {rig.kind} itself crashed ({rig.process.returncode}); once more")
        run_row(rig, row, long, last=True)
    else:
        report(name, rig.kind, expected, case, skipped)


def run_lane(make, rows, long):
    """Each row in a thread of its own, whose namespaces it may leave."""
    rig = make()
    try:
        for row in rows:
            thread = threading.Thread(target=run_row, args=(rig, row, long))
            thread.start()
            thread.join()
    finally:
        rig.end()


class Machine(Jackd):
    kind = "machine"

    def __init__(self):
        super().__init__("machine")


def leave(*_):
    """Asked to end in the midst of it: nothing may be left running."""
    with contextlib.suppress(OSError):
        end_children()
    shutil.rmtree(work, ignore_errors=True)
    os._exit(1)


def main(long, wanted):
    for needed in (PROGRAM, PLAY, HAND, STARVED, WALL_CLOCK, SLOW_CLOSE, LATE_THREAD,
                   SLOW_DISK):
        if not os.path.exists(needed):
            print(f"1..0 # SKIP there is no {needed}: make all tools")
            return
    chosen = [row for row in ROWS
              if not wanted or any(word in row[0] for word in wanted)]
    realtime.watch(work)
    lanes = []
    for kind, make in (("jackd", lambda: Jackd("faults")),
                       ("PipeWire", lambda: PipeWire("pipewire")), ("machine", Machine)):
        rows = [row for row in chosen if kind in row[1]]
        lacking = [n for n in getattr(make, "needs", ()) if not shutil.which(n)]
        if rows and not lacking:
            lanes.append(threading.Thread(target=run_lane, args=(make, rows, long)))
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    passed, verdict = realtime.judge()
    print(f"{'ok' if passed else 'not ok'} {len(results) + 1} - {verdict}")
    print(f"1..{len(results) + 1}")
    if long:
        print_table()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    words = [word for word in sys.argv[1:] if word != "--long"]
    try:
        main("--long" in sys.argv, words)
    finally:
        shutil.rmtree(work, ignore_errors=True)
