"""Plays invented songs: FluidSynth soundfonts, CC0 one-shots, own drums, synths and singing, effects.

SPDX-License-Identifier: GPL-3.0-or-later

`render.py OUT FIRST COUNT` writes OUT/song-SEED.npz (log-mel power, beats with bar numbers) for each
seed, with --kind dance or groove OUT/dance-SEED.npz or OUT/groove-SEED.npz; with --wav the sound as well. Files that exist are left alone.
"""
import argparse
import ctypes
import glob
import os
import sys
import time

import numpy as np
import soundfile
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

import dance
import features
import grooves
import songs

FONTS = ["/usr/share/sounds/sf2/FluidR3_GM.sf2", "/usr/share/sounds/sf3/MuseScore_General_Full.sf3",
         "/usr/share/sounds/sf2/OPL-3_FM_128M.sf2", "/usr/share/sounds/sf2/sf_GMbank.sf2"]
SHOTS = "/usr/share/sonic-pi/samples"
GM_DRUMS = dict(kick=36, snare=38, clap=39, rim=37, hat=42, open=46, ride=51, crash=49, tomhi=48, tommid=45, tomlo=41,
                shaker=70, conga=63, cowbell=56, tamb=54)
SHOT_NAMES = dict(
    kick="bd_808 bd_ada bd_boom bd_fat bd_gas bd_haus bd_klub bd_mehackit bd_pure bd_sone bd_tek bd_zome bd_zum drum_bass_hard "
         "drum_bass_soft drum_heavy_kick elec_soft_kick elec_hollow_kick".split(),
    snare="sn_dolf sn_dub sn_generic sn_zome drum_snare_hard drum_snare_soft elec_snare elec_lo_snare elec_hi_snare elec_mid_snare elec_filt_snare".split(),
    clap="elec_snare elec_hi_snare perc_snap perc_snap2 sn_zome elec_filt_snare".split(), rim="elec_wood elec_tick perc_snap elec_pop drum_cowbell".split(),
    hat="drum_cymbal_closed drum_cymbal_pedal elec_tick elec_blip elec_triangle".split(), open="drum_cymbal_open elec_cymbal".split(),
    ride="drum_cymbal_soft drum_cymbal_closed elec_cymbal".split(), crash="drum_splash_hard drum_splash_soft drum_cymbal_hard".split(),
    tomhi="drum_tom_hi_hard drum_tom_hi_soft elec_fuzz_tom tabla_na".split(), tommid="drum_tom_mid_hard drum_tom_mid_soft tabla_tun1".split(),
    tomlo="drum_tom_lo_hard drum_tom_lo_soft tabla_ghe3 elec_bong".split(), shaker="drum_cymbal_pedal elec_tick tabla_ke1".split(),
    conga="tabla_te1 tabla_na tabla_tas1 tabla_ghe4 elec_bong".split(), cowbell="drum_cowbell elec_plip elec_bell".split(),
    tamb="drum_cymbal_pedal perc_bell2 elec_triangle".split())
LOOPS = dict(loop_amen=4, loop_breakbeat=4, loop_amen_full=16, loop_electric=4, loop_mehackit1=4, loop_mehackit2=4, loop_perc1=4)
DRAWN = dict(song=songs, dance=dance, groove=grooves)
# Formants in Hz of a few sung vowels.
VOWELS = [(800, 1150, 2900), (400, 1700, 2600), (350, 2000, 2800), (450, 800, 2830), (325, 700, 2700), (600, 1040, 2250), (270, 2290, 3010)]


