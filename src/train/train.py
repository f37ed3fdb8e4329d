"""Trains the beat network on a clock: AdamW, cosine over the minutes given, averaged weights.

SPDX-License-Identifier: GPL-3.0-or-later

`train.py RUN FOLDER... --minutes M` writes RUN/last.pt every few minutes and goes on from it when it
exists; --from MODEL begins with that network instead of chance; --beats-of MODEL takes that network's beats for the
labels of beats at common tempi, or a share of them, so that only what is new is learned. Examples are drawn by a
second process. Nothing else is read but the FOLDERs.
"""
import argparse
import multiprocessing
import os
import time

import numpy as np
import torch

import augment
from model import BeatNet, as_input

EMA = .998
DOWNBEATS = 1.0     # weight of their loss; they are four times rarer than beats


def supply(folders, seed, size, queue):
    corpus, rng, drawn = augment.Corpus(folders), np.random.default_rng(seed), 0
    print("corpus: " + ", ".join("%s %d" % (k, len(v)) for k, v in corpus.sets.items()), flush=True)
    while True:
        queue.put(augment.batch(corpus, rng, size))
        drawn += 1
        if drawn % 250 == 0:
            corpus.refresh()


def follow_teacher(teacher, share, inputs, targets, common):
    """Takes a share of the beats' labels from another network, where the tempo is one that it knows."""
    with torch.no_grad():
        known = common > 0
        beats = torch.sigmoid(teacher(inputs[known])[:, 0])
        targets[known, 0] = (1 - share) * targets[known, 0] + share * beats


def loss_of(net, inputs, targets, bars):
    weight = torch.ones(targets.shape[2])
    weight[:150] = .3
    each = torch.nn.functional.binary_cross_entropy_with_logits(net(inputs), targets, reduction="none") * weight
    return each[:, 0].mean() + DOWNBEATS * (each[:, 1] * bars[:, None]).mean()


def network_of(path, channels):
    net = BeatNet(channels)
    net.load_state_dict(torch.load(path)["mean"])
    return net


def main():
    p = argparse.ArgumentParser()
    p.add_argument("run")
    p.add_argument("folders", nargs="+")
    p.add_argument("--from", dest="origin", help="a network to begin with")
    p.add_argument("--beats-of", help="a network whose beats are to stay, at common tempi")
    p.add_argument("--share", type=float, default=1, help="of its beats in the labels")
    p.add_argument("--channels", type=int, default=40)
    p.add_argument("--batch", type=int, default=24)
    p.add_argument("--minutes", type=float, default=60, help="length of the whole schedule")
    p.add_argument("--rate", type=float, default=4e-3)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    os.makedirs(a.run, exist_ok=True)
    torch.set_num_threads(a.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(a.seed)
    net = network_of(a.origin, a.channels) if a.origin else BeatNet(a.channels)
    mean, teacher = BeatNet(a.channels), network_of(a.beats_of, a.channels) if a.beats_of else None
    mean.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), lr=a.rate, weight_decay=1e-4)
    step, spent, path = 0, 0.0, a.run + "/last.pt"
    if os.path.exists(path):
        saved = torch.load(path)
        net.load_state_dict(saved["net"])
        mean.load_state_dict(saved["mean"])
        optimiser.load_state_dict(saved["optimiser"])
        step, spent = saved["step"], saved["spent"]

    queue = multiprocessing.Queue(6)
    supplier = multiprocessing.Process(target=supply, args=(a.folders, (a.seed, step), a.batch, queue), daemon=True)
    supplier.start()
    total, losses, saved_at, began = a.minutes * 60, [], time.time(), None

    def save():
        torch.save(dict(net=net.state_dict(), mean=mean.state_dict(), optimiser=optimiser.state_dict(), step=step,
                        spent=spent, channels=a.channels, seed=a.seed), path + ".part")
        os.rename(path + ".part", path)

    while spent < total:
        inputs, targets, bars, common = queue.get()
        inputs, targets, bars = as_input(inputs), torch.from_numpy(targets), torch.from_numpy(bars)
        if teacher and common.any():
            follow_teacher(teacher, a.share, inputs, targets, torch.from_numpy(common))
        began = began or time.time()
        rate = a.rate * min(1, (step + 1) / 60) * max(.02, .5 + .5 * np.cos(np.pi * spent / total))
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        loss = loss_of(net, inputs, targets, bars)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        keep = min(EMA, (step + 1) / (step + 20))
        with torch.no_grad():
            for m, n in zip(mean.parameters(), net.parameters()):
                m.mul_(keep).add_(n, alpha=1 - keep)
        step += 1
        losses.append(loss.item())
        now = time.time()
        spent, began = spent + now - began, now
        if step % 50 == 0:
            print("step %d, %.1f min, rate %.2g, loss %.4f" % (step, spent / 60, rate, np.mean(losses[-50:])), flush=True)
        if now - saved_at > 150:
            save()
            saved_at = now
    save()
    supplier.terminate()


if __name__ == "__main__":
    main()
