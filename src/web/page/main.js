// The page: takes what the analyser tells and, once per picture of the screen, shows how it stands.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {Bus} from './bus.js';
import {drawCamelot, neighbours} from './camelot.js';
import {Controls} from './controls.js';
import {drawCalibration, drawChroma, drawLamps, drawMeters, drawTempo, drawTimeline, drawWheel,
    percent} from './draw.js';
import {Listen} from './listen.js';
import {Microphone} from './microphone.js';
import {decibels, Model, spoken} from './model.js';
import {Picture} from './picture.js';
import {drawBands, Spectrogram} from './spectrum.js';
import {kept} from './store.js';
import {drawWaveform} from './waveform.js';

const $ = (id) => document.getElementById(id);
const STALE_MS = 2000, SLOW_MS = 100, CALM_STEP_MS = 1000;
const KINDS = {beat: 'Beats', energy: 'Energy', tempo: 'Tempo', harmony: 'Harmony'};
const STATES = {locked: '●', flywheel: '◐', learning: '◌', silent: '□', no_input: '✗', noise: '≈',
    lost: '?'};

const models = new Map(); // one per stream
let chosen = null;
const nobody = new Model();
const model = () => models.get(chosen) || nobody;

let heldBands = [], spectrogram = new Spectrogram();
let heard = null; // the spectrum of what is listened to

// What is drawn each time, what when another frame has come, and what ten times a second is enough
// for; what runs along does so by steps where motion is not wished for.
const where = () => model().now(performance.now());
const picture = (id, again) => new Picture($(id), again);
const quick = [
    picture('wheel', (it) => drawWheel(it, model(), where(), isCalm)),
    picture('lamps', (it) => drawLamps(it, model(), where(), isCalm)),
];
const framewise = [
    picture('meters', (it) => drawMeters(it, model())),
    picture('bands', (it) => drawBands(it, model(), heldBands, controls.bandsHz(), heard)),
];
const running = [
    picture('waveform', (it) => drawWaveform(it, model(), where())),
    picture('spectrogram', (it) => spectrogram.draw(it, controls.bandsHz(), Boolean(heard))),
];
const slow = [
    picture('chroma', (it) => drawChroma(it, model())),
    picture('camelot-wheel', (it) => drawCamelot(it, model().key?.camelot)),
    picture('timeline', (it) => drawTimeline(it, model(), where())),
    picture('tempo-history', (it) => drawTempo(it, model(), where())),
];

// --- What comes ---

function take(message) {
    if (message.type === 'hello')
        return greet(message);
    if (message.type === 'operator')
        return controls.showOrders(message);
    if (message.type === 'metrics' && message.stream === chosen)
        return controls.showMachine('metrics', message.metrics);
    if (models.has(message.stream))
        models.get(message.stream).take(message, performance.now());
}

function addStream(name) {
    models.set(name, new Model());
    if (chosen === null)
        choose(name);
    $('stream').append(new Option(name, name));
    $('stream-choice').hidden = models.size < 2;
}

// Who greets may be another run of the program, with other streams.
function greet(hello) {
    for (const name of models.keys())
        if (!hello.streams.includes(name))
            removeStream(name);
    for (const known of models.values())
        known.forgetLasting();
    for (const name of hello.streams)
        if (!models.has(name))
            addStream(name);
    $('token').hidden = true;
    controls.load();
}

function choose(name) {
    chosen = name;
    heldBands = [];
    spectrogram = new Spectrogram();
    listen.choose(name);
    for (const {card} of cards.values())
        card.remove();
    cards.clear();
}

function removeStream(name) {
    models.delete(name);
    [...$('stream').options].find((one) => one.value === name).remove();
    if (chosen === name)
        choose($('stream').value || null);
    $('stream-choice').hidden = models.size < 2;
}

// --- Texts ---

const shown = new Map();

// Writes to the page only what is new.
function write(id, text) {
    if (shown.get(id) === text)
        return;
    shown.set(id, text);
    $(id).textContent = text;
}

const seconds = (s) => (s < 9.95 ? s.toFixed(1) : s.toFixed(0));

function writeLink(atMs) {
    const quiet = atMs - model().heardAt;
    const isStale = !bus.isOpen || quiet > STALE_MS;
    const knows = Number.isFinite(quiet);
    document.body.classList.toggle('stale', isStale && knows);
    document.body.classList.toggle('waiting', isStale && !knows);
    const wait = Math.ceil((bus.retryAt - atMs) / 1000);
    write('link', !isStale ? '● Live'
        : `${knows ? 'Stale: ' : ''}${bus.isOpen ? 'no data from the analysis' : 'no connection'}`);
    write('since', (isStale && knows ? ` for ${Math.max(1, Math.floor(quiet / 1000))} s` : '') +
        (bus.isOpen ? '' : wait > 0 ? `; next try in ${wait} s` : '; connecting …'));
}

