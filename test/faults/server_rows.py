# Rows of the fault matrix: what happens to a sound server and at its ports.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import math
import signal
import statistics
import threading
import time

from rig import LATE_THREAD, SLOW_CLOSE, Program, now, threads_still, within

QUANTA = (16, 64, 8192, 2048)
RATES = (8000, 11025, 22050, 44100, 48000, 88200, 96000, 192000)
PERIODS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)


# --- The server goes, stands still, comes otherwise ---


def absent(case):
    case.server.kill(signal.SIGTERM)
    moment = now()
    case.start(sound=False)
    case.is_told(moment, "no_input")
    time.sleep(1)
    case.twin_ends("without a server")
    case.recovers(case.server.start())
    case.server.play()
    case.hears()


def begins_late(case):
    """libjack waits for its process thread for a second; then client and thread must go together."""
    case.start(env={"LD_PRELOAD": LATE_THREAD, "MALLOC_PERTURB_": "85"})
    told = case.program.first(0, 1, type="state", reason=lambda why: "gives no ports" in why)
    case.check(told, "the first try fails", case.program.events[:3])


def comes_back(case, number, env=None, **server):
    case.start(env=env)
    case.is_told(case.server.kill(number), "no_input")
    stats = case.exact()
    period = 256
    case.check(not stats or stats["delivered"] == stats["jack"]["cycles"] * period,
               "what was delivered is what the server gave", stats)
    case.twin_ends("without a server")
    moment = case.server.start(**server)
    case.recovers(moment)
    case.server.play()
    case.hears()


def killed(case):
    comes_back(case, signal.SIGKILL)


def terminated(case):
    comes_back(case, signal.SIGTERM)


def terminated_busy(case):
    """libjack's own thread is still at work on what the server has told."""
    comes_back(case, signal.SIGTERM, env={"LD_PRELOAD": SLOW_CLOSE})


def comes_otherwise(case):
    comes_back(case, signal.SIGTERM, rate=44100, period=128)
    runs_at(case, 44100, 128)


def stands_still(case):
    case.start()
    moment = now()
    with case.server.still():
        case.is_told(moment, "no_input")
        pings = [case.program.ping_ms() for _ in range(50)]
        case.note(f"commands answered in {max(pings):.0f} ms")
        case.check(max(pings) < 3000, "commands are answered meanwhile", pings)
        case.twin_ends("stalled")
        time.sleep(max(0, moment + 5 - now()))
    case.recovers(now())
    case.hears()
    gap = case.program.first(moment, 5, type="gap")
    case.check(gap, "the time that is missing is told as a gap")


def restarts(case):
    """Under one name: a server that was killed keeps its place, which its heir takes."""
    times, ups, told, before = [], [], [], None
    case.start(twin=False)
    rounds = 200 if case.long else 6
    for i in range(rounds):
        moment = case.server.kill(signal.SIGTERM if i % 2 else signal.SIGKILL)
        told.append(case.program.told(moment, 10, "no_input"))
        began = case.server.start()
        ups.append(now() - began)
        times.append(case.program.back(began, 20))
        if None in (told[-1], times[-1]):
            break
        if i == 1:  # what is made once has been made
            time.sleep(1)
            before = case.program.resources()
    case.check(None not in told + times, "every death is told and every server found",
               f"number {len(times)} was not")
    after = case.settled(before)
    late = [max(0, t - up) for t, up in zip(times, ups) if t is not None]
    case.note("p95 %.2f s, worst %.2f s of %d; the server itself %.2f, %.2f s; we after it "
              "%.2f, %.2f s" % (*tail(times), len(times), *tail(ups), *tail(late)))
    case.note("descriptors, threads, KiB: %d, %d, %d, then %d, %d, %d" % (*before, *after))
    # jackd's library at times keeps the descriptor of a client that left meanwhile (jack2 #721).
    case.check(after[0] <= before[0] + 1 + rounds // 50 and after[1] <= before[1],
               "no descriptor and no thread is left over")
    # PipeWire's library (0.3.65) does not free the ports of a client that is closed.
    usual = 2000 if case.server.kind == "jackd" else 2000 + 150 * rounds
    case.check(after[2] - before[2] < usual, "nor memory")
    case.recovered = tail(times)[0]
    case.server.play()
    case.hears()


def tail(times):
    """(95th percentile, worst)"""
    known = sorted(t for t in times if t is not None) or [math.inf]
    return known[math.ceil(0.95 * len(known)) - 1], known[-1]


# --- Periods, rates, freewheeling ---


def runs_at(case, rate, period):
    def reached():
        jack = (case.program.stats() or {}).get("jack", {})
        return (jack.get("rate"), jack.get("period")) == (rate, period)
    return case.check(within(10, reached), f"it runs at {rate} Hz, {period} frames",
                      case.program.stats())


