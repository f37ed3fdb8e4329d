// The last seconds of the sound, with the beats in them.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {colours} from './picture.js';

const PAST_S = 10, FUTURE_S = 1;

// How high a level is drawn: quiet music is to be seen, too.
const height = (level) => Math.sqrt(Math.min(1, Math.max(0, level || 0)));

// One shape, mirrored at the middle, of a value of each frame.
function band(picture, frames, x, key, colour) {
    const {context} = picture, middle = picture.height / 2, most = middle - picture.unit;
    context.beginPath();
    for (const one of frames)
        context.lineTo(x(one.time), middle - most * height(one[key]));
    for (let i = frames.length - 1; i >= 0; i--)
        context.lineTo(x(frames[i].time), middle + most * height(frames[i][key]));
    context.fillStyle = colour;
    context.fill();
}

export function drawWaveform(picture, model, now) {
    picture.begin();
    const x = (time) => (time - now + PAST_S) / (PAST_S + FUTURE_S) * picture.width;
    const foot = picture.height - picture.unit;
    picture.box(0, picture.unit, picture.width, picture.height - 2 * picture.unit, colours.ground);
    const frames = model.wave.filter((one) => one.time > now - PAST_S - 0.1);
    if (frames.length > 1) {
        band(picture, frames, x, 'peak', colours.faint);
        band(picture, frames, x, 'rms', colours.beat);
    }
    for (const {time, beat_in_bar: place} of [...model.passed, ...model.beats]) {
        if (time < now - PAST_S || time > now + FUTURE_S)
            continue;
        const isOne = place === 1, at = x(time);
        picture.box(at - 0.5, isOne ? picture.unit : foot - picture.unit * 0.6, isOne ? 2 : 1,
            isOne ? foot - picture.unit : picture.unit * 0.6, isOne ? colours.one : colours.soft);
        if (isOne)
            picture.text('1', at, picture.unit * 0.5, colours.one, 'center');
    }
    picture.box(x(now) - 1, picture.unit, 2, foot - picture.unit, colours.text);
    for (const at of [8, 6, 4, 2])
        picture.text(`−${at} s`, x(now - at), picture.height - picture.unit * 0.4, colours.soft, 'center');
    picture.text('now', x(now), picture.height - picture.unit * 0.4, colours.text, 'center');
}
