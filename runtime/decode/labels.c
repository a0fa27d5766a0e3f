/* Labels: what became of transactions that were decided earlier. */
#include <string.h>

#include "runtime/decode/decoder.h"

static bool read_label_id(struct reader *reader, yyjson_val *value, void *out)
{
	struct label *label = out;

	return read_text(reader, value, DECODE_TOKEN_BYTES_MAX, label->id.data,
			 &label->id.size_bytes);
}

static const char *kind_name(size_t kind)
{
	return label_kind_name((enum label_kind)kind);
}

static bool read_kind(struct reader *reader, yyjson_val *value, void *out)
{
	struct label *label = out;

	if (!yyjson_is_str(value))
		return fail_type(reader, value, "a text");
	label->kind = (uint8_t)find_name(value, kind_name, LABEL_NONE, LABEL_KIND_COUNT);
	if (label->kind == LABEL_KIND_COUNT)
		return place_fail(&reader->place, REASON_field_range,
				  "fraud, genuine, released, rejected and none are allowed");
	return true;
}

static bool read_caller(struct reader *reader, yyjson_val *value, void *out)
{
	struct label *label = out;

	return read_text(reader, value, DECODE_CALLER_BYTES_MAX, label->caller.data,
			 &label->caller.size_bytes);
}

static bool read_label(struct reader *reader, yyjson_val *value, void *out)
{
	static const struct field fields[] = {
		{ "id", true, read_label_id },
		{ "label", true, read_kind },
		{ "caller", false, read_caller },
	};

	memset(out, 0, sizeof(struct label));
	return read_object(reader, value, fields, sizeof(fields) / sizeof(fields[0]), out);
}

enum reason decode_labels(struct decoder *decoder, uint8_t *body, size_t n, struct label *out,
			  size_t out_max, size_t *count, bool *batch, struct failure *failure)
{
	static const struct body_shape shape = { "labels", sizeof(*out), read_label };

	return decode_body(decoder, body, n, &shape, out, out_max, count, batch, failure);
}