class Synth:
    """FluidSynth by ctypes, driven faster than real time, one instance per sample rate."""

    def __init__(self, rate):
        f = self.lib = ctypes.CDLL("libfluidsynth.so.3")
        f.new_fluid_settings.restype = f.new_fluid_synth.restype = ctypes.c_void_p
        for name, extra in dict(fluid_synth_noteon=3, fluid_synth_noteoff=2, fluid_synth_cc=3).items():
            getattr(f, name).argtypes = [ctypes.c_void_p] + [ctypes.c_int] * extra
        f.fluid_synth_program_select.argtypes = [ctypes.c_void_p] + [ctypes.c_int] * 4
        f.fluid_synth_sfload.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        f.fluid_settings_setnum.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_double]
        f.fluid_settings_setint.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        f.new_fluid_synth.argtypes = [ctypes.c_void_p]
        f.fluid_synth_set_reverb.argtypes = [ctypes.c_void_p] + [ctypes.c_double] * 4
        f.fluid_synth_system_reset.argtypes = [ctypes.c_void_p]
        f.fluid_synth_write_float.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int,
                                              ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        f.fluid_set_log_function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        for severity in range(5):
            f.fluid_set_log_function(severity, None, None)
        settings = f.new_fluid_settings()
        f.fluid_settings_setnum(settings, b"synth.sample-rate", float(rate))
        f.fluid_settings_setnum(settings, b"synth.gain", .4)
        f.fluid_settings_setint(settings, b"synth.polyphony", 128)
        f.fluid_settings_setint(settings, b"synth.chorus.active", 0)
        f.fluid_settings_setint(settings, b"synth.dynamic-sample-loading", 1)
        self.synth, self.rate = f.new_fluid_synth(settings), rate
        self.fonts = [f.fluid_synth_sfload(self.synth, p.encode(), 0) for p in FONTS]
        if min(self.fonts) < 0:
            sys.exit("render.py: a soundfont of %s cannot be loaded" % FONTS)

    def play(self, events, programs, font, reverb, length):
        """events: sorted (time, channel, key, velocity; 0 = off); programs: channel -> (bank, program)."""
        f, s = self.lib, self.synth
        f.fluid_synth_system_reset(s)
        f.fluid_synth_set_reverb(s, .2 + .7 * reverb, .3, .5, reverb)
        for channel, (bank, program) in programs.items():
            if f.fluid_synth_program_select(s, channel, self.fonts[font], bank, program) < 0:
                f.fluid_synth_program_select(s, channel, self.fonts[font], bank, 0)
        left, right = np.zeros(length, np.float32), np.zeros(length, np.float32)
        at = 0

        def advance(to):
            nonlocal at
            if to > at:
                f.fluid_synth_write_float(s, to - at, left.ctypes.data, at, 1, right.ctypes.data, at, 1)
                at = to
        for t, channel, key, velocity in events:
            advance(min(length, int(t * self.rate)))
            if velocity:
                f.fluid_synth_noteon(s, channel, key, velocity)
            else:
                f.fluid_synth_noteoff(s, channel, key)
        advance(length)
        return .5 * (left + right)


def note_events(channel, on, off, keys, velocities):
    events = [(t, channel, int(k), int(30 + 97 * v)) for t, k, v in zip(on, keys, velocities)]
    return events + [(t - .001, channel, int(k), 0) for t, k in zip(off, keys)]


def load_shot(name, rate, cache={}):
    if (name, rate) not in cache:
        audio, r = soundfile.read("%s/%s.flac" % (SHOTS, name), dtype="float32", always_2d=True)
        cache[name, rate] = resample(audio.mean(1), r / rate)
    return cache[name, rate]


def resample(audio, speed):
    if abs(speed - 1) < 1e-4:
        return audio
    return np.interp(np.arange(0, len(audio) - 1, speed), np.arange(len(audio)), audio).astype(np.float32)


def synth_drum(voice, rate, rng):
    """A drum of oscillators and noise, its dials drawn by chance."""
    def decay(seconds, length):
        return np.exp(-np.arange(int(length * rate)) / rate / seconds)
    u = rng.uniform
    if voice in ("kick", "tomhi", "tommid", "tomlo", "conga"):
        base = {"kick": u(40, 65), "tomhi": u(180, 240), "tommid": u(120, 170), "tomlo": u(80, 115), "conga": u(190, 330)}[voice]
        env = decay(u(.06, .35) if voice == "kick" else u(.08, .2), .6)
        t = np.arange(len(env)) / rate
        sweep = base * (1 + u(1, 6) * np.exp(-t / u(.005, .03)))
        out = np.sin(2 * np.pi * np.cumsum(sweep) / rate) * env
        out += rng.normal(0, u(0, .3), len(env)) * np.exp(-t / .004)
    elif voice in ("snare", "clap", "rim"):
        env = decay(u(.04, .16), .5)
        t = np.arange(len(env)) / rate
        noise = sosfilt(butter(2, u(400, 2500), "high", fs=rate, output="sos"), rng.normal(0, 1, len(env)))
        if voice == "clap":
            noise *= 1 + 2 * (np.sin(2 * np.pi * 80 * t) > 0) * (t < .03)
        body = np.sin(2 * np.pi * u(160, 260) * t) * np.exp(-t / .05) * (voice != "clap") * u(.5, 2)
        out = noise * env * (.15 if voice == "rim" else 1) + body
    else:
        env = decay({"hat": u(.012, .05), "open": u(.1, .3), "crash": u(.5, 1.2), "ride": u(.2, .5), "shaker": u(.02, .06)}.get(voice, u(.03, .1)), 1.5)
        t = np.arange(len(env)) / rate
        out = sosfilt(butter(2, u(4000, 9000), "high", fs=rate, output="sos"), rng.normal(0, 1, len(env))) * env
        if voice in ("cowbell", "ride", "tamb"):
            out += .5 * np.sign(np.sin(2 * np.pi * u(500, 900) * t)) * env
    return (out / (np.abs(out).max() + 1e-9)).astype(np.float32)


