#include "config/stream.h"

#include <string.h>

struct stream_head {
	uint8_t  type;
	uint8_t  path_bytes;
	uint16_t value_bytes;
	uint32_t line;
};
_Static_assert(sizeof(struct stream_head) == 8, "no padding");

void stream_put(struct stream *out, enum stream_type type, const char *path, uint32_t line,
		const void *value, size_t value_bytes)
{
	struct stream_head head       = { .type = (uint8_t)type, .line = line };
	size_t             path_bytes = strnlen(path, STREAM_PATH_BYTES_MAX);

	if (value_bytes > STREAM_VALUE_BYTES_MAX)
		value_bytes = STREAM_VALUE_BYTES_MAX;
	if (out->full ||
	    out->capacity_bytes - out->size_bytes < sizeof(head) + path_bytes + value_bytes) {
		out->full = true;
		return;
	}
	head.path_bytes  = (uint8_t)path_bytes;
	head.value_bytes = (uint16_t)value_bytes;
	memcpy(out->data + out->size_bytes, &head, sizeof(head));
	out->size_bytes += sizeof(head);
	memcpy(out->data + out->size_bytes, path, path_bytes);
	out->size_bytes += path_bytes;
	if (value_bytes > 0)
		memcpy(out->data + out->size_bytes, value, value_bytes);
	out->size_bytes += value_bytes;
}

static bool path_is_sound(const char *path, size_t size_bytes)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_*-.[]";

	return strlen(path) == size_bytes && path[strspn(path, allowed)] == '\0';
}

static bool value_is_sound(struct stream_record *record, const uint8_t *value, size_t size_bytes)
{
	switch (record->type) {
	case STREAM_END:
	case STREAM_GROUP:
	case STREAM_LIST: return size_bytes == 0;
	case STREAM_FLAG:
		record->flag = size_bytes == 1 && value[0] == 1;
		return size_bytes == 1 && value[0] <= 1;
	case STREAM_INTEGER:
		if (size_bytes != sizeof(record->integer))
			return false;
		memcpy(&record->integer, value, size_bytes);
		return true;
	case STREAM_REAL:
		if (size_bytes != sizeof(record->real))
			return false;
		memcpy(&record->real, value, size_bytes);
		return true;
	case STREAM_ERROR:
	case STREAM_TEXT:
		memcpy(record->text, value, size_bytes);
		record->text[size_bytes] = '\0';
		return strlen(record->text) == size_bytes;
	default: return false;
	}
}

bool stream_next(struct bytes *rest, struct stream_record *record)
{
	struct stream_head head;
	size_t             size_bytes;

	if (rest->size_bytes < sizeof(head))
		return false;
	memcpy(&head, rest->data, sizeof(head));
	size_bytes = sizeof(head) + head.path_bytes + head.value_bytes;
	if (rest->size_bytes < size_bytes || head.path_bytes > STREAM_PATH_BYTES_MAX ||
	    head.value_bytes > STREAM_VALUE_BYTES_MAX || head.line > STREAM_LINE_MAX)
		return false;

	record->type    = head.type;
	record->line    = head.line;
	record->flag    = false;
	record->integer = 0;
	record->real    = 0;
	record->text[0] = '\0';
	memcpy(record->path, rest->data + sizeof(head), head.path_bytes);
	record->path[head.path_bytes] = '\0';
	if (!path_is_sound(record->path, head.path_bytes) ||
	    !value_is_sound(record, rest->data + sizeof(head) + head.path_bytes, head.value_bytes))
		return false;
	*rest = bytes_of(rest->data + size_bytes, rest->size_bytes - size_bytes);
	return true;
}
