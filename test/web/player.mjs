// The ring that plays what comes by the network, without a browser: its clock, gaps and skips.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {readFileSync} from 'node:fs';
import {check} from './check.mjs';

// A module to browsers alone: nothing says so to node.
const text = readFileSync(new URL('../../src/web/page/player.js', import.meta.url), 'utf8');
const {Player} = await import(`data:text/javascript,${encodeURIComponent(text)}`);

const BLOCK_S = 0.02, PULL = 128, HZ = 1000;

// A server whose clock is off by some part, and who sends a sine.
class Sender {
    constructor(player, {rate = 48000, channels = 2, off = 0} = {}) {
        Object.assign(this, {player, rate, channels, off, seq: 0, frame: 0});
    }

    // Sends what is due until a time of ours.
    until(time) {
        for (const frames = this.rate * BLOCK_S; this.frame < time * this.rate * (1 + this.off);) {
            const samples = new Float32Array(frames * this.channels);
            for (let i = 0; i < samples.length; i++)
                samples[i] = 0.5 * Math.sin(2 * Math.PI * HZ * (this.frame + Math.floor(i / this.channels)) / this.rate);
            this.player.push(samples, {rate: this.rate, channels: this.channels, seq: this.seq++});
            this.frame += frames;
        }
    }
}

// Plays from one time to another, in seconds; the last second's left samples.
function play(player, sender, from, to) {
    const left = new Float32Array(PULL), right = new Float32Array(PULL), heard = [];
    for (let time = from; time < to; time += PULL / player.outRate) {
        sender?.until(time);
        player.pull(left, right);
        if (time > to - 1)
            heard.push(...left);
    }
    return heard;
}

// Frequency by the rises through zero, and how far the samples are from a sine of it, as a part.
function measure(samples, rate) {
    const rises = samples.flatMap((value, i) => (i > 0 && samples[i - 1] < 0 && value >= 0
        ? [i - value / (value - samples[i - 1])] : []));
    const hz = (rises.length - 1) * rate / (rises.at(-1) - rises[0]);
    const short = samples.slice(0, rate / 20); // so that a wrong last digit of hz does not count
    let [cc, ss, cs, cx, sx, power] = [0, 0, 0, 0, 0, 0];
    short.forEach((value, i) => {
        const [c, s] = [Math.cos(2 * Math.PI * hz * i / rate), Math.sin(2 * Math.PI * hz * i / rate)];
        [cc, ss, cs, cx, sx] = [cc + c * c, ss + s * s, cs + c * s, cx + c * value, sx + s * value];
        power += value * value;
    });
    const sine = (cx * cx * ss - 2 * cx * sx * cs + sx * sx * cc) / (cc * ss - cs * cs); // least squares
    return {hz, other: Math.sqrt(Math.max(0, power - sine) / power)};
}

export function testPlayer() {
    for (const [rate, off] of [[48000, 0], [48000, 3e-4], [48000, -3e-4], [44100, 0], [96000, 1e-4]]) {
        const player = new Player(48000), sender = new Sender(player, {rate, off});
        const {hz, other} = measure(play(player, sender, 0, 90), 48000);
        const {waitingS, gaps, skips} = player.report();
        check(gaps === 0 && skips === 0 && waitingS > 0.1 && waitingS < 0.2,
            `${rate} Hz, clock off by ${off * 1e6} ppm: neither empty nor full`, player.report());
        check(Math.abs(hz - HZ * (1 + off)) < 0.5 && other < 0.003, 'and a sine stays one', hz, other);
    }
    const player = new Player(48000), sender = new Sender(player);
    play(player, sender, 0, 2);
    const silent = play(player, null, 2, 3.5);
    check(player.report().gaps === 1 && silent.every((value) => value === 0), 'when nothing comes it is silent',
        player.report());
    sender.frame = 3.5 * 48000;
    play(player, sender, 3.5, 6);
    check(player.report().isPlaying && player.report().gaps === 1 && player.report().waitingS > 0.18,
        'then it goes on, and waits for more', player.report());
    sender.until(8);
    check(player.report().skips >= 1 && player.report().waitingS < 0.35, 'of too much at once some is skipped',
        player.report());
    sender.seq += 7;
    sender.until(8.02);
    check(player.report().missed === 7, 'lost blocks are counted', player.report());
    const many = new Player(48000);
    many.push(Float32Array.from({length: 8 * 9600}, (_, i) => [0.1, 0.2, 0.3, 0.4][i % 4]),
        {rate: 48000, channels: 4, seq: 0});
    const [left, right] = [new Float32Array(4800), new Float32Array(4800)];
    many.pull(left, right);
    check(Math.abs(left[4000] - 0.2) < 1e-3 && Math.abs(right[4000] - 0.3) < 1e-3,
        'of four channels two go to each side', left[4000], right[4000]);
}
