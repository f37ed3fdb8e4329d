/* The lists of everything that is built in. To add a feature, predictor or sink, add its line here.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "modules.h"

#include "app/app.h"
#include <ja/adapt/governor.h>
#include <ja/adapt/learner.h>
#include <ja/feature/stages.h>
#include <ja/predict/stages.h>
#include <ja/sink/sinks.h>
#if JA_WITH_WEB
#include <ja/web/api.h>
#include <ja/web/oscquery.h>
#endif

#include <assert.h>

/* In order of execution: a stage may use what the ones before it found. */
// clang-format off
const struct ja_stage_class *const ja_stages[] = {
    &ja_level_stage,
    &ja_silence_stage,
    &ja_loudness_stage,
    &ja_energy_stage,
    &ja_bands_stage,
    &ja_centroid_stage,
    &ja_rolloff_stage,
    &ja_flux_stage,
    &ja_flatness_stage,
    &ja_zero_crossing_stage,
    &ja_mfcc_stage,
    &ja_onset_stage,
    &ja_hit_stage,
    &ja_pitch_stage,
    &ja_note_stage,
    &ja_beat_stage,
    &ja_tempo_stage,
    &ja_state_stage,
    &ja_chroma_stage,
    &ja_key_stage,
    &ja_chord_stage,
    &ja_transition_stage,
    &ja_section_stage,
    &ja_predict_beat_stage,
    &ja_predict_tempo_stage,
    &ja_predict_harmony_stage,
    &ja_predict_energy_stage,
    &ja_score_stage,
};
const size_t ja_stage_count = sizeof ja_stages / sizeof ja_stages[0];

const struct ja_sink_class *const ja_sinks[] = {
    &ja_osc_sink,
    &ja_os2l_sink,
    &ja_wled_sink,
    &ja_midi_sink,
    &ja_link_sink,
    &ja_carabiner_sink,
    &ja_mqtt_sink,
    &ja_events_sink,
    &ja_frames_sink,
    &ja_terminal_sink,
};
// clang-format on
const size_t ja_sink_count = sizeof ja_sinks / sizeof ja_sinks[0];

// clang-format off
static const struct ja_module *const own_modules[] = {
    &ja_jack_module,
    &ja_stream_module,
    &ja_analysis_module,
    &ja_control_module,
    &ja_discovery_module,
    &ja_midi_in_module,
    &ja_governor_module,
    &ja_learn_module,
    &ja_loopback_module,
#if JA_WITH_WEB
    &ja_web_module,
    &ja_oscquery_module,
#endif
};
// clang-format on

size_t ja_modules_collect(const struct ja_module *modules[JA_MODULES]) {
    size_t own = sizeof own_modules / sizeof own_modules[0], count = 0;
    assert(own + ja_stage_count + ja_sink_count <= JA_MODULES);
    for (size_t i = 0; i < own; i++)
        modules[count++] = own_modules[i];
    for (size_t i = 0; i < ja_stage_count; i++)
        modules[count++] = ja_stages[i]->module;
    for (size_t i = 0; i < ja_sink_count; i++)
        modules[count++] = ja_sinks[i]->module;
    return count;
}