function writeTempo({frame}) {
    const tempo = frame && frame.tempo, sure = frame ? frame.tempo_confidence : 0;
    write('bpm', tempo ? tempo.toFixed(1) : '–');
    write('confidence', tempo ? `${percent(sure)} sure` : 'no tempo yet');
    write('fast', frame && frame.tempo_fast ? `quick guess ${frame.tempo_fast.toFixed(1)}` : '');
    const scale = `scaleX(${(sure || 0).toFixed(2)})`;
    if (shown.get('scale') !== scale)
        $('confidence-bar').style.transform = scale;
    shown.set('scale', scale);
}

function writeBeat({beat, beatCount, barCount}, next, now) {
    const isKnown = beat && beat.beat_in_bar > 0;
    const isOne = Boolean(isKnown && beat.beat_in_bar === 1);
    write('beat-number', isKnown ? String(beat.beat_in_bar) : beat ? '●' : '–');
    write('beat-word', isOne ? 'ONE' : isKnown ? 'of the bar' : beat ? 'bar unknown' : 'no beat yet');
    $('wheel').parentElement.classList.toggle('one', isOne);
    $('wheel').dataset.beats = beatCount;
    write('next-beat', next ? `next beat in ${Math.max(0, next.time - now).toFixed(1)} s` : 'no beat in sight');
    write('bar-count', isKnown && barCount ? `bar ${barCount}` : '');
}

function writeNext(what, now) {
    const soon = what.coming('energy', now)[0];
    const bpm = what.frame && what.frame.tempo;
    const left = soon ? soon.time - now : 0;
    const beats = soon && bpm ? Math.max(1, Math.ceil(left * bpm / 60 - 0.2)) : 0;
    const word = soon ? spoken(soon.label) : '';
    write('countdown', soon ? `${word} in ${beats || seconds(left)}` : 'nothing yet');
    write('countdown-unit', !soon ? '' : beats === 1 ? 'beat' : beats ? 'beats' : 's');
    write('countdown-beats', beats <= 16 ? '▮'.repeat(beats) : '');
    $('next').classList.toggle('none', !soon);
    $('next').classList.toggle('near', beats > 0 && beats <= 8);
    write('countdown-more', soon ? `${seconds(left)} s from now, ${percent(soon.confidence)} sure`
        : 'No change of energy is foreseen.');
    const {state, section, key, chord} = what;
    write('state', state ? state.state.replace('_', ' ') : 'waiting');
    write('state-sign', state ? STATES[state.state] || '○' : '○');
    write('reason', state ? state.reason : 'for the analyser');
    write('section', section ? spoken(section.label) : '–');
    write('section-more', section ? `${percent(section.confidence)} sure` : '');
    write('key', key ? key.key.replace(':', ' ') : '–');
    write('camelot', key && key.camelot || '–');
    write('mixes', key && key.camelot ? `mixes well with ${neighbours(key.camelot).join(', ')}` : 'no key yet');
    write('chord', chord ? chord.chord === 'N' ? 'none' : chord.chord.replace(':', ' ') : '–');
    const [coming] = what.coming('harmony', now);
    write('next-chord', coming ? `next ${coming.label.replace(':', ' ')} in ` +
        `${seconds(coming.time - now)} s, ${percent(coming.confidence)} sure` : 'no chord foreseen');
}

function writeLevel(what) {
    const {frame} = what;
    const db = (level) => (level > 0 ? `${decibels(level).toFixed(1)} dB` : 'none');
    write('level-figures', !frame ? '–' : `peak ${db(frame.peak)}, RMS ${db(frame.rms)}` +
        (Number.isFinite(frame.loudness_momentary) ? `, ${frame.loudness_momentary.toFixed(1)} LUFS` : ''));
    const {good, text} = what.advice();
    write('advice', `${good ? '' : '⚠ '}${text}`);
    $('advice').className = good ? 'good' : 'wrong';
}

const cards = new Map(); // one per kind that has been judged

function addCard(kind) {
    const made = (tag) => document.createElement(tag);
    const card = made('div'), canvas = made('canvas'), words = made('p');
    const [share, count, late] = [made('strong'), made('span'), made('span')];
    card.className = 'score';
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `${KINDS[kind]}: how sure predictions were, to the right, and how ` +
        'often they came true, upwards; dots on the line are well judged');
    words.append(Object.assign(made('span'), {textContent: KINDS[kind]}), share, count, late);
    card.append(canvas, words);
    $('scores').querySelector(':scope > p')?.remove();
    card.style.order = Object.keys(KINDS).indexOf(kind);
    $('scores').append(card);
    const one = {card, share, count, late, calibration: []};
    one.picture = new Picture(canvas, (picture) => drawCalibration(picture, one.calibration));
    cards.set(kind, one);
    return one;
}

