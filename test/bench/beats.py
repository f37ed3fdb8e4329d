#!/usr/bin/python3
# Prints tables of how well beats are tracked: by jack-analyzer, by its engine "aubio", by aubio's
# own tool and by any tracker given as a command, on generated and on annotated music.
#
#   beats.py [--quick] [--each] [--ours-only] [--audio FOLDER] [--sets A,B]
#            [--tracker 'NAME=COMMAND {}']... [--variant OPTION=VALUE,...]...
#
# FOLDER/index.tsv: a line of column names after '#', then one line a file, '-' for none; used are
# set, audio (or wav), beats, genre ("negative…": there is no beat). Beats: "time [beat in bar]".
# A tracker prints one beat a line: its time in seconds, and after it, if later, when it was told.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import argparse
import concurrent.futures
import math
import os
import statistics
import sys
import tempfile
import wave

sys.dont_write_bytecode = True
import beat_material
import beat_scores as scores
import beat_trackers

PROCESSES = 2
SURE = 0.5


# --- One file ---


def acted(beats):
    """When a receiver can act on each beat."""
    return [max(b["time"], b["emitted"]) for b in beats]


def told_tempi(beats, times):
    """The tempo told with each beat, or that of the last beats where none is."""
    return [(time, b["bpm"] if b["bpm"] else scores.tempo_at(times[:n + 1], time))
            for n, (b, time) in enumerate(zip(beats, times))]


def score_tempo(truth, found, tempi):
    ratio = scores.tempo_ratio(truth, tempi)
    right = scores.is_ratio(ratio, (1,))
    off = scores.f_measure(scores.off_beat(truth), found)
    return {
        "tempo 1": right,
        "tempo 2": right or scores.is_ratio(ratio, (2, 1 / 2, 3, 1 / 3)),
        "octave": scores.is_ratio(ratio, scores.OCTAVES),
        "off-beat": right and off > 0.5 and off > scores.f_measure(truth, found),
        "3:2": scores.is_ratio(ratio, scores.THIRDS),
    }


def score_locking(item, found, answer, has_states):
    start = item.beats[0]
    score = {"lock s": scores.first_lock(item.beats, found) - start}
    score["never"] = math.isinf(score["lock s"])
    if has_states:
        score["state s"] = math.inf if answer["locked"] is None else answer["locked"] - start
    steps = scores.tempo_steps(item.beats) if item.steps is None else item.steps
    ends = steps[1:] + [math.inf]
    relocks = [scores.first_lock(item.beats, found, step, end) - step
               for step, end in zip(steps, ends)]
    return dict(score, relocks=relocks)


def score_file(item, answer, has_states):
    """The scores of one answer; names as in the tables' heads, other keys are for pooling."""
    beats = answer["beats"]
    times = acted(beats)
    span = scores.scored_span(item.beats, answer["seconds"])
    truth = item.scored(scores.within(item.beats, span))
    wanted = set(item.scored(scores.within(times, span)))
    kept = [(b, time) for b, time in zip(beats, times) if time in wanted]
    found = [time for _, time in kept]
    pairs = scores.match(truth, found)
    met = {j for _, j in pairs}
    score = {
        "F": scores.f_measure(truth, found),
        "F level": max(scores.f_measure(level, found)
                       for level in scores.levels(truth, item.ternary)),
        "CMLt": scores.cml_t(truth, found),
        "AMLt": scores.aml_t(truth, found),
        "gain": scores.information_gain(truth, found),
    }
    score.update(score_tempo(truth, found, told_tempi([b for b, _ in kept], found)))
    score.update(score_locking(item, times, answer, has_states))
    if pairs:
        score["error ms"] = 1000 * statistics.median(found[j] - truth[i] for i, j in pairs)
    if kept:
        score["late ms"] = 1000 * statistics.median(b["emitted"] - b["time"] for b, _ in kept)
    if item.bars and any(b["bar"] is not None for b in beats):
        bars = item.scored(scores.within(item.bars, span))
        score["bar F"] = scores.f_measure(bars, [time for b, time in kept if b["bar"] == 1])
    score["hits"] = [(b["confidence"], n in met) for n, (b, _) in enumerate(kept)
                     if b["confidence"] is not None]
    return score


# --- All files ---


class Bench:
    def __init__(self, build, trackers, memory):
        self.studio = beat_material.Studio(build)
        self.trackers = trackers
        self.memory = memory

    def answers(self, item, work):
        """Every tracker's answer to one file; what is remembered is not asked again."""
        path, digest = item.prepare(self.studio, work)
        decoded, answers = None, {}
        for tracker in self.trackers:
            answer = self.memory.recall(tracker, digest)
            if answer is None:
                decoded = decoded or self.studio.decoded(path, work)
                with wave.open(decoded) as file:
                    seconds = file.getnframes() / file.getframerate()
                answer = dict(tracker.start(decoded), seconds=seconds)
                self.memory.keep(tracker, digest, answer)
            answers[tracker.name] = answer
        return answers

    def measure(self, item):
        try:
            with tempfile.TemporaryDirectory() as work:
                answers = self.answers(item, work)
        except beat_trackers.Failed as failure:
            print("# %s: %s" % (item.name, failure), file=sys.stderr)
            return None
        result = {}
        for tracker in self.trackers:
            answer = answers[tracker.name]
            score = {"cpu": answer["cpu"], "seconds": answer["seconds"]}
            if item.negative:
                score["told"] = [b["confidence"] for b in answer["beats"]]
            else:
                score.update(score_file(item, answer, tracker.has_states))
            result[tracker.name] = score
        return result

    def run(self, items):
        """Pairs of item and {tracker: scores}, in the items' order."""
        with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
            results = list(zip(items, pool.map(self.measure, items)))
        return [(item, result) for item, result in results if result]


