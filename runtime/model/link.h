/* From margins to scores, by our own exp.  Private to runtime/model. */
#ifndef ASSAY_RUNTIME_MODEL_LINK_H
#define ASSAY_RUNTIME_MODEL_LINK_H

#include "runtime/model/model.h"

/* Both are [count] and may be the same array. */
void link_scores(enum model_link link, float scale, const float *margins, float *scores,
		 uint32_t count);

#endif