function writeScores({scores}) {
    for (const kind of Object.keys(KINDS)) {
        const score = scores[kind];
        if (!score || (cards.get(kind) || {}).score === score)
            continue;
        const card = cards.get(kind) || addCard(kind), ms = score.median_error_ms;
        card.score = score;
        card.calibration = score.calibration;
        card.share.textContent = score.n ? percent(score.hit_rate) : '–';
        card.count.textContent = `${score.hits} of ${score.n} came true`;
        card.late.textContent = ms === null ? ''
            : `median ${Math.abs(ms).toFixed(ms > -10 && ms < 10 ? 1 : 0)} ms ${ms < 0 ? 'early' : 'late'}`;
        card.picture.draw();
        writeCalibration(scores);
    }
}

// The same for who would rather read it, or have it read.
function writeCalibration(scores) {
    const rows = Object.keys(KINDS).flatMap((kind) => (scores[kind]?.calibration ?? []).map(
        ([stated, observed, n]) => [KINDS[kind], `${percent(stated)} sure`, percent(observed), String(n)]));
    $('calibration').hidden = !rows.length;
    $('calibration-rows').replaceChildren(...rows.map((cells) => {
        const row = document.createElement('tr');
        for (const text of cells)
            row.insertCell().textContent = text;
        return row;
    }));
}

// --- Calm: no flashes, by the system's wish or the operator's ---

const reduced = matchMedia('(prefers-reduced-motion: reduce)');
let isCalm;

function setCalm(wish) {
    isCalm = wish;
    $('calm').setAttribute('aria-pressed', String(wish));
}

function switchCalm() {
    setCalm(!isCalm);
    kept.set('calm', String(isCalm));
}

// --- The picture ---

let slowAt = 0, runAt = 0, drawnFrame = null;
const cost = {ms: 0, pictures: 0, sinceMs: performance.now()};

function draw(atMs) {
    const start = performance.now();
    requestAnimationFrame(draw);
    const what = model(), now = what.now(atMs);
    what.step(now);
    quick.forEach((one) => one.draw());
    if (what.frame !== drawnFrame) {
        drawnFrame = what.frame;
        heard = listen.spectrum();
        spectrogram.take(what.frame, controls.bandsHz(), heard);
        framewise.forEach((one) => one.draw());
    }
    if (!isCalm || atMs - runAt >= CALM_STEP_MS) {
        runAt = atMs;
        running.forEach((one) => one.draw());
    }
    writeBeat(what, what.nextBeat(now), now);
    if (atMs - slowAt >= SLOW_MS) {
        slowAt = atMs;
        slow.forEach((one) => one.draw());
        writeLink(atMs);
        writeTempo(what);
        writeNext(what, now);
        writeLevel(what);
        writeScores(what);
        writeSources(atMs);
    }
    count(performance.now(), performance.now() - start);
}

// What drawing costs, once a second.
function count(atMs, ms) {
    cost.ms += ms;
    cost.pictures++;
    const passed = atMs - cost.sinceMs;
    if (passed < 1000)
        return;
    controls.showMachine('page', {drawing: cost.ms / cost.pictures, pictures: 1000 * cost.pictures / passed});
    Object.assign(cost, {ms: 0, pictures: 0, sinceMs: atMs});
}

// Where the spectrum comes from, and what the microphone hears.
function writeSources(atMs) {
    write('spectrum-source', heard ? 'from the sound you hear (FFT)' : 'from the bands of the analysis');
    write('h-spectrum', heard ? 'Bands, and spectrum of what you hear' : 'Bands');
    if (microphone.isOn)
        for (const [id, text] of Object.entries(microphone.texts(atMs)))
            write(id, text);
}

// --- Beginning ---

// The screen stays on, where the browser allows it.
function stayAwake() {
    if (navigator.wakeLock && document.visibilityState === 'visible')
        navigator.wakeLock.request('screen').catch(() => {});
}

const bus = new Bus(take, () => {
    $('token').hidden = false;
});
const controls = new Controls(bus);
const listen = new Listen((stream) => bus.address(`monitor/${encodeURIComponent(stream)}`),
    () => controls.jackRate());
const microphone = new Microphone((id, query) => bus.address(`stream/audio/${id}`, query));

$('token').addEventListener('submit', (event) => {
    event.preventDefault();
    bus.setToken($('token-text').value);
    $('token').hidden = true;
});
$('stream').addEventListener('change', () => choose($('stream').value));
$('calm').addEventListener('click', switchCalm);
$('help').addEventListener('click', () => {
    $('keys').hidden = !$('keys').hidden;
    $('help').setAttribute('aria-expanded', String(!$('keys').hidden));
});
reduced.addEventListener('change', () => setCalm(reduced.matches));
document.addEventListener('visibilitychange', stayAwake);
setCalm(kept.get('calm') === 'true' || (reduced.matches && !kept.get('calm')));
stayAwake();
requestAnimationFrame(draw);
