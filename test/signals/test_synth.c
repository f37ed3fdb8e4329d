/* The synthesiser: what it plays lies where its truth says, at every rate and however it is read.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/audio/source.h>
#include <ja/stream/inlet.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sound {
    unsigned rate, channels;
    int64_t frames;
    float *samples[JA_CHANNELS];
};

/* Reads all of `what`, in blocks of so many frames. */
static struct sound play(const char *what, unsigned block) {
    struct ja_source *source;
    struct ja_error error = {.text = ""};
    if (ja_source_open(&source, what, &error) != JA_OK)
        fail_msg("%s", error.text);
    const struct ja_source_info *info = ja_source_info(source);
    struct sound sound = {info->rate, info->channels, info->frames, {NULL}};
    for (unsigned c = 0; c < sound.channels; c++)
        assert_non_null(sound.samples[c] = malloc((size_t)sound.frames * sizeof(float)));
    int64_t done = 0;
    for (int count = 1; count > 0; done += count) {
        /* Planes of one block's length, so that a sanitizer sees a sample too much. */
        float *planes[JA_CHANNELS];
        for (unsigned c = 0; c < sound.channels; c++)
            assert_non_null(planes[c] = malloc(block * sizeof(float)));
        count = ja_source_read(source, planes, block, &error);
        assert_true(count >= 0 && done + count <= sound.frames);
        for (unsigned c = 0; c < sound.channels; c++) {
            memcpy(sound.samples[c] + done, planes[c], (size_t)count * sizeof(float));
            free(planes[c]);
        }
    }
    assert_int_equal(done, sound.frames);
    ja_source_close(source);
    return sound;
}

static void done(struct sound *sound) {
    for (unsigned c = 0; c < sound->channels; c++)
        free(sound->samples[c]);
}

static double peak_of(const struct sound *sound) {
    double peak = 0.0;
    for (unsigned c = 0; c < sound->channels; c++)
        for (int64_t i = 0; i < sound->frames; i++) {
            assert_true(isfinite(sound->samples[c][i]));
            peak = fmax(peak, fabs(sound->samples[c][i]));
        }
    return peak;
}

static double rms_of(const struct sound *sound, double from_s, double until_s) {
    int64_t from = llround(from_s * sound->rate), until = llround(until_s * sound->rate);
    double sum = 0.0;
    for (int64_t i = from; i < until; i++)
        sum += (double)sound->samples[0][i] * sound->samples[0][i];
    return sqrt(sum / (double)(until - from));
}

/* All lines of truth as one text; free it. */
static char *truth_of(const char *what) {
    char *text;
    size_t size;
    struct ja_error error;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(ja_synth_truth(what, out, &error), JA_OK);
    fclose(out);
    return text;
}

/* The times of all lines of one type, after `skip` of its lines. */
static unsigned times_of(const char *truth, const char *type, double *times, unsigned most) {
    char start[64];
    int length = snprintf(start, sizeof start, "{\"type\":\"%s\",\"time\":", type);
    unsigned count = 0;
    for (const char *at = truth; count < most && (at = strstr(at, start)); at += length)
        times[count++] = strtod(at + length, NULL);
    return count;
}

/* The first frame at or after `frame` that is not silent. */
static int64_t next_sound(const struct sound *sound, int64_t frame) {
    while (frame < sound->frames && sound->samples[0][frame] == 0.0f)
        frame++;
    return frame;
}

/* --- Grid --- */

static void clicks_lie_on_the_grid_at_every_rate(void **state) {
    (void)state;
    static const unsigned rates[] = {8000, 44100, 48000, 96000, 192000};
    static const double tempi[] = {60, 93.7, 128, 174};
    for (unsigned r = 0; r < 5; r++)
        for (unsigned b = 0; b < 4; b++) {
            char what[80];
            snprintf(what, sizeof what, "synth:click?bpm=%g&seconds=10&rate=%u", tempi[b],
                     rates[r]);
            struct sound sound = play(what, 1000);
            int64_t frame = 0;
            for (int n = 0; n * 60 / tempi[b] < 10; n++) {
                int64_t expected = llround(n * 60 / tempi[b] * rates[r]);
                assert_int_equal(next_sound(&sound, frame), expected);
                frame = expected + llround(0.04 * rates[r]); /* a click is shorter */
            }
            assert_int_equal(next_sound(&sound, frame), sound.frames);
            done(&sound);
        }
}

