/* The features: what sounds now, one stage each, in the order in which they must run.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_STAGES_H
#define JA_FEATURE_STAGES_H

#include <ja/pipeline/stage.h>

/* Options "tempo.…"; beat trackers ask for them by ja_stage_settings. */
struct ja_tempo_settings {
    double min_bpm, max_bpm;
};

extern const struct ja_stage_class ja_level_stage;   /* rms, peak */
extern const struct ja_stage_class ja_silence_stage; /* silence */

extern const struct ja_stage_class ja_loudness_stage;      /* loudness_momentary, loudness_short */
extern const struct ja_stage_class ja_energy_stage;        /* energy; reads silence, loudness */
extern const struct ja_stage_class ja_bands_stage;         /* bands */
extern const struct ja_stage_class ja_centroid_stage;      /* spectral_centroid */
extern const struct ja_stage_class ja_rolloff_stage;       /* spectral_rolloff */
extern const struct ja_stage_class ja_flux_stage;          /* spectral_flux */
extern const struct ja_stage_class ja_flatness_stage;      /* spectral_flatness */
extern const struct ja_stage_class ja_zero_crossing_stage; /* zero_crossing_rate */
extern const struct ja_stage_class ja_mfcc_stage;          /* mfcc */

extern const struct ja_stage_class ja_onset_stage;  /* onset_detected, onset_strength */
extern const struct ja_stage_class ja_hit_stage;    /* kick, snare, hat */
extern const struct ja_stage_class ja_pitch_stage;  /* pitch, pitch_confidence */
extern const struct ja_stage_class ja_note_stage;   /* reads rms, silence, pitch; hears onsets */
extern const struct ja_stage_class ja_beat_stage;   /* beat_phase, bar_phase; reads silence */
extern const struct ja_stage_class ja_tempo_stage;  /* tempo, tempo_confidence; hears beats */
extern const struct ja_stage_class ja_state_stage;  /* reads silence; hears beats */
extern const struct ja_stage_class ja_chroma_stage; /* chroma, tuning; reads silence */
extern const struct ja_stage_class ja_key_stage;    /* reads chroma */
extern const struct ja_stage_class ja_chord_stage;  /* reads chroma; hears beats */

/* section_odds, drop_within, breakdown_within, buildup_within, outlook_age; hears beats */
extern const struct ja_stage_class ja_transition_stage;
extern const struct ja_stage_class ja_section_stage; /* reads section_odds; hears transitions */

#endif