KIT_LEVEL = dict(kick=1, snare=.85, clap=.7, rim=.5, hat=.32, open=.32, ride=.3, crash=.5, tomhi=.7, tommid=.7, tomlo=.8, shaker=.25,
                 conga=.5, cowbell=.35, tamb=.25)


def render_drums(song, hits, synth, length):
    """Each voice comes from one place for the whole song."""
    rng, kit, rate = np.random.default_rng((song.kit["seed"], 1)), song.kit, synth.rate
    out, gm = np.zeros(length, np.float32), []
    sounds = {}
    for voice in sorted({h[1] for h in hits}):
        source = kit["base"] if rng.random() > kit["other"] else str(rng.choice(["gm", "shots", "synth"]))
        gain = KIT_LEVEL[voice] * 10 ** (rng.normal(0, 3) / 20)
        if source == "gm":
            sounds[voice] = (None, gain)
            continue
        shot = load_shot(str(rng.choice(SHOT_NAMES[voice])), rate) if source == "shots" else synth_drum(voice, rate, rng)
        shot = resample(shot, kit["tune"])[:int(rate * (2.5 if voice == "crash" else 1.0))]
        start = np.argmax(np.abs(shot) > .1 * np.abs(shot).max())     # its attack, not its file, is on time
        shot = shot[max(0, start - 32):]
        sounds[voice] = (shot / (np.abs(shot).max() + 1e-9), gain)
    for t, voice, velocity in hits:
        shot, gain = sounds[voice]
        if shot is None:
            gm.append((t, 9, GM_DRUMS[voice], int(np.clip(127 * velocity * min(1.2, gain / KIT_LEVEL[voice]), 10, 127))))
            continue
        at = int(t * rate)
        n = min(len(shot), length - at)
        if n > 0:
            out[at:at + n] += shot[:n] * gain * velocity
    if gm:
        played = synth.play(sorted(gm), {9: (128, kit["gm_kit"])}, song.effects["font"], song.effects["reverb"] * .5, length)
        out += played * (.7 / (np.percentile(np.abs(played), 99.9) + 1e-6))
    if song.effects["loop"]:
        out += render_loop(song, rng, rate, length)
    return out


def render_loop(song, rng, rate, length):
    """A sampled drum break laid over the bars, stretched by playing speed."""
    name = str(rng.choice(list(LOOPS)))
    loop, beats = load_shot(name, rate), LOOPS[name]
    out = np.zeros(length, np.float32)
    times = song.beat_times + song.lead_in
    for b in range(0, int(song.last_beat) - beats + 1, beats):
        a, e = int(times[b] * rate), int(times[b + beats] * rate)
        if e <= length and rng.random() < .9:
            out[a:e] += np.interp(np.linspace(0, len(loop) - 1, e - a), np.arange(len(loop)), loop) * .8
    return out


