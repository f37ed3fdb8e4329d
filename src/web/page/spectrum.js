// What sounds at which height, now and in the last seconds: from the bands of the analysis, or
// finer from the sound itself while somebody listens to it.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {decibels} from './model.js';
import {colours} from './picture.js';

const PAST_S = 10, COLUMNS_HZ = 30, ROWS = 96, COLUMNS = PAST_S * COLUMNS_HZ;
const LEAST_DB = -78, MOST_DB = -12;

const hertz = (value) => (value >= 1000 ? `${(value / 1000).toFixed(value < 9950 ? 1 : 0)}k`
    : value.toFixed(0));

const place = (db) => Math.min(1, Math.max(0, (db - LEAST_DB) / (MOST_DB - LEAST_DB)));

// Louder is lighter, so that it can be read without telling colours apart.
const STOPS = [[11, 14, 19], [22, 48, 92], [44, 120, 176], [120, 205, 226], [255, 240, 200]];
const SHADES = Array.from({length: 256}, (_, i) => {
    const at = i / 255 * (STOPS.length - 1), from = Math.min(STOPS.length - 2, Math.floor(at));
    return STOPS[from].map((one, c) => one + (STOPS[from + 1][c] - one) * (at - from));
});

// Loudness 0 to 1 of each of `count` places from `low` to `high` Hz, evenly spaced by octaves.
function fromSpectrum({decibels: values, hz}, low, high, count) {
    return Array.from({length: count}, (_, i) => {
        const edge = (part) => low * (high / low) ** (part / count) / hz;
        const first = Math.floor(edge(i)), last = Math.max(first + 1, Math.ceil(edge(i + 1)));
        let most = -Infinity;
        for (let bin = first; bin < last && bin < values.length; bin++)
            most = Math.max(most, values[bin]);
        return place(most);
    });
}

const fromBands = (bands, count) => Array.from({length: count},
    (_, i) => place(decibels(bands[Math.floor(i * bands.length / count)] || 0)));

// Bars of the bands, each with a mark that falls slowly, and a line of the sound one listens to.
export function drawBands(picture, model, held, [low, high], heard) {
    picture.begin();
    const bands = model.frame && model.frame.bands || [];
    const foot = picture.unit * 1.2, tall = picture.height - foot;
    const width = picture.width / Math.max(1, bands.length);
    bands.forEach((value, i) => {
        const now = place(decibels(value || 0));
        held[i] = Math.max(now, (held[i] || 0) - 0.008);
        picture.box(i * width + 1, 0, width - 2, tall, colours.raised);
        picture.box(i * width + 1, tall * (1 - now), width - 2, tall * now, colours.beat);
        picture.box(i * width + 1, tall * (1 - held[i]) - 1, width - 2, 2, colours.text);
        if (bands.length <= 10 || i % 2 === 0)
            picture.text(hertz(low * (high / low) ** ((i + 0.5) / bands.length)), (i + 0.5) * width,
                tall + foot * 0.55, colours.soft, 'center');
    });
    if (heard)
        picture.line(fromSpectrum(heard, low, high, ROWS).map((value, i) =>
            [(i + 0.5) / ROWS * picture.width, tall * (1 - value)]), colours.one, 2);
    if (!bands.length)
        picture.text('no bands yet', picture.width / 2, tall / 2, colours.soft, 'center');
}

// The picture of the last seconds, a column at a time: kept as a ring of columns.
export class Spectrogram {
    constructor() {
        this.canvas = Object.assign(document.createElement('canvas'), {width: COLUMNS, height: ROWS});
        this.context = this.canvas.getContext('2d');
        this.column = this.context.createImageData(1, ROWS);
        this.column.data.fill(255);
        this.newest = null; // number of the newest column
    }

    // Adds what sounds now, and what was missed meanwhile as the same.
    take(frame, [low, high], heard) {
        if (!frame)
            return;
        const values = heard ? fromSpectrum(heard, low, high, ROWS) : fromBands(frame.bands || [], ROWS);
        const number = Math.floor(frame.time * COLUMNS_HZ);
        if (this.newest === null || number < this.newest || number > this.newest + COLUMNS)
            this.clear(number);
        for (let i = 0; i < ROWS; i++)
            this.column.data.set(SHADES[Math.round(255 * values[ROWS - 1 - i])], 4 * i);
        while (this.newest < number)
            this.context.putImageData(this.column, ++this.newest % COLUMNS, 0);
    }

    clear(number) {
        this.context.fillStyle = `rgb(${STOPS[0]})`;
        this.context.fillRect(0, 0, COLUMNS, ROWS);
        this.newest = number - 1;
    }

    draw(picture, [low, high], isFine) {
        const context = picture.begin(), left = picture.unit * 2.4;
        const width = picture.width - left, tall = picture.height;
        picture.box(left, 0, width, tall, colours.ground);
        if (this.newest === null) {
            picture.text('nothing heard yet', left + width / 2, tall / 2, colours.soft, 'center');
            return;
        }
        const split = (this.newest + 1) % COLUMNS, part = (COLUMNS - split) / COLUMNS * width;
        context.imageSmoothingEnabled = isFine;
        context.drawImage(this.canvas, split, 0, COLUMNS - split, ROWS, left, 0, part, tall);
        if (split > 0)
            context.drawImage(this.canvas, 0, 0, split, ROWS, left + part, 0, width - part, tall);
        const marks = [100, 1000, 10000].filter((hz) => hz > low && hz < high);
        for (const hz of marks)
            picture.text(hertz(hz), left - 6, tall * (1 - Math.log(hz / low) / Math.log(high / low)),
                colours.soft, 'right');
    }
}
