/* The numbers that a file brings along. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/read/onnx_node.h"

#define WHOLE_EXACT_MAX (1ll << 24)
#define WHOLE_NO_END    (INT32_MAX - 1ll) /* from here on: "to the end" */

bool onnx_whole(struct onnx *o, int64_t value, float *out)
{
	*out = value > WHOLE_NO_END ? INFINITY : value < -WHOLE_NO_END ? -INFINITY : (float)value;
	if (isinf(*out) || (value >= -WHOLE_EXACT_MAX && value <= WHOLE_EXACT_MAX) ||
	    (int64_t)*out == value)
		return true;
	graph_refuse(&o->build, "the whole number %lld cannot be held exactly", (long long)value);
	return false;
}

int64_t onnx_whole_back(float value)
{
	if (isnan(value))
		return 0;
	if (value >= 0x1p31f)
		return INT32_MAX;
	if (value <= -0x1p31f)
		return INT32_MIN;
	return (int64_t)value;
}

static float half_to_float(uint16_t bits)
{
	uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
	float    value;

	if (exponent == 31)
		value = fraction ? NAN : INFINITY;
	else if (exponent == 0)
		value = (float)fraction * 0x1p-24f;
	else
		value = (float)(1024 + fraction) * 0x1p-25f * (float)(1u << exponent);
	return bits & 0x8000 ? -value : value;
}

/* How one number lies in raw_data, in the file's little-endian order. */
static bool raw_number(struct onnx *o, int32_t type, const uint8_t *at, float *out)
{
	union {
		uint8_t  bytes[8];
		float    f;
		double   d;
		int64_t  i64;
		uint64_t u64;
		int32_t  i32;
		uint32_t u32;
		int16_t  i16;
		uint16_t u16;
		int8_t   i8;
	} number;

	switch (type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT: memcpy(out, at, 4); return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
		memcpy(number.bytes, at, 8);
		*out = (float)number.d;
		return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
		memcpy(number.bytes, at, 2);
		*out = half_to_float(number.u16);
		return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
		memcpy(number.bytes, at, 8);
		return onnx_whole(o, number.i64, out);
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
		memcpy(number.bytes, at, 4);
		return onnx_whole(o, number.i32, out);
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
		memcpy(number.bytes, at, 4);
		return onnx_whole(o, number.u32, out);
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
		memcpy(number.bytes, at, 2);
		*out = number.i16;
		return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
		memcpy(number.bytes, at, 2);
		*out = number.u16;
		return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT8: *out = (int8_t)*at; return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8: *out = *at; return true;
	default: *out = *at != 0; return true; /* BOOL */
	}
}

/* Bytes of a number of this type, 0 when it is not supported. */
static uint32_t number_bytes(int32_t type)
{
	switch (type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: return 8;
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32: return 4;
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16: return 2;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
	case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL: return 1;
	default: return 0;
	}
}

static enum graph_type type_of(int32_t type)
{
	switch (type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
	case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16: return GRAPH_FLOAT;
	case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL: return GRAPH_BOOL;
	default: return GRAPH_WHOLE;
	}
}

/* How many numbers the typed fields hold for this type. */
static size_t typed_count(const Onnx__TensorProto *tensor)
{
	switch (tensor->data_type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT: return tensor->n_float_data;
	case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE: return tensor->n_double_data;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: return tensor->n_int64_data;
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32: return tensor->n_uint64_data;
	default: return tensor->n_int32_data;
	}
}

static bool typed_number(struct onnx *o, const Onnx__TensorProto *tensor, size_t i, float *out)
{
	switch (tensor->data_type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT: *out = tensor->float_data[i]; return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
		*out = (float)tensor->double_data[i];
		return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: return onnx_whole(o, tensor->int64_data[i], out);
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
		return onnx_whole(o, (int64_t)(uint32_t)tensor->uint64_data[i], out);
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
		*out = half_to_float((uint16_t)tensor->int32_data[i]);
		return true;
	case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL: *out = tensor->int32_data[i] != 0; return true;
	default: return onnx_whole(o, tensor->int32_data[i], out);
	}
}

static const char *printable_name(const Onnx__TensorProto *tensor, char out[static 48])
{
	onnx_printable(out, 48, tensor->name);
	return out;
}

/* The shape; *empty when a dimension is 0. */
static bool shape_of(struct onnx *o, const Onnx__TensorProto *tensor, struct graph_shape *shape,
		     bool *empty)
{
	char name[48];

	*empty = false;
	if (tensor->n_dims > GRAPH_RANK_MAX) {
		graph_refuse(&o->build, "tensor \"%s\" has %zu axes; allowed are %u",
			     printable_name(tensor, name), tensor->n_dims, GRAPH_RANK_MAX);
		return false;
	}
	shape->rank = (uint8_t)tensor->n_dims;
	for (size_t d = 0; d < tensor->n_dims; d++) {
		if (tensor->dims[d] < 0 || tensor->dims[d] > UINT32_MAX) {
			graph_refuse(&o->build, "tensor \"%s\" has a dimension of %lld",
				     printable_name(tensor, name), (long long)tensor->dims[d]);
			return false;
		}
		shape->dims[d] = (uint32_t)tensor->dims[d];
		*empty |= tensor->dims[d] == 0;
	}
	return true;
}

static uint32_t add_numbers(struct onnx *o, const Onnx__TensorProto *tensor,
			    struct graph_shape shape, uint64_t count, uint32_t bytes)
{
	float   *values = malloc(count * sizeof(*values));
	bool     fine   = values != NULL;
	uint32_t added  = GRAPH_NONE;

	if (!values)
		return graph_refuse(&o->build, "no memory to load the model");
	for (uint64_t i = 0; i < count && fine; i++)
		fine = tensor->has_raw_data
			       ? raw_number(o, tensor->data_type, tensor->raw_data.data + i * bytes,
					    &values[i])
			       : typed_number(o, tensor, i, &values[i]);
	if (fine)
		added = graph_add_constant(&o->build, type_of(tensor->data_type), shape, values);
	free(values);
	return added;
}

uint32_t onnx_constant(struct onnx *o, const Onnx__TensorProto *tensor, bool *empty)
{
	struct graph_shape shape = { 0 };
	uint32_t           bytes = number_bytes(tensor->data_type);
	uint64_t           count, there;
	char               name[48];

	printable_name(tensor, name);
	*empty = false;
	if (tensor->has_data_location &&
	    tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
		return graph_refuse(&o->build,
				    "tensor \"%s\" is in another file (external data), "
				    "which is not supported; save the model as one file",
				    name);
	if (bytes == 0)
		return graph_refuse(&o->build,
				    "tensor \"%s\" is of type %d, which is not supported", name,
				    tensor->data_type);
	if (!shape_of(o, tensor, &shape, empty))
		return GRAPH_NONE;
	if (*empty)
		return GRAPH_NONE;
	count = graph_shape_count(shape, GRAPH_WEIGHTS_MAX);
	there = tensor->has_raw_data ? tensor->raw_data.len / bytes : typed_count(tensor);
	if (count == 0 || count != there ||
	    (tensor->has_raw_data && tensor->raw_data.len % bytes != 0)) {
		char words[80];

		return graph_refuse(&o->build, "tensor \"%s\" of shape %s holds %llu numbers", name,
				    graph_shape_words(shape, words), (unsigned long long)there);
	}
	return add_numbers(o, tensor, shape, count, bytes);
}
