/* The predictors: what comes next, one stage each. They run after all features.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_PREDICT_STAGES_H
#define JA_PREDICT_STAGES_H

#include <ja/pipeline/stage.h>

extern const struct ja_stage_class ja_predict_beat_stage;    /* hears beats and states */
extern const struct ja_stage_class ja_predict_tempo_stage;   /* hears beats and states */
extern const struct ja_stage_class ja_predict_harmony_stage; /* hears chords, beats and states */
extern const struct ja_stage_class ja_predict_energy_stage;  /* hears beats and transitions */
extern const struct ja_stage_class ja_score_stage;           /* the last: hears all of them */

#endif
