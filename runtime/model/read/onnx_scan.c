/* The wire format of a protocol buffer, walked before libprotobuf-c unpacks it.
 *
 * The unpacker recurses into messages, merges a message that is given twice (copying what
 * it had), and makes a structure of a hundred bytes and more from a message of two.  None
 * of that is bounded by the size of the file, so it is bounded here: lengths, nesting,
 * repetition, and the memory that unpacking will take.  The loop has a stack of its own and
 * looks at each field once. */
#include <stdio.h>

#include "runtime/model/read/onnx_scan.h"

#define SCAN_DEPTH_MAX 24u /* a map of sequences of tensors nests 12 deep */
#define BYTES_FACTOR   64u /* unpacked bytes for each byte of the file */
#define BYTES_ALLOWED  (1u << 20)
#define FIELD_BYTES    64u /* libprotobuf-c's own note of a field it has seen */

struct frame {
	const ProtobufCMessageDescriptor *message;
	size_t                            end;
	uint64_t seen; /* fields of one message that were there, by place */
};

struct scan {
	struct bytes    file;
	size_t          at;
	uint64_t        unpacked_bytes;
	struct frame    frames[SCAN_DEPTH_MAX];
	uint32_t        depth;
	struct failure *failure;
};

static int refuse(struct scan *scan, size_t offset_bytes, const char *words)
{
	*scan->failure = (struct failure){ .reason       = REASON_model_missing,
					   .offset_bytes = offset_bytes };
	snprintf(scan->failure->place, sizeof(scan->failure->place), "byte %zu", offset_bytes);
	snprintf(scan->failure->detail, sizeof(scan->failure->detail), "%s", words);
	return -1;
}

static int read_varint(struct scan *scan, size_t end, uint64_t *value)
{
	size_t start = scan->at;

	*value = 0;
	for (uint32_t shift = 0; shift < 70; shift += 7) {
		uint8_t byte;

		if (scan->at >= end)
			return refuse(scan, start, "the file is cut off in the middle of a number");
		byte = scan->file.data[scan->at++];
		if (shift < 64)
			*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return 0;
	}
	return refuse(scan, start, "a number has more than ten bytes");
}

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *message,
						uint64_t                          number)
{
	if (number > UINT32_MAX)
		return NULL;
	for (unsigned i = 0; i < message->n_fields; i++)
		if (message->fields[i].id == number)
			return &message->fields[i];
	return NULL;
}

/* What numbers packed in `length` bytes become. */
static uint64_t packed_bytes(const ProtobufCFieldDescriptor *field, uint64_t length)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES: return length + sizeof(ProtobufCBinaryData) + 1;
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE: return length;
	default: return 8 * length; /* a varint of one byte becomes an int64_t */
	}
}

/* A message begins: `length` bytes from here. */
static int enter(struct scan *scan, const ProtobufCFieldDescriptor *field, uint64_t length)
{
	struct frame *frame = &scan->frames[scan->depth - 1];
	unsigned      place = (unsigned)(field - frame->message->fields);

	assert(frame->message->n_fields <= 64);
	if (field->label != PROTOBUF_C_LABEL_REPEATED && (frame->seen >> place & 1))
		return refuse(scan, scan->at, "a message is given twice where one is allowed");
	frame->seen |= 1ull << place;
	if (scan->depth == SCAN_DEPTH_MAX)
		return refuse(scan, scan->at, "messages are nested more than 24 deep");
	scan->frames[scan->depth++] = (struct frame){ .message = field->descriptor,
						      .end     = scan->at + length };
	scan->unpacked_bytes += scan->frames[scan->depth - 1].message->sizeof_message +
				sizeof(void *);
	return 0;
}

static int skip(struct scan *scan, size_t end, uint64_t length)
{
	if (length > end - scan->at)
		return refuse(scan, scan->at, "the file is cut off, or a length is wrong");
	scan->at += length;
	return 0;
}

/* One field of the innermost message. */
static int scan_field(struct scan *scan)
{
	const struct frame             *frame = &scan->frames[scan->depth - 1];
	const ProtobufCFieldDescriptor *field;
	size_t                          start = scan->at, end = frame->end;
	uint64_t                        tag, length;

	if (read_varint(scan, end, &tag))
		return -1;
	if (tag >> 3 == 0)
		return refuse(scan, start, "a field has the number 0; this is no ONNX file");
	field = field_of(frame->message, tag >> 3);
	scan->unpacked_bytes += FIELD_BYTES;
	switch (tag & 7) {
	case 0: return read_varint(scan, end, &length);
	case 1: return skip(scan, end, 8);
	case 5: return skip(scan, end, 4);
	case 2: break;
	default: return refuse(scan, start, "a field is of no kind that ONNX files have");
	}
	if (read_varint(scan, end, &length))
		return -1;
	if (length > end - scan->at)
		return refuse(scan, scan->at, "the file is cut off, or a length is wrong");
	if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
		return enter(scan, field, length);
	scan->unpacked_bytes += field ? packed_bytes(field, length) : length;
	return skip(scan, end, length);
}

int onnx_scan(struct bytes file, const ProtobufCMessageDescriptor *message, struct failure *failure)
{
	struct scan scan = { .file = file, .failure = failure };
	uint64_t    max  = BYTES_ALLOWED + (uint64_t)BYTES_FACTOR * file.size_bytes;

	scan.frames[0] = (struct frame){ .message = message, .end = file.size_bytes };
	scan.depth     = 1;
	while (scan.depth > 0) { /* each turn takes a byte, or ends what took one */
		if (scan.at == scan.frames[scan.depth - 1].end) {
			scan.depth--;
			continue;
		}
		if (scan_field(&scan))
			return -1;
		if (scan.unpacked_bytes > max)
			return refuse(&scan, scan.at,
				      "the file would take more than 64 times its "
				      "size in memory");
	}
	return 0;
}