def changes(case, change, values):
    """A live setting takes each value; the longest time until sound is heard again."""
    case.start()
    worst = 0
    for value in values:
        change(value)
        moment = now()
        runs_at(case, case.server.rate, case.server.period)
        worst = max(worst, case.hears(moment) or math.inf)
        if value == values[len(values) // 2]:
            case.twin_ends(f"at {value}")
    case.recovered = worst
    case.note("sound at " + ", ".join(map(str, values)))


def periods(case):
    changes(case, case.server.set_period, QUANTA + (256,))


def rates(case):
    changes(case, case.server.set_rate, (44100, 96000, 192000, 8000, 48000))


def grid(case):
    """One run of the program over servers of many rates and periods."""
    some = (RATES, PERIODS) if case.long else ((8000, 44100, 192000), (16, 1024, 8192))
    case.start(twin=False)
    tried = heard = 0
    for rate in some[0]:
        at_rate(case, rate)
        for period in some[1]:
            case.server.set_period(period)
            tried += 1
            heard += runs_at(case, rate, period) and case.hears(now(), 20) is not None
    case.note(f"sound at {heard} of {tried}")


def at_rate(case, rate):
    if hasattr(case.server, "set_rate"):
        case.server.set_rate(rate)
    else:
        case.server.kill(signal.SIGTERM)
        case.server.start(rate, 1024)
        case.server.play()


def freewheel(case):
    case.start()
    before, moment = case.program.stats(), now()
    case.server.freewheel(True)
    time.sleep(1)
    during, past = case.program.stats(), now() - moment
    case.twin_ends("freewheeling")
    case.server.freewheel(False)
    case.recovered = case.hears(now(), 20)
    if before and during:
        speed = (during["delivered"] - before["delivered"]) / case.server.rate / past
        case.note(f"{speed:.0f} times real time")


# --- Ports and clients ---


def ports_vanish(case):
    case.start()
    moment = now()
    case.server.take_ports()
    case.is_told(moment, "no_input")
    case.twin_ends("unplugged")
    moment = now()
    case.server.bring_ports()
    case.recovered = case.hears(moment)


def name_taken(case):
    case.start(twin=False)
    second = Program(case.server, "an")
    heard = second.hears(now(), 10)
    case.check(heard is not None, "the second hears, too")
    if case.server.kind == "jackd":
        name = within(5, lambda: (second.stats() or {"jack": {}})["jack"].get("client"))
        case.check(name == "an-01", "under a name that is shown", name)
        case.note(f"it is {name}")
    case.ends(second, "second")
    case.recovered = None
    case.hears(now())


def xruns(case):
    case.start(twin=False)
    before = case.program.stats()
    for _ in range(10):
        with case.server.still():
            time.sleep(0.1)
        time.sleep(0.2)
    case.recovered = case.hears(now())
    after = case.program.stats()
    if before and after:
        case.note("%d xruns told" % (after["jack"]["xruns"] - before["jack"]["xruns"]))
    gaps = [e for e in case.program.events if e["type"] == "gap"]
    case.note(f"{len(gaps)} gaps")


def worker_still(case):
    """Every frame that does not fit is counted, and told in a gap with the cause."""
    case.start(twin=False)
    stalls = (32, 100, 300, 1000, 3000, 10000) if case.long else (32, 300, 1300)
    case.recovered = 0
    for count in stalls:
        with threads_still(case.program.thread("analysis")):
            time.sleep(count * case.server.period / case.server.rate)
        moment = now()
        stats = case.exact()
        case.recovered = max(case.recovered, now() - moment)
    told = lambda: sum(e["frames"] for e in list(case.program.events)
                       if e["type"] == "gap" and e["cause"] == "overflow")
    lost = stats["lost"] if stats else -1
    case.check(lost > 0 and within(5, lambda: told() == lost), "each lost frame is told in a gap",
               told(), stats)
    case.note(f"stalls of {', '.join(map(str, stalls))} periods")


def client_still(case):
    """Its audio thread, too; what others' calls then take is the server's doing."""
    case.start(twin=False)
    calls = plug_for(case, 0.1)
    case.program.process.send_signal(signal.SIGSTOP)
    caller = threading.Thread(target=lambda: calls.extend(plug_for(case, 2)))
    caller.start()
    caller.join(3)
    moment = now()
    case.program.process.send_signal(signal.SIGCONT)
    caller.join()
    case.note("another client's %d connect calls: at most %.1f ms" % (len(calls), max(calls)))
    case.recovered = case.hears(moment)


def neighbours(case):
    """Another client's calls while everything of ours that may stand still does."""
    case.start(twin=False)
    ours = [case.program.thread(name) for name in ("analysis", "web", "names")]
    usual = plug_for(case, 2)
    with threads_still(case.program.process.pid, *(task for task in ours if task)):
        calls = plug_for(case, 5)
        moment = now()
    case.recovered = case.hears(moment)
    case.note("another client's %d connect calls: median %.1f ms, at most %.1f ms; before "
              "%.1f, %.1f ms" % (len(calls), statistics.median(calls), max(calls),
                                 statistics.median(usual), max(usual)))
    case.check(max(calls) < 4000, "others do not wait for us", calls)


def plug_for(case, seconds):
    """How many ms another client's calls take."""
    calls, began = [], now()
    while now() - began < seconds:
        for word in ("disconnect", "connect"):
            calls.append(case.server.plug(word, case.server.source, case.server.sink)["ms"])
        time.sleep(0.1)
    return calls