/* The sound after a silence begins where, and only where, the truth has an onset. */
static void check_onsets(const char *what, unsigned expected) {
    double times[400];
    char *truth = truth_of(what);
    unsigned count = times_of(truth, "onset", times, 400);
    free(truth);
    assert_int_equal(count, expected);
    struct sound sound = play(what, 4096);
    int64_t frame = 0;
    for (unsigned i = 0; i < count; i++) {
        int64_t at = next_sound(&sound, frame);
        assert_true(llabs(at - llround(times[i] * sound.rate)) <= 1);
        frame = at + llround(0.04 * sound.rate);
    }
    assert_int_equal(next_sound(&sound, frame), sound.frames);
    done(&sound);
}

static void truth_tells_every_click(void **state) {
    (void)state;
    check_onsets("synth:click?bpm=100&seconds=12", 20);
    check_onsets("synth:click?bpm=100&seconds=12&clicks=2&swing=66", 40);
    check_onsets("synth:click?bpm=100&seconds=12&drift_percent=10&rate=44100", 21);
    /* At beat 10 = 6 s the tempo doubles: 10 beats before, 20 after. */
    check_onsets("synth:click?bpm=100&seconds=12&step_percent=100&step_s=5.5", 30);
    /* Without those at 3.0, 3.6, 4.2 and 4.8 s. */
    check_onsets("synth:click?bpm=100&seconds=12&dropout_s=2.9&dropout_length_s=2.5", 16);
}

static void drift_reaches_its_end(void **state) {
    (void)state;
    double beats[400];
    char *truth = truth_of("synth:click?bpm=120&seconds=101&drift_percent=3");
    unsigned count = times_of(truth, "beat", beats, 400);
    free(truth);
    /* 3 % faster at the end makes 1.5 % more beats. */
    assert_int_equal(count, 206);
    assert_true(fabs(beats[1] - beats[0] - 0.5) < 0.0002);
    assert_true(fabs(beats[count - 1] - beats[count - 2] - 0.5 / 1.03) < 0.0002);
}

static void swing_moves_the_second_half(void **state) {
    (void)state;
    double onsets[8];
    char *truth = truth_of("synth:click?bpm=60&seconds=3&clicks=2&swing=70");
    assert_int_equal(times_of(truth, "onset", onsets, 8), 6);
    free(truth);
    const double expected[] = {0, 0.7, 1, 1.7, 2, 2.7};
    for (unsigned i = 0; i < 6; i++)
        assert_true(fabs(onsets[i] - expected[i]) < 1e-6);
}

/* Beats and bars of metres other than 4/4. */
static void metres_have_their_beats(void **state) {
    (void)state;
    static const struct {
        const char *what;
        unsigned beats, bars; /* in 12 s */
    } metres[] = {
        {"synth:drums?pattern=waltz&bpm=150&seconds=12", 30, 10},
        {"synth:drums?pattern=five&bpm=150&seconds=12", 30, 6},
        {"synth:drums?pattern=six&bpm=100&seconds=12", 20, 10},
        {"synth:drums?pattern=seven&bpm=210&seconds=12", 42, 6},
    };
    for (unsigned i = 0; i < sizeof metres / sizeof metres[0]; i++) {
        double times[50];
        unsigned bars = 0;
        char *truth = truth_of(metres[i].what);
        assert_int_equal(times_of(truth, "beat", times, 50), metres[i].beats);
        for (const char *at = truth; (at = strstr(at, "\"beat_in_bar\":1,")); at++)
            bars++;
        free(truth);
        assert_int_equal(bars, metres[i].bars);
    }
}

