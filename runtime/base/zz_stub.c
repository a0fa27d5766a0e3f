#include "runtime/base/label.h"
const char *label_kind_name(enum label_kind kind)
{
	static const char *const n[] = { "none", "fraud", "genuine", "released", "rejected" };
	return n[kind];
}
const char *label_outcome_name(enum label_outcome o)
{
	static const char *const n[] = { "applied", "changed", "unchanged", "unknown" };
	return n[o];
}
