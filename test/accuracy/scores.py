#!/usr/bin/python3
# Tests the measures of test/bench/beat_scores.py on cases small enough to work out by hand.
#
# Goes beside others.
# SPDX-License-Identifier: GPL-3.0-or-later
import math
import os
import sys
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
sys.dont_write_bytecode = True
import beat_scores as scores  # noqa: E402
import beat_trackers  # noqa: E402

BEATS = [0.5 * n for n in range(40)]


def near(a, b, by=1e-9):
    return abs(a - b) <= by


def moved(beats, by):
    return [time + by for time in beats]


def f_counts_pairs_once():
    assert scores.f_measure([1, 2, 3], [1.07, 2, 3.071]) == 2 / 3
    assert scores.f_measure([1, 2], [0.95, 1.05]) == 0.5  # two for one beat
    assert scores.f_measure([1, 2, 3, 4], [1, 2]) == 2 * 2 / 6
    assert scores.f_measure([1, 2], []) == 0 and scores.f_measure([], [1]) == 0


def match_finds_the_most_pairs():
    # The nearest of 1.05 is 1.0, but then 0.94 would be left alone.
    assert scores.match([1.0, 1.1], [0.94, 1.05]) == [(0, 0), (1, 1)]


def first_seconds_are_left_out():
    assert scores.scored_span([4, 5, 6], 30) == (4.5, 30 - scores.WINDOW_S)
    assert scores.scored_span([4.9, 5.5, 6], 30)[0] == 5.2
    assert scores.scored_span([20, 21], 30)[0] == scores.scored_span([1, 2], 30)[0] == 5
    assert scores.within([4.4, 4.5, 5, 6], (4.5, 6)) == [4.5, 5]


def continuity_needs_phase_and_interval():
    assert scores.continuity(BEATS, BEATS) == (1, 1)
    assert scores.cml_t(BEATS, moved(BEATS, 0.08)) == 1  # 16 % of a beat
    assert scores.cml_t(BEATS, moved(BEATS, 0.09)) == 0  # 18 %
    assert scores.cml_t(BEATS, [BEATS[0]]) == 0


def continuity_counts_the_longest_run():
    found = BEATS[:10] + [BEATS[10] + 0.2] + BEATS[11:]
    total, longest = scores.continuity(BEATS, found)
    # The bad one, and the one after it, whose interval is wrong.
    assert near(total, 38 / 40) and near(longest, 28 / 40)


def a_beat_missed_costs_its_successor():
    found = BEATS[:10] + BEATS[11:]
    assert near(scores.cml_t(BEATS, found), 38 / 40)


def other_levels_count_in_aml_alone():
    for found in (scores.multiplied(BEATS, 2), BEATS[::2], BEATS[1::2], scores.off_beat(BEATS)):
        assert scores.cml_t(BEATS, found) < 0.1, found
        assert scores.aml_t(BEATS, found) > 0.99, found
    assert scores.aml_t(BEATS, BEATS[::3]) < 0.1


def levels_cut_and_skip():
    assert scores.multiplied([0, 1, 2], 2) == [0, 0.5, 1, 1.5, 2]
    assert scores.levels([0, 1, 2])[2:] == [[0, 2], [1]]
    assert len(scores.levels([0, 1, 2], True)) == 8
    assert [0, 3] in scores.levels([0, 1, 2, 3, 4], True)


def information_gain_is_of_errors_alike():
    assert near(scores.information_gain(BEATS, BEATS), 1)
    assert near(scores.information_gain(BEATS, moved(BEATS, 0.2)), 1)  # late, but always as late
    # Half of them late by a fifth of a beat: one bit.
    found = [time + 0.1 * (n % 2) for n, time in enumerate(BEATS)]
    assert near(scores.information_gain(BEATS, found), 1 - 1 / math.log2(scores.BINS), 0.01)
    spread = [0.5 * n * 1.025 for n in range(41)]  # each a little further on
    assert scores.information_gain(BEATS, spread) < 0.05