static void dropout_is_silent(void **state) {
    (void)state;
    struct sound sound = play("synth:drums?pattern=dropout", 512);
    assert_true(rms_of(&sound, 12.0, 14.5) == 0.0);
    assert_true(rms_of(&sound, 11.0, 12.0) > 0.01);
    assert_true(rms_of(&sound, 14.5, 15.5) > 0.01);
    done(&sound);
}

/* --- Every signal --- */

static const struct row {
    const char *what;
    double peak_db; /* and at most 3 dB below; NAN: silence */
} rows[] = {
    {"synth:demo?seconds=25", -1},
    {"synth:click?seconds=5", -3},
    {"synth:drums?pattern=four&seconds=2.5", -3},
    {"synth:drums?pattern=offhat&seconds=2.5", -3},
    {"synth:drums?pattern=backbeat&seconds=2.5", -3},
    {"synth:drums?pattern=eighthbass&seconds=2.5", -3},
    {"synth:drums?pattern=swunghat&seconds=2.5", -3},
    {"synth:drums?pattern=drift&seconds=2.5", -3},
    {"synth:drums?pattern=dropout&seconds=2.5", -3},
    {"synth:drums?pattern=step&seconds=2.5", -3},
    {"synth:drums?pattern=break&seconds=2.5", -3},
    {"synth:drums?pattern=waltz&seconds=2.5", -3},
    {"synth:drums?pattern=five&seconds=2.5", -3},
    {"synth:drums?pattern=six&seconds=2.5", -3},
    {"synth:drums?pattern=seven&bpm=210&seconds=2.5", -3},
    {"synth:notes?seconds=2.5", -9},
    {"synth:chord?seconds=2.5", -9},
    {"synth:sine?level_db=-40&seconds=1", -40},
    {"synth:sweep?seconds=2", -12},
    {"synth:noise?seconds=2", -20},
    {"synth:noise?colour=pink&level_db=0&seconds=2", -4},
    {"synth:speech?seconds=4", -6},
    {"synth:hum?hz=60&seconds=1", -30},
    {"synth:fullscale?seconds=1", 0},
    {"synth:impulse?at_s=0.5&seconds=1", -1},
    {"synth:dc?seconds=1", -20},
    {"synth:silence?seconds=1", NAN},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static void peaks_are_as_asked_for(void **state) {
    (void)state;
    for (unsigned i = 0; i < ROWS; i++) {
        struct sound sound = play(rows[i].what, JA_BLOCK_FRAMES);
        double peak = peak_of(&sound);
        if (isnan(rows[i].peak_db))
            assert_true(peak == 0.0);
        else if (20 * log10(peak) > rows[i].peak_db + 0.01 ||
                 20 * log10(peak) < rows[i].peak_db - 3)
            fail_msg("%s has a peak of %.2f dBFS", rows[i].what, 20 * log10(peak));
        done(&sound);
    }
}

static void block_size_makes_no_difference(void **state) {
    (void)state;
    static const unsigned blocks[] = {1, 63, 1000};
    for (unsigned i = 0; i < ROWS; i++) {
        struct sound whole = play(rows[i].what, JA_BLOCK_FRAMES);
        for (unsigned b = 0; b < 3; b++) {
            struct sound pieces = play(rows[i].what, blocks[b]);
            assert_int_equal(pieces.frames, whole.frames);
            for (unsigned c = 0; c < whole.channels; c++)
                assert_memory_equal(pieces.samples[c], whole.samples[c],
                                    (size_t)whole.frames * sizeof(float));
            done(&pieces);
        }
        done(&whole);
    }
}

static void every_signal_plays_at_the_lowest_and_highest_rate(void **state) {
    (void)state;
    static const char *const names[] = {"demo",
                                        "click",
                                        "drums",
                                        "notes",
                                        "chord",
                                        "sine",
                                        "noise",
                                        "hum",
                                        "fullscale",
                                        "impulse",
                                        "sweep?to_hz=3000",
                                        "speech"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        for (unsigned r = 0; r < 2; r++) {
            char what[80];
            snprintf(what, sizeof what, "synth:%s%crate=%d&seconds=2", names[i],
                     strchr(names[i], '?') ? '&' : '?', r ? 192000 : 8000);
            struct sound sound = play(what, 1024);
            double peak = peak_of(&sound);
            assert_true(peak > 0.01 && peak <= 1.0);
            done(&sound);
        }
}

/* Every name in the list is one that opens, as it stands. */
static void the_list_names_what_there_is(void **state) {
    (void)state;
    char *text, *line = NULL;
    size_t size, room = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    ja_synth_list(file);
    fclose(file);
    assert_non_null(file = fmemopen(text, size, "r"));
    unsigned count = 0;
    while (getline(&line, &room, file) > 0) {
        if (strncmp(line, "synth:", 6) != 0 || strncmp(line, "synth:NAME", 10) == 0)
            continue;
        line[6 + strcspn(line + 6, ":")] = '\0';
        struct ja_source *source;
        struct ja_error error;
        assert_int_equal(ja_source_open(&source, line, &error), JA_OK);
        assert_true(ja_source_info(source)->frames > 0);
        ja_source_close(source);
        count++;
    }
    assert_int_equal(count, 14);
    fclose(file);
    free(line);
    free(text);
}

static void seed_changes_the_noise(void **state) {
    (void)state;
    struct sound a = play("synth:noise?seconds=0.1&seed=1", 512);
    struct sound b = play("synth:noise?seconds=0.1&seed=2", 512);
    assert_memory_not_equal(a.samples[0], b.samples[0], (size_t)a.frames * sizeof(float));
    done(&a);
    done(&b);
}

static void channels_repeat(void **state) {
    (void)state;
    struct sound mono = play("synth:sine?channels=3&seconds=0.1", 512);
    assert_int_equal(mono.channels, 3);
    assert_memory_equal(mono.samples[0], mono.samples[2], (size_t)mono.frames * sizeof(float));
    struct sound demo = play("synth:demo?channels=4&seconds=1", 512);
    assert_memory_equal(demo.samples[0], demo.samples[2], (size_t)demo.frames * sizeof(float));
    assert_memory_equal(demo.samples[1], demo.samples[3], (size_t)demo.frames * sizeof(float));
    assert_memory_not_equal(demo.samples[0], demo.samples[1], (size_t)demo.frames * sizeof(float));
    done(&mono);
    done(&demo);
}

/* --- What is in it --- */

/* Power at one frequency against all, 0…1, by correlation. */
static double share_at(const struct sound *sound, double from_s, double until_s, double hz) {
    double sine = 0, cosine = 0, all = 0;
    int64_t from = llround(from_s * sound->rate), until = llround(until_s * sound->rate);
    for (int64_t i = from; i < until; i++) {
        double x = sound->samples[0][i],
               angle = 2 * 3.14159265358979 * hz * (double)i / sound->rate;
        sine += x * sin(angle);
        cosine += x * cos(angle);
        all += x * x;
    }
    return 2 * (sine * sine + cosine * cosine) / (all * (double)(until - from));
}

static void tones_have_their_pitch(void **state) {
    (void)state;
    struct sound sound = play("synth:sine?hz=1234.5&rate=44100&seconds=2", 512);
    assert_true(share_at(&sound, 0, 2, 1234.5) > 0.999);
    done(&sound);
    sound = play("synth:notes?midi=69,0,57&note_s=1&seconds=4", 512);
    assert_true(share_at(&sound, 0.1, 0.8, 440) > 0.6);
    assert_true(rms_of(&sound, 1, 2) == 0.0);
    assert_true(share_at(&sound, 2.1, 2.8, 220) > 0.6);
    assert_true(share_at(&sound, 3.1, 3.8, 440) > 0.6);
    done(&sound);
    sound = play("synth:sweep?from_hz=100&to_hz=1600&seconds=4", 512);
    assert_true(share_at(&sound, 1.99, 2.01, 400) > 0.95); /* two of four octaves */
    done(&sound);
    sound = play("synth:chord?names=A:min&seconds=2", 512);
    assert_true(share_at(&sound, 0.1, 1.9, 440.0) > 0.1);
    assert_true(share_at(&sound, 0.1, 1.9, 261.6256) > 0.1);
    assert_true(share_at(&sound, 0.1, 1.9, 277.18) < 0.001);
    done(&sound);
}

static void pink_noise_falls_by_3_db_an_octave(void **state) {
    (void)state;
    struct sound sound = play("synth:noise?colour=pink&level_db=0&seconds=30", 4096);
    /* Power of differences weighs high frequencies; that of the sound low ones. Compare bands of an
     * octave by one-pole filters an octave apart: pink gives each the same. */
    double power[6] = {0}, low[7] = {0};
    for (int64_t i = 0; i < sound.frames; i++)
        for (unsigned n = 0; n < 7; n++) {
            double corner = 2 * 3.14159265358979 * 100 * (1 << n) / sound.rate;
            low[n] += corner / (1 + corner) * (sound.samples[0][i] - low[n]);
            if (n > 0)
                power[n - 1] += (low[n] - low[n - 1]) * (low[n] - low[n - 1]);
        }
    for (unsigned n = 1; n < 5; n++)
        assert_true(fabs(10 * log10(power[n] / power[0])) < 1.5);
    done(&sound);
}

static void demo_is_as_loud_as_its_sections_say(void **state) {
    (void)state;
    double sections[16];
    char *truth = truth_of("synth:demo");
    assert_int_equal(times_of(truth, "section", sections, 16), 8);
    assert_int_equal(times_of(truth, "beat", (double[256]){0}, 256), 192);
    free(truth);
    struct sound sound = play("synth:demo?channels=1", 4096);
    double db[8];
    for (unsigned i = 0; i < 8; i++)
        db[i] = 20 * log10(rms_of(&sound, sections[i], i < 7 ? sections[i + 1] : 90));
    enum { INTRO, BUILDUP, DROP, GROOVE, BREAKDOWN, BUILDUP_2, DROP_2, OUTRO };
    assert_true(db[DROP] > db[BUILDUP] + 3 && db[DROP] > db[INTRO] + 2);
    assert_true(db[DROP] > db[GROOVE] && db[GROOVE] > db[INTRO]);
    assert_true(db[BREAKDOWN] < db[GROOVE] - 6);
    assert_true(db[DROP_2] > db[BUILDUP_2] + 3 && db[DROP_2] > db[BREAKDOWN] + 8);
    assert_true(db[OUTRO] < db[DROP_2] - 4);
    done(&sound);
}

/* A kick begins with a jump of the level below everything else's, in its very sample. */
static void demo_kicks_lie_on_the_beat(void **state) {
    (void)state;
    static const unsigned rates[] = {44100, 48000, 96000};
    for (unsigned r = 0; r < 3; r++) {
        char what[80];
        snprintf(what, sizeof what, "synth:demo?bpm=126&seconds=7&rate=%u", rates[r]);
        struct sound sound = play(what, 4096);
        for (int n = 0; n < 14; n++) {
            int64_t at = llround(n * 60.0 / 126 * rates[r]);
            float before = at > 0 ? sound.samples[0][at - 1] : 0.0f;
            assert_true(fabsf(sound.samples[0][at] - before) > 0.08f);
            if (at > 0)
                assert_true(fabsf(before - sound.samples[0][at - 2]) < 0.05f);
        }
        done(&sound);
    }
}

/* --- Wrong names --- */

static void wrong_names_are_explained(void **state) {
    (void)state;
    static const struct {
        const char *what, *says[3];
    } wrong[] = {
        {"synth:", {"no such signal", "click", "demo"}},
        {"synth:clik", {"clik", "Did you mean \"click\"?", "silence"}},
        {"synth:click?bmp=120", {"\"bmp\"", "Did you mean \"bpm\"?", "click"}},
        {"synth:click?second=3", {"Did you mean \"seconds\"?", "", ""}},
        {"synth:click?bpm", {"name=value", "bpm", ""}},
        {"synth:click?bpm=500", {"bpm", "\"500\"", "20 to 400"}},
        {"synth:click?bpm=", {"bpm", "\"\"", "20 to 400"}},
        {"synth:click?bpm=1e999", {"bpm", "1e999", "20 to 400"}},
        {"synth:click?bpm=nan", {"bpm", "nan", "20 to 400"}},
        {"synth:click?bpm=120x", {"bpm", "120x", "20 to 400"}},
        {"synth:click?rate=44100.5", {"rate", "44100.5", "whole"}},
        {"synth:click?rate=4000", {"rate", "4000", "8000 to 192000"}},
        {"synth:click?channels=9", {"channels", "9", "1 to 8"}},
        {"synth:click?level_db=6", {"level_db", "6", "-120 to 0"}},
        {"synth:noise?colour=red", {"colour", "red", "white|pink"}},
        {"synth:noise?colour=whit", {"colour", "whit", "white|pink"}},
        {"synth:sine?hz=5000&rate=8000", {"5000 Hz", "8000 Hz", "4000 Hz"}},
        {"synth:notes?midi=60,x", {"midi", "60,x", "12 to 127"}},
        {"synth:notes?midi=60,,62", {"midi", "60,,62", "12 to 127"}},
        {"synth:notes?midi=128", {"midi", "128", "12 to 127"}},
        {"synth:notes?midi=", {"midi", "empty", ""}},
        {"synth:chord?names=A:min,H:maj", {"names", "H:maj", "A:min"}},
        {"synth:chord?names=A:minor", {"names", "A:minor", "sus4"}},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ja_source *source = (struct ja_source *)&source;
        struct ja_error error = {.text = ""};
        assert_int_equal(ja_source_open(&source, wrong[i].what, &error), JA_USAGE);
        assert_null(source);
        for (unsigned n = 0; n < 3; n++)
            if (!strstr(error.text, wrong[i].says[n]))
                fail_msg("%s: \"%s\" does not say \"%s\"", wrong[i].what, error.text,
                         wrong[i].says[n]);
    }
}

static void truth_is_of_signals_alone(void **state) {
    (void)state;
    struct ja_error error;
    assert_int_equal(ja_synth_truth("song.wav", stdout, &error), JA_USAGE);
    assert_int_equal(ja_synth_truth("synth:clik", stdout, &error), JA_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clicks_lie_on_the_grid_at_every_rate),
        cmocka_unit_test(truth_tells_every_click),
        cmocka_unit_test(drift_reaches_its_end),
        cmocka_unit_test(swing_moves_the_second_half),
        cmocka_unit_test(metres_have_their_beats),
        cmocka_unit_test(dropout_is_silent),
        cmocka_unit_test(peaks_are_as_asked_for),
        cmocka_unit_test(block_size_makes_no_difference),
        cmocka_unit_test(every_signal_plays_at_the_lowest_and_highest_rate),
        cmocka_unit_test(the_list_names_what_there_is),
        cmocka_unit_test(seed_changes_the_noise),
        cmocka_unit_test(channels_repeat),
        cmocka_unit_test(tones_have_their_pitch),
        cmocka_unit_test(pink_noise_falls_by_3_db_an_octave),
        cmocka_unit_test(demo_is_as_loud_as_its_sections_say),
        cmocka_unit_test(demo_kicks_lie_on_the_beat),
        cmocka_unit_test(wrong_names_are_explained),
        cmocka_unit_test(truth_is_of_signals_alone),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