def synth_notes(stem, on, off, keys, velocities, rate, length, rng):
    """Saw or pulse voices through a low-pass: the plain synthesiser."""
    out = np.zeros(length, np.float32)
    cutoff, detune = np.exp(rng.uniform(np.log(300), np.log(8000))), rng.uniform(0, .012)
    attack, release, decay = rng.choice([.003, .003, .02, .15]), rng.uniform(.02, .3), rng.uniform(.1, 2)
    width, voices = rng.choice([0, .5, .25]), int(rng.choice([1, 2, 3]))
    for a, e, k, v in zip(on, off, keys, velocities):
        i, n = int(a * rate), int((e - a + release) * rate)
        n = min(n, length - i)
        if n < 16:
            continue
        t = np.arange(n) / rate
        f = 440 * 2 ** ((k - 69) / 12)
        wave = 0
        for d in range(voices):
            phase = (f * (1 + detune * (d - (voices - 1) / 2)) * t + d * .37) % 1
            wave = wave + (2 * phase - 1 if width == 0 else np.where(phase < width, 1.0, -1.0))
        env = np.minimum(1, t / attack) * np.exp(-t / decay) * np.clip((n / rate - t) / release, 0, 1)
        out[i:i + n] += wave * env * v
    return sosfilt(butter(2, min(cutoff, .45 * rate), fs=rate, output="sos"), out).astype(np.float32)


def sing(stem, on, off, keys, velocities, rate, length, rng):
    """A voice: pulses with glide and vibrato through three formants, a consonant's noise before each vowel."""
    out = np.zeros(length, np.float32)
    rap = stem["sing"] == "rap"
    low = rng.choice([-12, 0, 12])
    breath = rng.uniform(.01, .15)
    previous = None
    for a, e, k, v in zip(on, off, keys, velocities):
        e = min(e, a + .25) if rap else e
        n = min(int((e - a) * rate), length - int(a * rate))
        if n < rate // 50:
            continue
        t = np.arange(n) / rate
        f = 440 * 2 ** ((k + low - 69) / 12)
        glide = f * (1 + ((previous or f * .97) / f - 1) * np.exp(-t / .04))
        previous = f
        if rap:
            glide = 110 * 2 ** (rng.uniform(-.4, .6) + (low > 0)) * np.exp(-t * rng.uniform(-.5, 1.5))
        glide = glide * (1 + .012 * np.sin(2 * np.pi * 5.5 * t) * np.minimum(1, t / .3))
        source = 2 * (np.cumsum(glide) / rate % 1) - 1 + rng.normal(0, breath, n)
        voice = 0
        for formant, gain in zip(VOWELS[int(rng.integers(len(VOWELS)))], (1, .5, .25)):
            radius = np.exp(-np.pi * 90 / rate)
            voice = voice + gain * lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * formant / rate), radius ** 2], source)
        env = np.minimum(1, t / rng.uniform(.01, .06)) * np.clip((n / rate - t) / .04, 0, 1)
        i = int(a * rate)
        out[i:i + n] += voice * env * v
        if rng.random() < .6:                                  # consonant
            m = int(rng.uniform(.02, .09) * rate)
            noise = np.diff(rng.normal(0, 1, m + 1)) * np.hanning(m) * rng.uniform(.02, .2)
            j = max(0, i - m)
            out[j:j + m] += (noise * v)[:len(out[j:j + m])]
    return out


def distort(audio, rng):
    """An overdriven amplifier with its cabinet."""
    audio = audio / (np.sqrt(np.mean(audio ** 2)) + 1e-9)
    audio = np.tanh(audio * rng.uniform(1, 6))
    return sosfilt(butter(2, (80, rng.uniform(3500, 7000)), "band", fs=44100, output="sos"), audio).astype(np.float32)


def loudness(audio):
    """RMS of the parts that sound."""
    n = len(audio) // 4410 * 4410
    blocks = np.mean(audio[:n].reshape(-1, 4410) ** 2, 1)
    loud = blocks[blocks > blocks.max() * 1e-3]
    return np.sqrt(loud.mean()) if len(loud) and blocks.max() > 0 else 0.0


def pump(length, hits, rate, depth):
    """Side-chain: everything but the drums ducks at each kick."""
    gain = np.ones(length, np.float32)
    n = int(.28 * rate)
    shape = 1 - depth * (1 - np.linspace(0, 1, n)) ** 1.5
    for t, voice, _ in hits:
        i = int(t * rate)
        if voice == "kick" and i < length:
            gain[i:i + n] = shape[:length - i]
    return gain