# --- Tables ---


def mean(form, factor=1):
    return lambda values: form % (factor * statistics.fmean(values))


def median_or_never(values):
    middle = statistics.median_high(values)
    return "never" if math.isinf(middle) else "%.1f" % middle


SHARE = mean("%.1f", 100)
RIGHT = [(name, SHARE) for name in ("F", "F level", "CMLt", "AMLt", "gain", "tempo 1", "tempo 2",
                                    "octave", "off-beat", "3:2")]
TIMING = [("lock s", median_or_never), ("never", SHARE), ("state s", median_or_never),
          ("error ms", lambda values: "%+.1f" % statistics.median(values)),
          ("late ms", lambda values: "%+.1f" % statistics.median(values)), ("bar F", SHARE)]


def print_table(title, rows, left=2):
    print(title)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) if column < left else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        print("  " + "  ".join(cells).rstrip())
    print(flush=True)


def cells_of(columns, files):
    cells = []
    for name, form in columns:
        values = [score[name] for score in files if name in score]
        cells.append(form(values) if values else "-")
    return cells


def relock_cells(files):
    relocks = [time for score in files for time in score["relocks"]]
    return [median_or_never(relocks) if relocks else "-", "%d" % len(relocks)]


def cpu_cell(files):
    return "%.3f" % (100 * sum(s["cpu"] for s in files) / sum(s["seconds"] for s in files))


def grouped(results, key):
    groups = {}
    for item, result in results:
        name = key(item)
        if name is not None:
            groups.setdefault(name, []).append((item, result))
    return groups


def table_rows(groups, trackers, head, cells):
    rows = [["", "tracker", "files"] + head]
    for name, results in groups.items():
        for tracker in trackers:
            files = [result[tracker.name] for _, result in results]
            rows.append([name, tracker.name, "%d" % len(files)] + cells(files))
    return rows


def mean_of_sets(by_set, trackers):
    """Rows in which every set weighs the same, however many files it has."""
    rows = []
    for tracker in trackers:
        cells = []
        for name, form in RIGHT:
            means = [statistics.fmean(result[tracker.name][name] for _, result in files)
                     for files in by_set.values()]
            cells.append(form(means))
        rows.append(["mean of sets", tracker.name, "%d" % sum(map(len, by_set.values()))] + cells)
    return rows


def set_name(results):
    item = results[0][0]
    return ("~" if item.ambiguous else "") + item.set


def print_sets(title, results, trackers):
    # The scenarios' tempi are ambiguous here and there; the table by tempo tells where.
    plain = grouped(results, lambda item: item.set)
    groups = {name if "tempo" in files[0][0].groups else set_name(files): files
              for name, files in plain.items()}
    if len(plain) > 1:
        groups["all files"] = results
    rows = table_rows(groups, trackers, [name for name, _ in RIGHT],
                      lambda files: cells_of(RIGHT, files))
    if len(plain) > 1:
        rows += mean_of_sets(plain, trackers)
    print_table(title + ": right beats (percent; ~: the level is a matter of taste, see F level)",
                rows)
    names = [name for name, _ in TIMING]
    print_table(title + ": time (medians; never, bar F, CPU in percent)",
                table_rows(groups, trackers, names + ["re-lock s", "of", "CPU"],
                           lambda files: cells_of(TIMING, files) + relock_cells(files)
                           + [cpu_cell(files)]))


def print_groups(title, results, trackers, group):
    groups = grouped(results, lambda item: item.groups.get(group))
    if groups:
        print_table(title, table_rows(groups, trackers, [name for name, _ in RIGHT],
                                      lambda files: cells_of(RIGHT, files)))


def print_reliability(title, results, trackers):
    rows, tables = [["confidence"]], []
    for tracker in trackers:
        hits = [hit for _, result in results for hit in result[tracker.name]["hits"]]
        if hits:
            tables.append(scores.reliability(hits))
            rows[0] += ["", tracker.name + ":", "beats", "stated", "right"]
    if not tables:
        return
    for n in range(scores.CONFIDENCE_BINS):
        row = ["%.1f" % (n / scores.CONFIDENCE_BINS)]
        for bins, _ in tables:
            _, count, stated, right = bins[n]
            row += ["", "", "%d" % count]
            row += ["%.3f" % stated, "%.3f" % right] if count else ["-", "-"]
        rows.append(row)
    rows.append(["error"])
    for _, error in tables:
        rows[-1] += ["", "", "", "", "%.3f" % error]
    print_table(title + ": are confidences true? (error: expected calibration error)", rows, left=1)


