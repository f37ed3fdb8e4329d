#!/usr/bin/python3
# Prints how many pieces are told an octave off before and after 20 feedbacks "wrong-octave", each
# given on another piece of the same kind once its tempo has been an octave off for 10 s.
#
#   learning.py [--build FOLDER] [--audio FOLDER]
#
# Generated drums: slow ones and fast ones, half of them to learn from and the others to measure,
# and those between, to which it must do no harm. FOLDER: annotated music, as for beats.py; of every
# set each second piece is learnt from.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import argparse
import concurrent.futures
import os
import sys
import tempfile

sys.dont_write_bytecode = True
import beat_material
import beat_scores as scores
import beat_trackers

PROCESSES = 2
FEEDBACKS = 20
PATIENCE_S = 10
SETTLED_S = 10  # of each piece are left out of the measure
PATTERNS = ["four", "offhat", "backbeat", "eighthbass", "swunghat"]
SECONDS = 24


class Piece:
    def __init__(self, sound, beats):
        self.sound, self.beats = sound, beats

    def ratio(self, told):
        """Told tempo by the true one, over beats (time, when told, bpm)."""
        return scores.tempo_ratio(self.beats, [(time, bpm) for time, _, bpm in told])


def drums(tempi, seed):
    pieces = []
    for bpm in tempi:
        beats = [n * 60 / bpm for n in range(int(SECONDS * bpm / 60))]
        for pattern in PATTERNS:
            what = "synth:drums?pattern=%s&bpm=%d&seconds=%d&seed=%d"
            pieces.append(Piece(what % (pattern, bpm, SECONDS, seed), beats))
    return pieces


def annotated(folder):
    """Every second piece of each set, and the others."""
    halves, count = ([], []), {}
    for item in beat_material.annotated(folder, quick=False):
        if not item.negative:
            count[item.set] = count.get(item.set, 0) + 1
            halves[count[item.set] % 2].append(Piece(item.sound, item.beats))
    return halves


class Venue:
    """A folder in which a model is, or will be."""

    def __init__(self, build, folder):
        self.program = os.path.join(build, "jack-analyzer")
        self.learner = os.path.join(build, "test/tools/ja-learn")
        self.environment = ["env", "-u", "STATE_DIRECTORY", "XDG_STATE_HOME=" + folder]

    def analyse(self, piece):
        """(time, when told, bpm) of each beat."""
        printed, _ = beat_trackers.run(self.environment + [
            self.program, "-q", "-S", "learn.use_offline=true", "-S", "governor.level=low", "-f", piece.sound, "-e", "-"])
        beats, _ = beat_trackers.read_events(printed)
        return [(b["time"], b["emitted"], b["bpm"]) for b in beats]

    def feed_back(self, pieces):
        """Returns how many feedbacks were given."""
        given = 0
        for piece in pieces * 3:
            due = off_since(piece, self.analyse(piece))
            if due is None:
                continue
            beat_trackers.run(self.environment + [
                self.learner, piece.sound, "%.3f" % due, "wrong-octave"])
            given += 1
            if given == FEEDBACKS:
                break
        return given

    def measure(self, pieces):
        """(share an octave off, share with the right tempo)."""

        def ratio(piece):
            return piece.ratio([b for b in self.analyse(piece) if b[0] >= SETTLED_S])

        with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
            ratios = list(pool.map(ratio, pieces))
        return tuple(sum(scores.is_ratio(r, wanted) for r in ratios) / len(ratios)
                     for wanted in (scores.OCTAVES, (1,)))


def off_since(piece, told):
    """When the tempo has been an octave off for so long that one says so; None: never."""
    since = None
    for beat in told:
        if not scores.is_ratio(piece.ratio([beat]), scores.OCTAVES):
            since = None
        elif since is None:
            since = beat[1]
        elif beat[1] - since >= PATIENCE_S:
            return beat[1]
    return None


def print_table(build, kinds, measured):
    print("%-34s" % "share an octave off / right"
          + "".join("%24s" % ("%s (%d)" % (name, len(pieces))) for name, pieces in measured))
    for name, pieces in [("before", [])] + kinds:
        with tempfile.TemporaryDirectory() as folder:
            venue = Venue(build, folder)
            given = venue.feed_back(pieces)
            cells = ["%.1f / %.1f %%" % tuple(100 * share for share in venue.measure(group))
                     for _, group in measured]
        row = name if not pieces else "after %d feedbacks: %s" % (given, name)
        print("%-34s" % row + "".join("%24s" % cell for cell in cells), flush=True)


def main():
    parser = argparse.ArgumentParser(description="Measures learning from feedback.")
    parser.add_argument("--build", default="build/plain", help="where the program is")
    parser.add_argument("--audio", help="folder with annotated music and its index.tsv")
    arguments = parser.parse_args()
    os.nice(10)
    slow, fast = drums(range(56, 74, 4), 1), drums(range(184, 214, 6), 1)
    print_table(arguments.build, [("slow", slow), ("fast", fast)],
                [("slow, 58-74 bpm", drums(range(58, 76, 4), 2)),
                 ("fast, 187-211 bpm", drums(range(187, 214, 6), 2)),
                 ("between, 80-176 bpm", drums(range(80, 177, 12), 2))])
    if arguments.audio:
        learnt, others = annotated(arguments.audio)
        print_table(arguments.build, [("annotated", learnt)], [("other annotated", others)])


if __name__ == "__main__":
    try:
        main()
    except beat_trackers.Failed as failure:
        sys.exit("learning.py: " + str(failure))
