/* The names of a graph's values, and a node's inputs, outputs and attributes. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/read/onnx_node.h"

void onnx_printable(char *out, size_t out_bytes, const char *text)
{
	size_t i = 0;

	for (; text && text[i] && i + 1 < out_bytes; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	out[i] = '\0';
}

/* A refusal that belongs to no node: `place` and words with one number. */
bool onnx_refuse_at(struct onnx *o, const char *place, const char *words, ...)
{
	va_list arguments;

	if (o->build.failed)
		return false;
	o->build.failed   = true;
	*o->build.failure = (struct failure){ .reason = REASON_model_missing };
	snprintf(o->build.failure->place, sizeof(o->build.failure->place), "%s", place);
	va_start(arguments, words);
	vsnprintf(o->build.failure->detail, sizeof(o->build.failure->detail), words, arguments);
	va_end(arguments);
	return false;
}

/* A name that is further from its place than this was made to be. */
#define PROBES_MAX 256u

bool onnx_values_make(struct onnx *o)
{
	const Onnx__GraphProto *graph = o->file->graph;
	uint64_t                names = graph->n_input + graph->n_initializer + graph->n_output + 1;
	uint64_t                room  = 1024;

	for (size_t n = 0; n < graph->n_node; n++)
		names += graph->node[n]->n_output + graph->node[n]->n_input;
	while (room < 2 * names)
		room *= 2;
	if (room <= UINT32_MAX)
		o->values = calloc(room, sizeof(*o->values));
	if (!o->values) {
		graph_refuse(&o->build, "no memory to load the model");
		return false;
	}
	o->value_mask = (uint32_t)(room - 1);
	return true;
}

/* FNV-1a, mixed once more so that low bits depend on all. */
static uint32_t hash_of(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3ull;
	return (uint32_t)((hash ^ hash >> 32) * 0x9e3779b97f4a7c15ull >> 32);
}

/* Where the name is, or may be put; NULL: too many names fall there. */
static struct onnx_value *place_of(const struct onnx *o, const char *name)
{
	uint32_t hash = hash_of(name);

	for (uint32_t i = 0; i < PROBES_MAX; i++) {
		struct onnx_value *value = &o->values[(hash + i) & o->value_mask];

		if (!value->name || strcmp(value->name, name) == 0)
			return value;
	}
	return NULL;
}

struct onnx_value *onnx_value(const struct onnx *o, const char *name)
{
	struct onnx_value *value = place_of(o, name);

	return value && value->name ? value : NULL;
}

struct onnx_value *onnx_name(struct onnx *o, const char *name)
{
	struct onnx_value *value = place_of(o, name);

	if (!value) {
		graph_refuse(&o->build, "the graph's names collide");
		return NULL;
	}
	if (!value->name)
		*value = (struct onnx_value){ .name   = name,
					      .tensor = GRAPH_NONE,
					      .second = GRAPH_NONE };
	return value;
}

bool onnx_has_input(const struct onnx *o, uint32_t input)
{
	const struct onnx_value *value;

	if (input >= o->node->n_input || !o->node->input[input][0])
		return false;
	value = onnx_value(o, o->node->input[input]);
	return !value || !value->empty;
}

uint32_t onnx_input(struct onnx *o, uint32_t input)
{
	const struct onnx_value *value;
	char                     name[64];

	if (o->build.failed)
		return GRAPH_NONE;
	if (input >= o->node->n_input || !o->node->input[input][0])
		return graph_refuse(&o->build, "input %u is missing", input);
	value = onnx_value(o, o->node->input[input]);
	onnx_printable(name, sizeof(name), o->node->input[input]);
	if (!value || !value->made)
		return graph_refuse(&o->build,
				    "input \"%s\" is not made by a node before this one; "
				    "the graph is cyclic or out of order",
				    name);
	if (value->tensor == GRAPH_NONE)
		return graph_refuse(&o->build, "input \"%s\" %s", name,
				    value->why_not ? value->why_not : "holds no numbers");
	return value->tensor;
}

bool onnx_input_ints(struct onnx *o, uint32_t input, int64_t *out, uint32_t max, uint32_t *count)
{
	const float *values;
	uint32_t     tensor;

	*count = 0;
	if (!o->build.failed && input < o->node->n_input) {
		const struct onnx_value *value = onnx_value(o, o->node->input[input]);

		if (value && value->empty)
			return true;
	}
	tensor = onnx_input(o, input);
	if (tensor == GRAPH_NONE)
		return false;
	values = graph_constant_values(&o->build, tensor);
	if (!values) {
		graph_refuse(&o->build,
			     "input %u must be known when the model is loaded; it depends "
			     "on the features",
			     input);
		return false;
	}
	*count = graph_tensor(&o->build, tensor)->count;
	if (*count > max) {
		graph_refuse(&o->build, "input %u has %u numbers; allowed are %u", input, *count,
			     max);
		return false;
	}
	for (uint32_t i = 0; i < *count; i++)
		out[i] = onnx_whole_back(values[i]);
	return true;
}

bool onnx_has_output(const struct onnx *o, uint32_t output)
{
	return output < o->node->n_output && o->node->output[output][0];
}

static struct onnx_value *new_output(struct onnx *o, uint32_t output)
{
	struct onnx_value *value;

	if (!onnx_has_output(o, output))
		return NULL;
	value = onnx_name(o, o->node->output[output]);
	if (!value)
		return NULL;
	if (value->made) {
		graph_refuse(&o->build, "two nodes make output %u", output);
		return NULL;
	}
	value->made = true;
	return value;
}

