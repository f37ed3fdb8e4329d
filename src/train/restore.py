"""Reads weights back from the C that export.py wrote, so that training can go on where no checkpoint is left.

SPDX-License-Identifier: GPL-3.0-or-later

`restore.py WEIGHTS.c MODEL` writes MODEL, for train.py --from, evaluate.py and export.py.
"""
import re
import sys

import numpy as np
import torch

from model import BLOCKS, INPUTS


def arrays_of(path):
    """Name after ja_weights_ -> numbers."""
    found = re.findall(r"ja_weights_(\w+)\[\d+\] = \{(.*?)\};", open(path).read(), re.S)
    return {name: np.array([float(w.rstrip("f")) for w in text.replace(",", " ").split()], np.float32) for name, text in found}


def state_of(arrays):
    """The network's state; the arrays are [taps][in][out], torch has [out][in][1][taps]."""
    c = len(arrays["enter_bias"])
    state = {}

    def place(name, weight, bias, taps, inputs, outputs):
        turned = torch.from_numpy(weight.copy()).reshape(taps, inputs, outputs).permute(2, 1, 0)
        state[name + ".weight"] = turned[:, :, None].contiguous()
        state[name + ".bias"] = torch.from_numpy(bias.copy())

    place("enter", arrays["enter"], arrays["enter_bias"], 1, INPUTS, c)
    for name, taps, outputs in (("look", 3, 2 * c), ("mix", 1, c)):
        parts = zip(np.split(arrays[name], BLOCKS), np.split(arrays[name + "_bias"], BLOCKS))
        for i, (weight, bias) in enumerate(parts):
            place("%s.%d" % (name, i), weight, bias, taps, c, outputs)
    place("leave", arrays["leave"], arrays["leave_bias"], 1, c, 2)
    return state, c


def main():
    source, target = sys.argv[1:3]
    state, channels = state_of(arrays_of(source))
    seed, step = re.search(r"seed (\d+), (\d+) steps", open(source).read()).groups()
    torch.save(dict(mean=state, channels=channels, seed=int(seed), step=int(step), spent=0.0), target)


if __name__ == "__main__":
    main()
