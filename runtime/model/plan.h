/* What a model is, its trees or layers aside, and what every reader ends in.
 * Private to runtime/model. */
#ifndef ASSAY_RUNTIME_MODEL_PLAN_H
#define ASSAY_RUNTIME_MODEL_PLAN_H

#include "runtime/model/model.h"

#define MODEL_OBJECTIVE_BYTES 64

struct model_facts {
	uint8_t  digest[DIGEST_BYTES];
	uint8_t  format; /* enum model_format */
	uint8_t  link;   /* enum model_link */
	bool     named;
	uint16_t output_count;
	uint16_t feature_count; /* of one step */
	uint16_t steps;         /* of a sequence; 0 and 1: there is none */
	uint16_t reach;         /* rows of a window that its features' names reach over: window.h */
	float    link_scale;    /* MODEL_LOGISTIC */
	char     objective[MODEL_OBJECTIVE_BYTES];
	char     names[MODEL_FEATURES_MAX][MODEL_NAME_BYTES_MAX + 1];
};

struct forest_plan;
struct graph_plan;

struct model_plan {
	struct model_facts  facts;
	struct forest_plan *forest; /* owned; one of the two */
	struct graph_plan  *graph;  /* owned */
};

#endif