bool onnx_output(struct onnx *o, uint32_t output, uint32_t tensor)
{
	struct onnx_value *value;

	if (o->build.failed || tensor == GRAPH_NONE)
		return false;
	value = new_output(o, output);
	if (value)
		value->tensor = tensor;
	return !o->build.failed;
}

void onnx_output_why_not(struct onnx *o, uint32_t output, const char *why_not)
{
	struct onnx_value *value = new_output(o, output);

	if (value)
		value->why_not = why_not;
}

bool onnx_nothing(struct onnx *o, const char *why_not)
{
	onnx_output_why_not(o, 0, why_not);
	if (onnx_has_output(o, 0) && !o->build.failed)
		onnx_value(o, o->node->output[0])->empty = true;
	return !o->build.failed;
}

/* ---- attributes */

static const Onnx__AttributeProto *find_attribute(struct onnx *o, const char *name, bool read)
{
	for (size_t i = 0; i < o->node->n_attribute && i < 64; i++) {
		const Onnx__AttributeProto *attribute = o->node->attribute[i];

		if (!attribute->name || strcmp(attribute->name, name) != 0)
			continue;
		if (read)
			o->attributes_read |= 1ull << i;
		return attribute;
	}
	return NULL;
}

const Onnx__AttributeProto *onnx_attribute(struct onnx *o, const char *name)
{
	return find_attribute(o, name, true);
}

void onnx_ignore(struct onnx *o, const char *name)
{
	find_attribute(o, name, true);
}

bool onnx_attributes_done(struct onnx *o)
{
	for (size_t i = 0; i < o->node->n_attribute; i++) {
		const Onnx__AttributeProto *attribute = o->node->attribute[i];
		char                        name[48];

		if (i < 64 && (o->attributes_read >> i & 1))
			continue;
		onnx_printable(name, sizeof(name), attribute->name);
		graph_refuse(&o->build, "attribute \"%s\" is not supported", name);
		return false;
	}
	return !o->build.failed;
}

int64_t onnx_int(struct onnx *o, const char *name, int64_t otherwise)
{
	const Onnx__AttributeProto *attribute = onnx_attribute(o, name);

	if (!attribute)
		return otherwise;
	if (!attribute->has_i)
		graph_refuse(&o->build, "attribute \"%s\" must be a whole number", name);
	return attribute->i;
}

float onnx_float(struct onnx *o, const char *name, float otherwise)
{
	const Onnx__AttributeProto *attribute = onnx_attribute(o, name);

	if (!attribute)
		return otherwise;
	if (!attribute->has_f)
		graph_refuse(&o->build, "attribute \"%s\" must be a number", name);
	return attribute->f;
}

int onnx_choice(struct onnx *o, const char *name, const char *otherwise, const char *const *allowed)
{
	const Onnx__AttributeProto *attribute = onnx_attribute(o, name);
	struct bytes                text = bytes_of((const uint8_t *)otherwise, strlen(otherwise));
	char                        found[40];
	size_t                      i;

	if (attribute)
		text = bytes_of(attribute->s.data, attribute->has_s ? attribute->s.len : 0);
	for (int c = 0; allowed[c]; c++)
		if (strlen(allowed[c]) == text.size_bytes &&
		    (text.size_bytes == 0 || memcmp(allowed[c], text.data, text.size_bytes) == 0))
			return c;
	for (i = 0; i < text.size_bytes && i + 1 < sizeof(found); i++)
		found[i] = text.data[i] >= ' ' && text.data[i] <= '~' ? (char)text.data[i] : '?';
	found[i] = '\0';
	graph_refuse(&o->build, "%s \"%s\" is not supported", name, found);
	return -1;
}

bool onnx_ints(struct onnx *o, const char *name, int64_t *out, uint32_t max, uint32_t *count,
	       bool *given)
{
	const Onnx__AttributeProto *attribute = onnx_attribute(o, name);

	*given = attribute != NULL;
	*count = 0;
	if (!attribute)
		return true;
	if (attribute->n_ints > max) {
		graph_refuse(&o->build, "attribute \"%s\" has %zu numbers; allowed are %u", name,
			     attribute->n_ints, max);
		return false;
	}
	*count = (uint32_t)attribute->n_ints;
	if (*count > 0)
		memcpy(out, attribute->ints, *count * sizeof(*out));
	return true;
}

const float *onnx_floats(struct onnx *o, const char *name, uint32_t *count)
{
	const Onnx__AttributeProto *attribute = onnx_attribute(o, name);

	*count = attribute && attribute->n_floats < UINT32_MAX ? (uint32_t)attribute->n_floats : 0;
	return *count ? attribute->floats : NULL;
}

const int64_t *onnx_int_list(struct onnx *o, const char *name, uint32_t *count)
{
	const Onnx__AttributeProto *attribute = onnx_attribute(o, name);

	*count = attribute && attribute->n_ints < UINT32_MAX ? (uint32_t)attribute->n_ints : 0;
	return *count ? attribute->ints : NULL;
}

bool onnx_axis(struct onnx *o, int64_t given, uint32_t rank, uint32_t *axis)
{
	if (given < -(int64_t)rank || given >= (int64_t)rank) {
		graph_refuse(&o->build, "axis %lld; the shape has %u axes", (long long)given, rank);
		return false;
	}
	*axis = (uint32_t)(given < 0 ? given + rank : given);
	return true;
}
