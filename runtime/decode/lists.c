/* Edits of the lists that rules use, while the appliance runs. */
#include <string.h>

#include "runtime/decode/decoder.h"

static bool read_list(struct reader *reader, yyjson_val *value, void *out)
{
	struct list_edit *edit = out;

	return read_text(reader, value, DECODE_LIST_BYTES_MAX, edit->list.data,
			 &edit->list.size_bytes);
}

static bool read_entry(struct reader *reader, yyjson_val *value, void *out)
{
	struct list_edit *edit = out;

	return read_text(reader, value, DECODE_ENTRY_BYTES_MAX, edit->value.data,
			 &edit->value.size_bytes);
}

static bool read_expires(struct reader *reader, yyjson_val *value, void *out)
{
	return read_instant(reader, value, &((struct list_edit *)out)->expires_ns);
}

static bool read_remove(struct reader *reader, yyjson_val *value, void *out)
{
	if (!yyjson_is_bool(value))
		return fail_type(reader, value, "true or false");
	((struct list_edit *)out)->remove = yyjson_get_bool(value);
	return true;
}

static bool holds_tokens(const struct reader *reader, const struct list_edit *edit)
{
	struct bytes name = bytes_of(edit->list.data, edit->list.size_bytes);

	return reader->lists.of_tokens == NULL || reader->lists.of_tokens(reader->lists.ctx, name);
}

static bool check_entry(struct reader *reader, const struct list_edit *edit)
{
	if (!holds_tokens(reader, edit))
		return true;
	place_enter_name(&reader->place, "value", 5);
	if (!check_token(reader, edit->value.data, edit->value.size_bytes))
		return false;
	place_leave(&reader->place);
	return true;
}

static bool read_edit(struct reader *reader, yyjson_val *value, void *out)
{
	static const struct field fields[] = {
		{ "list", true, read_list },
		{ "value", true, read_entry },
		{ "expires", false, read_expires },
		{ "remove", false, read_remove },
	};
	struct list_edit *edit = out;

	memset(edit, 0, sizeof(*edit));
	edit->expires_ns = INT64_MAX;
	if (!read_object(reader, value, fields, sizeof(fields) / sizeof(fields[0]), edit))
		return false;
	if (edit->remove && edit->expires_ns != INT64_MAX) {
		place_enter_name(&reader->place, "expires", 7);
		return place_fail(&reader->place, REASON_field_format,
				  "an edit that removes takes no \"expires\"");
	}
	return check_entry(reader, edit);
}

enum reason decode_list_edits(struct decoder *decoder, uint8_t *body, size_t n,
			      struct list_edit *out, size_t out_max, size_t *count, bool *batch,
			      struct failure *failure)
{
	static const struct body_shape shape = { "edits", sizeof(*out), read_edit };

	return decode_body(decoder, body, n, &shape, out, out_max, count, batch, failure);
}
