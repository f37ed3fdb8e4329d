/* Tests that every stage opens completely or not at all when memory runs out.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/failing.h"
#include "stage_rig.h"

#include "modules.h"

static struct ja_pipeline *make(struct rig *rig, struct ja_error *error) {
    struct ja_pipeline_setup setup = {
        .rate = 48000,
        .channels = 2,
        .analysis = &rig->analysis,
        .stages = rig->classes,
        .stage_count = rig->count,
        .settings = (const void *const *)rig->settings,
    };

    return ja_pipeline_new(&setup, error);
}

/* The n-th allocation fails, for every n until all is well. */
static void opens_or_says_why_not(void **state) {
    (void)state;
    for (size_t s = 0; s < ja_stage_count; s++) {
        const struct ja_stage_class *const stages[] = {ja_stages[s], NULL};
        struct rig *rig = rig_new(48000, 2, stages);
        struct ja_pipeline *pipeline = NULL;
        unsigned failures = 0;

        for (; !pipeline; failures++) {
            struct ja_error error = {""};

            fail_at = failures + 1;
            pipeline = make(rig, &error);
            fail_at = 0;
            assert_true(pipeline || strstr(error.text, "no memory"));
        }
        assert_true(failures > 4); /* the pipeline's own at least */
        ja_pipeline_free(pipeline);
        rig_free(rig);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(opens_or_says_why_not)};

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
