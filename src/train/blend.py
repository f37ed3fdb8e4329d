"""Blends two networks, of which one was trained on from the other: what one has learned, the other has not yet forgotten.

SPDX-License-Identifier: GPL-3.0-or-later

`blend.py MODEL1 MODEL2 SHARE MODEL` writes MODEL, each weight being 1 - SHARE of MODEL1's and SHARE of MODEL2's.
"""
import sys

import torch


def main():
    first, second = (torch.load(path) for path in sys.argv[1:3])
    share = float(sys.argv[3])
    mean = {name: (1 - share) * first["mean"][name] + share * weight for name, weight in second["mean"].items()}
    torch.save({**{key: second[key] for key in ("channels", "seed", "step", "spent")}, "mean": mean}, sys.argv[4])


if __name__ == "__main__":
    main()
