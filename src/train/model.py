"""The beat network: a causal stack of dilated, gated convolutions, and its training labels.

SPDX-License-Identifier: GPL-3.0-or-later
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

BLOCKS = 9
INPUTS = 80
DELAY = 8           # the label's centre lies this many frames after the frame that ends at the beat
LABEL_SIGMA = 1.1


class Gate(torch.autograd.Function):
    """tanh(a) * sigmoid(b) of the two halves; keeps only its own two factors for the way back."""

    @staticmethod
    def forward(ctx, h):
        a, b = h.chunk(2, 1)
        t, s = torch.tanh(a), torch.sigmoid(b)
        ctx.save_for_backward(t, s)
        return t * s

    @staticmethod
    def backward(ctx, grad):
        t, s = ctx.saved_tensors
        g = grad * s
        return torch.cat([torch.addcmul(g, g * t, t, value=-1), torch.addcmul(g * t, g * t, s, value=-1)], 1)


class BeatNet(nn.Module):
    """[batch, 80, 1, frames] -> [batch, 2, frames] logits of beat and downbeat.

    Written as 2-D convolutions in channels-last order because those are the fastest here.
    """

    def __init__(self, channels):
        super().__init__()
        self.channels = channels
        self.enter = nn.Conv2d(INPUTS, channels, 1)
        self.look = nn.ModuleList(nn.Conv2d(channels, 2 * channels, (1, 3), dilation=(1, 2 ** i)) for i in range(BLOCKS))
        self.mix = nn.ModuleList(nn.Conv2d(channels, channels, 1) for i in range(BLOCKS))
        self.leave = nn.Conv2d(channels, 2, 1)
        nn.init.constant_(self.leave.bias, -3.0)
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        x = torch.relu(self.enter(x))
        for i, (look, mix) in enumerate(zip(self.look, self.mix)):
            x = x + mix(Gate.apply(look(F.pad(x, (2 << i, 0)))))
        return self.leave(x)[:, :, 0]


def as_input(frames):
    """[batch, frames, 80] array -> the network's view of it, without a copy."""
    return torch.from_numpy(frames).permute(0, 2, 1)[:, :, None]


def labels(times_frames, frames):
    """A bump of sigma 1.1 frames at each position, zero below .1."""
    out = np.zeros(frames, np.float32)
    for k in range(-3, 4):
        at = np.round(times_frames).astype(int) + k
        value = np.exp(-.5 * ((at - times_frames) / LABEL_SIGMA) ** 2)
        ok = (at >= 0) & (at < frames) & (value >= .1)
        np.maximum.at(out, at[ok], value[ok].astype(np.float32))
    return out


def activations(net, inputs):
    """Sigmoid outputs [frames, 2] of one whole piece."""
    with torch.no_grad():
        return torch.sigmoid(net(as_input(inputs[None])))[0].numpy().T
