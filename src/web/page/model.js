// What is known of the music now: the latest values, and bounded histories.
//
// All times are seconds of sound, as in the events; `now` says where in the sound we are.
//
// SPDX-License-Identifier: GPL-3.0-or-later

const DRIFT = 2e-4;          // by which clocks of sound card and browser may differ
const JUMP_S = 1;            // more is another piece of sound, or a pause
const ENERGY_STEP_S = 0.1, TEMPO_STEP_S = 1, PEAK_STEP_S = 0.25;
const MOST = {beats: 16, passed: 40, wave: 400, energy: 700, tempo: 300, transitions: 40, peaks: 40, predictions: 32};
export const LONGEST_BEAT_S = 3;
const RENEWED_S = 8;         // a prediction that is not repeated within is forgotten

function push(list, item, most) {
    list.push(item);
    if (list.length > most)
        list.shift();
}

// A kind of transition or section, as people write it.
export const spoken = (kind) => (kind === 'buildup' ? 'build-up' : kind);

export const decibels = (level) => (level > 0 ? 20 * Math.log10(level) : -Infinity);

export class Model {
    constructor() {
        this.reset();
    }

    reset() {
        this.offset = null;       // sound time minus performance.now() / 1000
        this.heardAt = -Infinity; // performance.now() of the last frame
        this.forgetSound();
        this.forgetLasting();
    }

    forgetSound() {
        this.frame = null;
        this.beats = [];          // to come, in order
        this.beat = null;         // the latest that is due
        this.beatCount = 0;
        this.barCount = 0;
        this.barLength = 4;
        this.predictions = [];
        this.transitions = [];
        this.hits = {};           // newest of kick, snare, hat, onset
        this.energy = [];
        this.tempi = [];
        this.peaks = [];          // highest of each quarter second
        this.wave = [];           // of each frame
        this.passed = [];         // beats of the last seconds
    }

    // What the server tells anew to whoever connects.
    forgetLasting() {
        this.scores = {};
        this.state = this.section = this.key = this.chord = null;
    }

    take(message, atMs) {
        const handle = this[`on_${message.type}`];
        if (message.type === 'analysis') {
            this.heardAt = atMs;
            this.setClock(message.time, atMs / 1000);
        }
        if (handle)
            handle.call(this, message);
    }

    // The frame that was least held up on its way tells where we are. When time has gone back, the
    // analyser has begun anew.
    setClock(sound, at) {
        const offset = sound - at;
        if (this.offset === null || Math.abs(offset - this.offset) > JUMP_S) {
            if (this.frame && sound < this.frame.time)
                this.forgetSound();
            this.offset = offset;
        } else {
            this.offset = Math.max(offset, this.offset - DRIFT * (at - this.offsetAt));
        }
        this.offsetAt = at;
    }

    now(atMs) {
        return this.offset === null ? 0 : this.offset + atMs / 1000;
    }

    on_analysis(frame) {
        this.frame = frame;
        const last = (list) => (list.length ? list[list.length - 1] : {time: -Infinity});
        const {time} = frame;
        push(this.wave, {time, peak: frame.peak, rms: frame.rms}, MOST.wave);
        if (time >= last(this.energy).time + ENERGY_STEP_S - 1e-3)
            push(this.energy, {time, value: frame.energy}, MOST.energy);
        if (time >= last(this.tempi).time + TEMPO_STEP_S)
            push(this.tempi, {time, value: frame.tempo_confidence > 0 ? frame.tempo : null}, MOST.tempo);
        if (time >= last(this.peaks).time + PEAK_STEP_S)
            push(this.peaks, {time, value: frame.peak}, MOST.peaks);
        else if (this.peaks.length)
            last(this.peaks).value = Math.max(last(this.peaks).value, frame.peak);
    }

    on_beat(beat) {
        push(this.beats, beat, MOST.beats);
        if (beat.beat_in_bar > 1)
            this.barLength = Math.max(this.barLength, beat.beat_in_bar);
    }

    // Moves on to the latest beat that is due; none when the beats have stopped.
    step(now) {
        while (this.beats.length && this.beats[0].time <= now) {
            const beat = this.beats.shift();
            if (beat.beat_in_bar === 1) {
                this.barCount++;
                if (this.beat && this.beat.beat_in_bar > 1)
                    this.barLength = this.beat.beat_in_bar;
            }
            this.beat = beat;
            push(this.passed, beat, MOST.passed);
            this.beatCount++;
        }
        if (this.beat && now - this.beat.time > LONGEST_BEAT_S)
            this.beat = null;
        this.predictions = this.predictions.filter(
            (one) => one.time > now - 0.3 && one.emitted > now - RENEWED_S);
    }

    // The next beat: announced, or foreseen.
    nextBeat(now) {
        const told = this.beats.find((one) => one.time > now);
        const foreseen = this.predictions.filter((one) => one.kind === 'beat' && one.time > now)
            .sort((a, b) => a.time - b.time)[0];
        return told || foreseen || null;
    }

    // What comes, soonest first, of one kind.
    coming(kind, now) {
        return this.predictions.filter((one) => one.kind === kind && one.time > now)
            .sort((a, b) => a.time - b.time);
    }

    // The newest word on each thing counts; of beats only those that are due soon are kept.
    on_prediction(one) {
        if (one.kind === 'beat')
            this.predictions = this.predictions.filter(
                (old) => old.kind !== 'beat' || Math.abs(old.time - one.time) > 0.1);
        else
            this.predictions = this.predictions.filter(
                (old) => old.kind !== one.kind || old.label !== one.label);
        push(this.predictions, one, MOST.predictions);
    }

    on_transition(one) {
        push(this.transitions, one, MOST.transitions);
        this.predictions = this.predictions.filter(
            (old) => old.kind !== 'energy' || old.label !== one.kind);
    }

    on_onset(one) {
        if (one.band === 'full')
            this.hits.onset = one;
    }

    on_hit(one) { this.hits[one.drum] = one; }
    on_score(one) { this.scores[one.kind] = one; }
    on_state(one) { this.state = one; }
    on_section(one) { this.section = one; }
    on_key(one) { this.key = one; }
    on_chord(one) { this.chord = one; }

    // What to do about the input's level, from the peaks of the last ten seconds.
    advice() {
        const peak = decibels(Math.max(0, ...this.peaks.map((one) => one.value)));
        const isMissing = this.state && this.state.state === 'no_input';
        if (!isMissing && (!this.frame || this.peaks.length < 4))
            return {good: true, text: 'Listening to the level …'};
        if (isMissing || peak < -60)
            return {good: false, text: 'No sound comes in: is something connected?'};
        if (peak > -0.1)
            return {good: false, text: 'It clips: lower the input by 6 dB.'};
        if (peak < -18)
            return {good: false, text: `Raise the input by ${Math.round(-9 - peak)} dB.`};
        return {good: true, text: 'Good level.'};
    }
}
