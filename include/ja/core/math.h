/* The few numbers and functions every calculation needs.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_MATH_H
#define JA_CORE_MATH_H

#define JA_PI 3.14159265358979323846

static inline double ja_clamp(double value, double low, double high) {
    return value < low ? low : value > high ? high : value;
}

#endif
