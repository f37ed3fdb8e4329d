# How right a beat tracker's answer is: the measures usual in the field, from their definitions.
#
# Beats are lists of seconds in order. A tracker's beat counts at the time a receiver could act on
# it. Continuity, information gain and the trimming of the first seconds follow Davies, Degara,
# Plumbley, "Evaluation Methods for Musical Audio Beat Tracking Algorithms", 2009.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import bisect
import math
import statistics

SKIP_S = 5.0  # a tracker may need so long to find its way
WINDOW_S = 0.07
CONTINUITY = 0.175  # of a beat: how far phase and interval may be off
BINS = 41
TEMPO = 0.04
LOCK_BEATS = 4
STEP_BEATS = 8  # steady so long before and after a jump of …
STEP = 0.08
CONFIDENCE_BINS = 10


def scored_span(truth, seconds):
    """From when until when beats count. No beat lies at either end, where one side of a pair could
    be left out."""
    first = bisect.bisect_left(truth, SKIP_S)
    begin = (truth[first - 1] + truth[first]) / 2 if 0 < first < len(truth) else SKIP_S
    return begin, seconds - WINDOW_S


def within(times, span):
    return [time for time in times if span[0] <= time < span[1]]


def nearest(times, time):
    """Place of the nearest of the times, which are not empty."""
    at = bisect.bisect_left(times, time)
    return min((n for n in (at - 1, at) if 0 <= n < len(times)), key=lambda n: abs(times[n] - time))


# --- F-measure ---


def match(truth, found, window=WINDOW_S):
    """The most pairs (i, j) of places within the window, each place used once."""
    pairs, i, j = [], 0, 0
    while i < len(truth) and j < len(found):
        if abs(found[j] - truth[i]) <= window + 1e-9:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif found[j] < truth[i]:
            j += 1
        else:
            i += 1
    return pairs


def f_measure(truth, found):
    if not truth or not found:
        return 0.0
    return 2 * len(match(truth, found)) / (len(truth) + len(found))


# --- Metrical levels ---


def multiplied(beats, times):
    """Each interval cut into so many."""
    cut = [a + (b - a) * n / times for a, b in zip(beats, beats[1:]) for n in range(times)]
    return cut + beats[-1:]


def off_beat(beats):
    return [(a + b) / 2 for a, b in zip(beats, beats[1:])]


def levels(beats, ternary=False):
    """What else a listener could tap: twice and half as fast (and thrice, where bars invite to)."""
    found = [beats, multiplied(beats, 2), beats[::2], beats[1::2]]
    if ternary:
        found += [multiplied(beats, 3), beats[::3], beats[1::3], beats[2::3]]
    return found


# --- Continuity ---


def interval_at(beats, place, first):
    """The interval that ends at a beat; that which begins there at the first of either list."""
    if first and place + 1 < len(beats):
        return beats[place + 1] - beats[place]
    return beats[place] - beats[place - 1]


def right_in_a_row(truth, found):
    """For each beat found: whether phase and interval are right."""
    used, right = set(), []
    for n, time in enumerate(found):
        near = nearest(truth, time)
        first = n == 0 or near == 0
        wanted, got = interval_at(truth, near, first), interval_at(found, n, first)
        good = (near not in used and wanted > 0
                and abs(time - truth[near]) < CONTINUITY * wanted
                and abs(1 - got / wanted) < CONTINUITY)
        if good:
            used.add(near)
        right.append(good)
    return right


def continuity(truth, found):
    """Share of beats with right phase and interval: of all, and in the longest run."""
    if len(truth) < 2 or len(found) < 2:
        return 0.0, 0.0
    total = longest = run = 0
    for right in right_in_a_row(truth, found):
        run = run + 1 if right else 0
        total += right
        longest = max(longest, run)
    most = max(len(truth), len(found))
    return total / most, longest / most


def cml_t(truth, found):
    return continuity(truth, found)[0]


def aml_t(truth, found):
    """The best at the annotated level, off the beat, twice and half as fast."""
    return max(cml_t(level, found) for level in levels(truth) + [off_beat(truth)])


