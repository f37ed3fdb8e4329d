// What is drawn of numbers: wheel, meters, lamps, bands, notes, histories, calibration.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {decibels, LONGEST_BEAT_S, spoken} from './model.js';
import {colours} from './picture.js';

const NOTES = ['C', 'D♭', 'D', 'E♭', 'E', 'F', 'G♭', 'G', 'A♭', 'A', 'B♭', 'B'];
const PAST_S = 60, FUTURE_S = 20, TEMPO_S = 300;
const SIGNS = {rise: '▲', fall: '▼', buildup: '◢', drop: '◆', breakdown: '◣', silence: '□', return: '■'};

// A segment per beat of the bar; the first one is thicker and has a mark. The hand goes round once
// a bar, or where that is not known once a beat.
export function drawWheel(picture, model, now, calm) {
    const context = picture.begin();
    const middle = picture.width / 2, radius = middle * 0.82, thick = middle * 0.15;
    const {beat, frame} = model;
    const known = beat && beat.beat_in_bar > 0;
    const count = known ? model.barLength : 4;
    const current = known ? beat.beat_in_bar - 1 : beat ? (model.beatCount + 3) % 4 : -1;
    const turn = 2 * Math.PI / count, from = -Math.PI / 2;
    for (let i = 0; i < count; i++) {
        const isOne = known && i === 0;
        context.beginPath();
        context.arc(middle, middle, radius, from + i * turn + 0.05, from + (i + 1) * turn - 0.05);
        context.lineWidth = isOne ? thick * 1.4 : thick;
        context.strokeStyle = i !== current ? colours.raised : isOne ? colours.one : colours.beat;
        context.stroke();
        const angle = from + (i + 0.5) * turn;
        picture.text(known ? i + 1 : '·', middle + Math.cos(angle) * radius,
            middle + Math.sin(angle) * radius, i === current ? colours.ground : colours.soft, 'center');
    }
    context.beginPath(); // the mark of the first beat, seen without colour
    context.moveTo(middle, middle - radius + thick * 0.9);
    context.lineTo(middle - thick * 0.4, middle - radius + thick * 1.7);
    context.lineTo(middle + thick * 0.4, middle - radius + thick * 1.7);
    context.fillStyle = known ? colours.one : colours.edge;
    context.fill();
    const phase = phaseOf(model, now);
    if (phase === null || calm || !frame || !(frame.tempo_confidence > 0))
        return;
    const angle = from + (current + phase) * turn;
    picture.line([0.7, 0.85].map((part) => [middle + Math.cos(angle) * radius * part,
        middle + Math.sin(angle) * radius * part]), colours.text, thick * 0.4);
}

// Where between the last beat and the next.
function phaseOf(model, now) {
    const {beat} = model;
    if (!beat || !(beat.bpm > 0))
        return null;
    const next = model.nextBeat(now);
    const length = next && next.time - beat.time < LONGEST_BEAT_S ? next.time - beat.time : 60 / beat.bpm;
    return Math.min(0.999, Math.max(0, (now - beat.time) / length));
}

const meterPlace = (db) => Math.min(1, Math.max(0, (db + 60) / 60));

export function drawMeters(picture, model) {
    const {frame} = model;
    picture.begin();
    const left = picture.unit * 2.8, width = picture.width - left - picture.unit * 0.4;
    const row = picture.height / 3;
    const rows = [['Peak', frame ? decibels(frame.peak) : -Infinity],
        ['RMS', frame ? decibels(frame.rms) : -Infinity]];
    rows.forEach(([name, db], i) => {
        const y = i * row + row * 0.15, high = row * 0.7;
        picture.text(name, 0, y + high / 2);
        picture.box(left, y, width, high, colours.raised);
        const colour = db > -0.1 ? colours.bad : db > -3 ? colours.one : colours.good;
        picture.box(left, y, width * meterPlace(db), high, colour);
        picture.box(left + width * meterPlace(-18), y, 1, high, colours.edge);
    });
    const held = decibels(Math.max(0, ...model.peaks.map((one) => one.value)));
    picture.box(left + width * meterPlace(held) - 1, row * 0.1, 3, row * 0.8, colours.text);
    for (const db of [-48, -36, -24, -12, 0])
        picture.text(db, left + width * meterPlace(db), row * 2.5, colours.soft, 'center');
}

// One shape per drum, so that they are told apart without colour.
const LAMPS = [['kick', '●'], ['snare', '◆'], ['hat', '▲'], ['onset', '■']];

export function drawLamps(picture, model, now, calm) {
    const context = picture.begin();
    const width = picture.width / LAMPS.length;
    const fall = calm ? 1.2 : 0.18, most = calm ? 0.45 : 1;
    const base = context.font;
    LAMPS.forEach(([name, shape], i) => {
        const hit = model.hits[name], age = hit ? Math.max(0, now - hit.time) : Infinity;
        const glow = hit ? most * (0.35 + 0.65 * hit.strength) * Math.exp(-age / fall) : 0;
        const x = (i + 0.5) * width;
        const size = Math.min(width, picture.height - picture.unit * 1.4);
        context.font = `${size}px "DejaVu Sans", sans-serif`;
        picture.text(shape, x, (picture.height - picture.unit) / 2, colours.raised, 'center');
        context.globalAlpha = glow;
        picture.text(shape, x, (picture.height - picture.unit) / 2, i === 0 ? colours.one : colours.beat, 'center');
        context.globalAlpha = 1;
        context.font = base;
        picture.text(name, x, picture.height - picture.unit * 0.5, colours.soft, 'center');
    });
}

