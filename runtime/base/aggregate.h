/* What an entity's history holds inside one window: what runtime/state measures and
 * runtime/feature turns into numbers.  Exact integers, so that the value does not
 * depend on how the history came about. */
#ifndef ASSAY_RUNTIME_BASE_AGGREGATE_H
#define ASSAY_RUNTIME_BASE_AGGREGATE_H

#include <stdbool.h>
#include <stdint.h>

typedef __int128          i128;
typedef unsigned __int128 u128;

struct aggregate {
	uint32_t count, frauds, labelled, declines, reviews;
	uint32_t distinct;
	i128     sum;      /* ten-thousandths of a unit */
	u128     squares;  /* of ten-thousandths */
	int64_t  min, max; /* ten-thousandths; undefined while count is 0 */
	int64_t  last_ns;  /* time of the transaction before; INT64_MIN: there is none */
	int64_t  first_ns; /* of the entity's first; INT64_MIN: there is none */
	bool     coarse;   /* a merged cell was touched: the window is not exact */
};

#endif