def tempo_is_told_by_ratio():
    assert near(scores.tempo_at(BEATS, 3.1), 120)
    assert scores.tempo_at([], 1) is None and scores.tempo_at([1], 1) is None
    ratio = scores.tempo_ratio(BEATS, [(3, 241), (4, 60), (5, 240), (99, 120)])
    assert near(ratio, 2) and scores.is_ratio(ratio, scores.OCTAVES)
    assert not scores.is_ratio(ratio, (1,)) and not scores.is_ratio(ratio, scores.THIRDS)
    assert scores.is_ratio(1.039, (1,)) and not scores.is_ratio(1.05, (1,))
    assert scores.is_ratio(1.5, scores.THIRDS) and not scores.is_ratio(None, (1,))


def lock_is_four_right_ones():
    assert scores.first_lock(BEATS, BEATS[6:]) == 3
    assert scores.first_lock(BEATS, BEATS[6:9]) == math.inf
    assert scores.first_lock(BEATS, BEATS[:3] + [1.3] + BEATS[4:]) == 2  # one wrong: anew
    assert scores.first_lock(BEATS, BEATS[::2]) == math.inf  # half as fast
    assert scores.first_lock(BEATS, scores.multiplied(BEATS, 2)) == math.inf
    assert scores.first_lock(BEATS, BEATS, start=2.2) == 2.5
    assert scores.first_lock(BEATS, BEATS, start=2.2, until=4) == math.inf


def steps_are_found():
    jump = BEATS + [BEATS[-1] + 0.4 * (n + 1) for n in range(20)]
    assert scores.tempo_steps(jump) == [BEATS[-1]]
    drift = [n / (2 + n / 100) for n in range(60)]
    assert scores.tempo_steps(drift) == [] and scores.tempo_steps(BEATS) == []


def reliability_has_ten_bins():
    hits = [(0.95, True)] * 9 + [(0.95, False), (0.0, True), (1.0, True)]
    rows, error = scores.reliability(hits)
    assert len(rows) == 10 and rows[9][1] == 11 and rows[0][1] == 1
    assert rows[5][1:] == (0, None, None)
    assert near(rows[9][2], (9.5 + 1) / 11) and near(rows[9][3], 10 / 11)
    assert near(error, (11 * abs(10.5 / 11 - 10 / 11) + 1) / 12)
    assert scores.reliability([])[1] is None


def lines_of_a_tracker_are_read():
    beats, locked = beat_trackers.read_lines("# beats\n0.5\t\n1.0 1.02\n\n[warning] 7\n1.5\n")
    assert [(b["time"], b["emitted"]) for b in beats] == [(0.5, 0.5), (1.0, 1.02), (1.5, 1.5)]
    assert locked is None


def events_of_the_program_are_read():
    beats, locked = beat_trackers.read_events(
        '{"type":"state","state":"learning","emitted":0.1}\n'
        '{"type":"beat","time":1.5,"emitted":1.4,"confidence":0.7,"bpm":120,"beat_in_bar":2}\n'
        '{"type":"state","state":"locked","emitted":2.1}\n'
        '{"type":"state","state":"locked","emitted":9}\n')
    assert beats == [beat_trackers.beat(1.5, 1.4, 0.7, 120, 2)] and locked == 2.1


TESTS = [f_counts_pairs_once, match_finds_the_most_pairs, first_seconds_are_left_out,
         continuity_needs_phase_and_interval, continuity_counts_the_longest_run,
         a_beat_missed_costs_its_successor, other_levels_count_in_aml_alone, levels_cut_and_skip,
         information_gain_is_of_errors_alike, tempo_is_told_by_ratio, lock_is_four_right_ones,
         steps_are_found, reliability_has_ten_bins, lines_of_a_tracker_are_read,
         events_of_the_program_are_read]

for number, test in enumerate(TESTS, 1):
    name = "%d - %s" % (number, test.__name__.replace("_", " "))
    try:
        test()
        print("ok " + name)
    except AssertionError:
        print("not ok " + name)
        print("# " + traceback.format_exc().replace("\n", "\n# "))
print("1..%d" % len(TESTS))