# --- Information gain ---


def entropy_of_errors(truth, found):
    """In bits, of where beats lie between those of the truth; 0: always at the same place."""
    counts = [0] * BINS
    for time in found:
        near = nearest(truth, time)
        error = time - truth[near]
        before = truth[near] - truth[near - 1] if near > 0 else truth[1] - truth[0]
        after = truth[near + 1] - truth[near] if near + 1 < len(truth) else before
        share = error / (before if error < 0 else after)
        counts[math.floor((share + 0.5) * BINS) % BINS] += 1
    shares = [count / len(found) for count in counts if count]
    return -sum(share * math.log2(share) for share in shares)


def information_gain(truth, found):
    """1: beats always lie at the same place of an interval; 0: anywhere. Seen from both sides."""
    if len(truth) < 2 or len(found) < 2:
        return 0.0
    worst = max(entropy_of_errors(truth, found), entropy_of_errors(found, truth))
    return 1 - worst / math.log2(BINS)


# --- Tempo ---


def tempo_at(beats, time, reach=3):
    """From the middle interval around a time."""
    at = bisect.bisect_right(beats, time)
    near = beats[max(0, at - reach):at + reach]
    intervals = [b - a for a, b in zip(near, near[1:]) if b > a]
    return 60 / statistics.median(intervals) if intervals else None


def tempo_ratio(truth, tempi):
    """Middle of told tempo by annotated tempo; tempi: (time, bpm). None without any."""
    ratios = []
    for time, bpm in tempi:
        right = tempo_at(truth, time)
        if right and bpm and truth[0] <= time <= truth[-1]:
            ratios.append(bpm / right)
    return statistics.median(ratios) if ratios else None


def is_ratio(ratio, wanted):
    return ratio is not None and any(abs(ratio / right - 1) <= TEMPO for right in wanted)


OCTAVES = (2, 1 / 2, 4, 1 / 4)
THIRDS = (3 / 2, 2 / 3, 4 / 3, 3 / 4, 3, 1 / 3)


# --- Locking ---


def first_lock(truth, found, start=-math.inf, until=math.inf):
    """When the first four beats in a row begin that meet four annotated ones in a row, or inf."""
    truth = [time for time in truth if start - WINDOW_S <= time]
    found = [time for time in found if start - WINDOW_S <= time < until]
    place = {j: i for i, j in match(truth, found)}
    for j in range(len(found) - LOCK_BEATS + 1):
        places = [place.get(j + n) for n in range(LOCK_BEATS)]
        if None not in places and places[-1] - places[0] == LOCK_BEATS - 1:
            return found[j]
    return math.inf


def tempo_steps(truth):
    """First beats at a new tempo: steady intervals before and after that differ."""
    intervals = [b - a for a, b in zip(truth, truth[1:])]
    steps = []
    for n in range(STEP_BEATS, len(intervals) - STEP_BEATS + 1):
        before, after = intervals[n - STEP_BEATS:n], intervals[n:n + STEP_BEATS]
        steady = max(max(side) / max(min(side), 1e-9) for side in (before, after))
        jump = statistics.median(after) / statistics.median(before)
        if steady < 1 + STEP / 4 and max(jump, 1 / jump) > 1 + STEP:
            steps.append(truth[n])
    return steps


# --- Confidence ---


def reliability(hits):
    """hits: (stated 0…1, right). Rows of (from, count, mean stated, share right) and the expected
    calibration error."""
    bins = [[] for _ in range(CONFIDENCE_BINS)]
    for stated, right in hits:
        bins[min(int(stated * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)].append((stated, right))
    rows, error = [], 0.0
    for n, content in enumerate(bins):
        if not content:
            rows.append((n / CONFIDENCE_BINS, 0, None, None))
            continue
        stated = statistics.fmean(s for s, _ in content)
        observed = statistics.fmean(float(r) for _, r in content)
        rows.append((n / CONFIDENCE_BINS, len(content), stated, observed))
        error += len(content) / len(hits) * abs(stated - observed)
    return rows, error if hits else None
