#include "runtime/base/reason.h"

#include <assert.h>

static const struct reason_row rows[REASON_COUNT_ALL] = {
	[REASON_NONE] = { "none", REASON_COUNT, 200, "no failure" },
#define REASON(row, does, status, words) [REASON_##row] = { #row, REASON_##does, status, words },
#include "runtime/base/reason_table.h"
#undef REASON
};

const struct reason_row *reason_row_of(enum reason reason)
{
	assert(reason < REASON_COUNT_ALL);
	return &rows[reason];
}