export function drawChroma(picture, model) {
    picture.begin();
    const chroma = model.frame && model.frame.chroma || [];
    const foot = picture.unit * 1.2, high = picture.height - foot, width = picture.width / 12;
    const tonic = model.key && model.key.key ? model.key.key.split(':')[0] : null;
    NOTES.forEach((note, i) => {
        const value = Math.min(1, Math.max(0, chroma[i] || 0));
        const isTonic = tonic !== null && pitchClass(tonic) === i;
        picture.box(i * width + 1, 0, width - 2, high, colours.raised);
        picture.box(i * width + 1, high * (1 - value), width - 2, high * value,
            isTonic ? colours.one : colours.foreseen);
        picture.text(note, (i + 0.5) * width, high + foot * 0.55,
            isTonic ? colours.one : colours.soft, 'center');
    });
}

function pitchClass(name) {
    const natural = {C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11}[name[0]];
    const shift = name.slice(1).startsWith('#') ? 1 : name.slice(1).startsWith('b') ? -1 : 0;
    return (natural + shift + 12) % 12;
}

// The last minute from the left to "now", and what is foreseen to the right of it.
export function drawTimeline(picture, model, now) {
    const context = picture.begin();
    const foot = picture.unit * 1.3, head = picture.unit * 3.2, high = picture.height - foot - head;
    const x = (time) => (time - now + PAST_S) / (PAST_S + FUTURE_S) * picture.width;
    const y = (value) => head + high * (1 - value);
    const isWide = picture.width > picture.unit * 35;
    picture.box(0, head, picture.width, high, colours.ground);
    for (let at = -60; at <= FUTURE_S; at += 10) {
        picture.box(x(now + at), head, 1, high, colours.raised);
        if (at > -60 && at < FUTURE_S && (isWide || at % 20 === 0))
            picture.text(at === 0 ? 'now' : `${at > 0 ? '+' : '−'}${Math.abs(at)} s`, x(now + at),
                picture.height - foot / 2, at === 0 ? colours.text : colours.soft, 'center');
    }
    const shown = model.energy.filter((one) => one.time > now - PAST_S - 1 && one.value !== null);
    if (shown.length > 1) {
        context.beginPath();
        context.moveTo(x(shown[0].time), y(0));
        for (const one of shown)
            context.lineTo(x(one.time), y(one.value));
        context.lineTo(x(shown[shown.length - 1].time), y(0));
        context.globalAlpha = 0.25;
        context.fillStyle = colours.beat;
        context.fill();
        context.globalAlpha = 1;
        picture.line(shown.map((one) => [x(one.time), y(one.value)]), colours.beat, 2);
    }
    picture.box(x(now) - 1, head - 4, 2, high + 4, colours.text);
    const ends = [-Infinity, -Infinity, -Infinity]; // of the words in each row
    const mark = (time, text, colour, dash) => {
        const at = x(time), width = context.measureText(text).width;
        const start = Math.min(Math.max(0, at - width / 2), picture.width - width);
        const row = Math.max(0, ends.findIndex((end) => end < start));
        ends[row] = start + width + 6;
        picture.line([[at, head], [at, head + high]], colour, 2, dash);
        picture.text(text, start, picture.unit * (0.5 + row * 0.95), colour);
    };
    for (const one of model.transitions)
        if (one.time > now - PAST_S)
            mark(one.time, `${SIGNS[one.kind] || ''} ${spoken(one.kind)}`, colours.one, []);
    for (const one of model.coming('energy', now))
        if (one.time < now + FUTURE_S)
            mark(one.time, `${SIGNS[one.label] || ''} ${spoken(one.label)}? ${percent(one.confidence)}`,
                colours.foreseen, [6, 4]);
}

export const percent = (part) => `${Math.round(100 * (part || 0))} %`;

export function drawTempo(picture, model, now) {
    picture.begin();
    const known = model.tempi.filter((one) => one.value !== null && one.time > now - TEMPO_S);
    const values = known.map((one) => one.value);
    const low = Math.min(...values) - 1, high = Math.max(...values) + 1;
    picture.box(0, 0, picture.width, picture.height, colours.ground);
    if (known.length < 2) {
        picture.text('tempo of the last minutes', picture.width / 2, picture.height / 2, colours.soft,
            'center');
        return;
    }
    const span = Math.min(TEMPO_S, Math.max(60, now - known[0].time));
    const left = picture.unit * 2.2, width = picture.width - left;
    picture.line(known.map((one) => [left + (1 - (now - one.time) / span) * width,
        (1 - (one.value - low) / (high - low)) * picture.height]), colours.beat, 2);
    picture.text(high.toFixed(0), 0, picture.unit * 0.6);
    picture.text(low.toFixed(0), 0, picture.height - picture.unit * 0.6);
}

// Said to be so sure (to the right), and so often right (upwards): good is on the line.
export function drawCalibration(picture, calibration) {
    const context = picture.begin(), edge = 8, size = picture.width - 2 * edge;
    picture.box(0, 0, picture.width, picture.height, colours.ground);
    picture.line([[edge, edge + size], [edge + size, edge]], colours.edge, 1, [4, 3]);
    for (const [stated, observed, n] of calibration) {
        context.beginPath();
        context.arc(edge + stated * size, edge + (1 - observed) * size, Math.min(8, 2 + Math.log2(1 + n) / 2), 0, 7);
        context.fillStyle = colours.good;
        context.fill();
    }
}
