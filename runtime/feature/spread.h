/* The sample standard deviation of a window's amounts, in ten-thousandths of a unit, from
 * exact integers.
 *
 *     sqrt((n * squares - sum * sum) / (n * (n - 1)))
 *
 * Both products and their difference are formed exactly, in 256 bits; the difference is
 * rounded to a double once (to nearest, ties to even), then there is one division and
 * one square root, each rounded as IEEE 754 says.  So nothing cancels: the value is
 * within three units in the last place, and has the same bits on every machine.
 *
 * `count` is at least 2.  Squares that have wrapped (more than 34,000 amounts of
 * FEATURE_AMOUNT_MAX in one window) can make the difference negative: that is 0. */
#ifndef ASSAY_RUNTIME_FEATURE_SPREAD_H
#define ASSAY_RUNTIME_FEATURE_SPREAD_H

#include "runtime/base/aggregate.h"

double spread(const struct aggregate *aggregate);

#endif