def print_negatives(results, trackers):
    rows = [["", "", "s"] + [tracker.name + suffix for tracker in trackers
                             for suffix in ([""] + [" >= %g" % SURE] * tracker.has_states)]]
    for item, result in results:
        row = [item.set, item.name, "%.0f" % next(iter(result.values()))["seconds"]]
        for tracker in trackers:
            told = result[tracker.name]["told"]
            row.append("%d" % len(told))
            if tracker.has_states:
                row.append("%d" % sum(confidence >= SURE for confidence in told))
        rows.append(row)
    rows.append(["", "sum"] + ["%d" % sum(int(row[n]) for row in rows[1:])
                               for n in range(2, len(rows[0]))])
    print_table("No beat to be found: beats told, and those with confidence >= %g" % SURE, rows)


def print_each(results, trackers):
    names = ["F", "F level", "CMLt", "AMLt", "lock s"]
    rows = [["", "tracker"] + names + ["file"]]
    for item, result in results:
        for tracker in trackers:
            score = result[tracker.name]
            row = ["%.3f" % score[name] for name in names]
            rows.append([item.set, tracker.name] + row + [item.name])
    print_table("Every file", rows)


NOTES = """\
All but "late ms" is measured on the time at which a receiver can act on a beat: the later of its
time and the moment it was told; a tracker that does not say when gets the benefit of the doubt.
The first %g s are left out, of all but locking; right is within %g ms.
bar F: of first beats in a bar. "four", "offhat", "eighthbass" do not let one hear where bars begin.
F level: the best F at the annotated level or twice, half (3/4, 6/8: thrice, a third) as fast.
CMLt: right phase and interval; AMLt: also off the beat, twice, half as fast. gain: of information.
tempo 1: within %g %%; tempo 2: also octave and third. octave, off-beat, 3:2: files so tracked.
lock s: from the first beat until the first of %d right ones in a row; state s: until "locked".
re-lock s: after a step in tempo or the drums' return (crossfade: from its middle), of so many.
error ms: signed, of right beats; late ms: told after its time; CPU: of the sound's length, as WAV.
""" % (scores.SKIP_S, 1000 * scores.WINDOW_S, 100 * scores.TEMPO, scores.LOCK_BEATS)


def print_part(title, results, trackers, each):
    music = [(item, result) for item, result in results if not item.negative]
    if music:
        print_sets(title, music, trackers)
        print_groups(title + ", the eight scenarios by tempo", music, trackers, "tempo")
        print_groups(title + ", the eight scenarios by sample rate", music, trackers, "rate")
        print_groups(title + ", by level", music, trackers, "level")
        print_reliability(title, music, trackers)
        if each:
            print_each(music, trackers)
    negative = [(item, result) for item, result in results if item.negative]
    if negative:
        print_negatives(negative, trackers)


# --- Options ---


def parse_arguments():
    parser = argparse.ArgumentParser(description="Prints tables of how well beats are tracked.")
    parser.add_argument("--build", default="build/plain", help="where the program is")
    parser.add_argument("--audio", help="folder with annotated music and its index.tsv")
    parser.add_argument("--tracker", action="append", default=[],
                        help="a further tracker: NAME=command, {} is the file")
    parser.add_argument("--variant", action="append", default=[],
                        help="the program with other options, such as beat.engine=flux")
    parser.add_argument("--sets", help="only these sets, separated by commas")
    parser.add_argument("--quick", action="store_true", help="few files of each set")
    parser.add_argument("--each", action="store_true", help="also every file's scores")
    parser.add_argument("--ours-only", action="store_true", help="no other tracker")
    return parser.parse_args()


def choose_trackers(arguments):
    trackers = [beat_trackers.ours(arguments.build)]
    if not arguments.ours_only:
        trackers += [beat_trackers.ours(arguments.build, "engine aubio", ["beat.engine=aubio"]),
                     beat_trackers.Tracker("aubio beat", ["aubio", "beat", "-i"])]
    trackers += [beat_trackers.ours(arguments.build, text, text.split(","))
                 for text in arguments.variant]
    return trackers + [beat_trackers.from_command(text) for text in arguments.tracker if text]


def main():
    arguments = parse_arguments()
    os.nice(10)
    trackers = choose_trackers(arguments)
    bench = Bench(arguments.build, trackers, beat_trackers.Memory("build/bench/beats"))
    parts = [("Generated", beat_material.generated(arguments.quick))]
    if arguments.audio:
        parts.append(("Annotated", beat_material.annotated(arguments.audio, arguments.quick)))
    for title, items in parts:
        if arguments.sets:
            items = [item for item in items if item.set in arguments.sets.split(",")]
        print_part(title, bench.run(items), trackers, arguments.each)
    print(NOTES, end="")


if __name__ == "__main__":
    try:
        main()
    except beat_trackers.Failed as failure:
        sys.exit("beats.py: " + str(failure))