def render(song, synths):
    """The whole mix, mono, and the beats in seconds."""
    fx = song.effects
    rng = np.random.default_rng((song.seed, 79))
    rate = fx["rate"]
    if rate not in synths:
        synths[rate] = Synth(rate)
    synth = synths[rate]
    hits, stems, beats = songs.to_seconds(song)
    end = max([beats[-1, 0]] + [h[0] for h in hits[-1:]] + [float(s[2].max()) for s in stems])
    length = int((end + 1.0) * rate)
    groups = {}
    layers = []
    for channel, (stem, on, off, keys, velocities) in enumerate(stems):
        if stem.get("sing", "gm") != "gm":
            layers.append((stem, sing(stem, on, off, keys, velocities, rate, length, rng)))
        elif stem["synth"]:
            layers.append((stem, synth_notes(stem, on, off, keys, velocities, rate, length, rng)))
        else:
            key = channel if stem["distort"] or stem["role"] in ("bass", "vocal") else "rest"
            groups.setdefault(key, []).append((stem, note_events(channel, on, off, keys, velocities), channel))
    for members in groups.values():
        events = sorted(e for m in members for e in m[1])
        programs = {c: (0, s["program"]) for s, _, c in members}
        audio = synth.play(events, programs, fx["font"] if rng.random() < .5 else int(rng.integers(len(FONTS))), fx["reverb"], length)
        if members[0][0]["distort"]:
            audio = distort(audio, rng)
        layers.append((members[0][0], audio))
    mix = np.zeros(length, np.float32)
    for stem, audio in layers:
        mix += audio * (.12 * 10 ** (stem["gain_db"] / 20) / (loudness(audio) + 1e-6))
    if fx["pump"]:
        mix *= pump(length, hits, rate, fx["pump"])
    if hits:
        drums = render_drums(song, hits, synth, length)
        mix += drums * (.15 * 10 ** (song.kit["gain_db"] / 20) / (loudness(drums) + 1e-6))
    for span in getattr(song, "risers", ()):
        start, end = ((song.beat_times[list(span)] + song.lead_in) * rate).astype(int)
        noise = rise(length, start, end, rng)
        mix[start:start + len(noise)] += noise * .1
    return master(mix, fx, rate, rng), rate, beats


def rise(length, start, end, rng):
    """A riser: noise that grows louder and brighter until the one."""
    n = max(0, min(end, length) - start)
    noise, x = rng.normal(0, 1, n), np.linspace(0, 1, n)
    dark = sosfilt(butter(1, .05, output="sos"), noise) * 3
    return ((1 - x) * dark + x * np.diff(noise, prepend=0)) * x ** 1.5


def master(mix, fx, rate, rng):
    if fx["room_s"]:
        n = int(fx["room_s"] * rate)
        tail = rng.normal(0, 1, n) * np.exp(-6.9 * np.arange(n) / n)
        tail[0] = 0
        wet = fftconvolve(mix, tail.astype(np.float32))[:len(mix)]
        mix = mix + wet * (fx["room_mix"] * np.std(mix) / (np.std(wet) + 1e-9))
    if fx["drive"]:
        mix = np.tanh(mix * fx["drive"] / (np.percentile(np.abs(mix), 99) + 1e-6))
    return (mix * (.7 / (np.abs(mix).max() + 1e-6))).astype(np.float32)


def save(path, audio, rate, beats):
    power = features.mel_power(audio, rate)
    np.savez(path + ".part.npz", logmel=np.log(power + features.FLOOR).astype(np.float16), beats=beats.astype(np.float64))
    os.rename(path + ".part.npz", path)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("first", type=int)
    p.add_argument("count", type=int)
    p.add_argument("--kind", choices=DRAWN, default="song")
    p.add_argument("--wav", action="store_true")
    p.add_argument("--seconds", type=float, default=50)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    synths, began, sound = {}, time.time(), 0.0
    for seed in range(a.first, a.first + a.count):
        path = "%s/%s-%06d.npz" % (a.out, a.kind, seed)
        if os.path.exists(path):
            continue
        song = DRAWN[a.kind].draw(seed, a.seconds)
        audio, rate, beats = render(song, synths)
        save(path, audio, rate, beats)
        sound += len(audio) / rate
        if a.wav:
            soundfile.write(path[:-4] + ".wav", audio, rate)
        print("%d %s %.0f bpm %d/4, %.0f s of sound in %.0f s" % (seed, song.style, song.bpm, song.meter, sound, time.time() - began), flush=True)


if __name__ == "__main__":
    main()
