"""Gathers the annotated open recordings: features once, a fixed split, the manifest.

SPDX-License-Identifier: GPL-3.0-or-later

`corpus.py AUDIO WORK` reads AUDIO/index.tsv and writes WORK/train, WORK/dev and WORK/validation.
Pieces whose licence does not fit GPL-3.0-or-later, and whole sources kept apart for tuning, go to
dev; everything under validation/ is for measuring only and train.py never looks there.
"""
import csv
import os
import sys
import zlib

import numpy as np
import soundfile

import features
import render

# GPL-2.0 alone and CC BY-SA 3.0 do not fit; hydrogen, lmms and fof are kept apart whole, as sources.
TRAIN_LICENCES = ("CC0", "CC BY 4.0", "MIT", "BSD-3-Clause")
DEV_SETS = ("hydrogen", "lmms", "fof", "midi_openmsx")
DEV_SHARE = dict(midi_freedoom=5, midi_pop909=5, waivops=6)   # every n-th piece, by checksum of its name
MAX_BPM = 215


def split_of(row):
    name, path = row["set"], row["wav"]
    if path.startswith("validation/"):
        return "validation"
    if name in DEV_SETS or not row["licence"].startswith(TRAIN_LICENCES):
        return "dev"
    return "dev" if name in DEV_SHARE and zlib.crc32(os.path.basename(path).encode()) % DEV_SHARE[name] == 0 else "train"


def read_beats(path):
    rows = [line.split() for line in open(path) if line.strip()]
    return np.array([[float(r[0]), float(r[1]) if len(r) > 1 else 0] for r in rows])


def main():
    audio_root, work = sys.argv[1:3]
    rows = list(csv.DictReader(open(audio_root + "/index.tsv"), delimiter="\t"))
    manifest = []
    for row in rows:
        name = row.get("#set")
        row["set"] = name
        if name in ("onset_midi", "pitch_synth"):
            continue
        negative = name == "negatives"
        if row["beats"] == "-" and not negative:
            continue
        beats = np.zeros((0, 2)) if negative else read_beats(audio_root + "/" + row["beats"])
        split = split_of(row)
        if split == "train" and len(beats) > 2 and 60 / np.median(np.diff(beats[:, 0])) > MAX_BPM:
            split = "dev"
        os.makedirs("%s/%s" % (work, split), exist_ok=True)
        target = "%s/%s/%s--%s.npz" % (work, split, name, os.path.basename(row["wav"])[:-5])
        manifest.append((split, name, row["licence"], float(row["duration_s"]) / 60))
        if not os.path.exists(target):
            audio, rate = soundfile.read(audio_root + "/" + row["wav"], dtype="float32", always_2d=True)
            render.save(target, audio.mean(1), rate, beats)
    for key in sorted({m[:3] for m in manifest}):
        minutes = [m[3] for m in manifest if m[:3] == key]
        print("%s\t%s\t%s\t%d pieces\t%.1f min" % (*key, len(minutes), sum(minutes)))


if __name__ == "__main__":
    main()
