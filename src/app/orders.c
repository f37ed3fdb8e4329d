/* What the operator ordered for a while: when its time is up, it is undone as by hand.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/core/clock.h>
#include <ja/core/log.h>

#include <math.h>

static void due(void *data, uint64_t due_us) {
    struct ja_order *order = data;
    const struct ja_operator *operator= & order->app->operator;
    char buffer[256];
    struct ja_text reply;
    (void)due_us;
    order->timer = 0;
    ja_text_init(&reply, buffer, sizeof buffer);
    if (order == &order->app->orders[JA_ORDER_RANGE])
        operator->range(operator->data, order->min_bpm, order->max_bpm, 0, &reply);
    else if (order == &order->app->orders[JA_ORDER_HOLD])
        operator->beat(operator->data, JA_BEAT_HOLD, 0, 0, &reply);
    else
        operator->beat(operator->data, JA_BEAT_LOCK, 0, 0, &reply);
    ja_log(JA_LOG_NOTICE, "time is up: %s", buffer);
}

static void cancel(struct ja_app *app, enum ja_order_kind kind) {
    ja_loop_cancel(app->loop, app->orders[kind].timer);
    app->orders[kind].timer = 0;
    app->orders[kind].given = false;
}

static bool start(struct ja_app *app, enum ja_order_kind kind, bool given, double for_s) {
    struct ja_order *order = &app->orders[kind];
    cancel(app, kind);
    order->app = app;
    order->given = given;
    if (for_s > 0)
        order->timer = ja_loop_at(app->loop, ja_clock_us() + (uint64_t)(for_s * 1e6), due, order);
    return for_s == 0 || order->timer > 0;
}

static bool order(struct ja_app *app, enum ja_beat_action action, double number, double for_s) {
    switch (action) {
    case JA_BEAT_HOLD:
        return start(app, JA_ORDER_HOLD, number > 0, for_s);
    case JA_BEAT_HALF:
    case JA_BEAT_DOUBLE:
    case JA_BEAT_WRONG_OCTAVE:
    case JA_BEAT_LOCK:
        app->orders[JA_ORDER_PIN].pin = action;
        return start(app, JA_ORDER_PIN, action != JA_BEAT_LOCK || number > 0, for_s);
    case JA_BEAT_AUTO:
        cancel(app, JA_ORDER_HOLD);
        cancel(app, JA_ORDER_PIN);
        return true;
    default:
        return true;
    }
}

bool ja_app_order(struct ja_app *app, enum ja_beat_action action, double number, double for_s) {
    bool ends = order(app, action, number, for_s);
    ja_app_web_operator(app);
    return ends;
}

bool ja_app_order_range(struct ja_app *app, double min_bpm, double max_bpm, double for_s) {
    struct ja_order *order = &app->orders[JA_ORDER_RANGE];
    cancel(app, JA_ORDER_PIN); /* a new range ends it */
    if (!order->timer) {
        order->min_bpm = min_bpm;
        order->max_bpm = max_bpm;
    }
    bool ends = start(app, JA_ORDER_RANGE, true, for_s);
    ja_app_web_operator(app);
    return ends;
}

/* "lock", "half", "double" or "wrong-octave"; NULL: nothing pins the tempo. */
static const char *pinned_by(const struct ja_app *app) {
    static const char *const names[] = {[JA_BEAT_HALF] = "half",
                                        [JA_BEAT_DOUBLE] = "double",
                                        [JA_BEAT_WRONG_OCTAVE] = "wrong-octave",
                                        [JA_BEAT_LOCK] = "lock"};
    const struct ja_order *order = &app->orders[JA_ORDER_PIN];
    return order->given ? names[order->pin] : NULL;
}

void ja_app_put_orders(const struct ja_app *app, struct ja_json *json) {
    ja_json_put_bool(json, "hold", app->orders[JA_ORDER_HOLD].given);
    ja_json_put_string(json, "pin", pinned_by(app));
    ja_json_put_number(json, "test_beats", app->test.timer ? app->test.bpm : NAN);
    ja_json_put_bool(json, "paused", app->paused);
}
