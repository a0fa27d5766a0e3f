#include "runtime/decode/decode.h"

#include <assert.h>
#include <string.h>

#include "runtime/decode/decoder.h"
#include "runtime/decode/scan.h"

#define BODY_BYTES_LIMIT ((size_t)64 << 20)

static_assert(DECODE_PADDING_BYTES >= YYJSON_PADDING_SIZE, "yyjson needs that many zero bytes");

static const struct feature_schema no_features;

static size_t round_up_64(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

/* yyjson keeps its values in one array of 16 bytes each and grows it by half, in
 * place, since nothing else is in the pool.  A value takes two bytes of the body
 * at least, itself and a separator, which is what yyjson_read_max_memory_usage
 * counts: 16 * 1.5 * n / 2.  Only an opening bracket needs no separator ("[[[["
 * takes twice that memory, found by test), hence the depth check in front and
 * room for as many brackets as it lets pass. */
static size_t pool_bytes_for(const struct decode_limits *limits)
{
	assert(limits->body_bytes_max > 0 && limits->body_bytes_max <= BODY_BYTES_LIMIT);
	assert(limits->batch_max > 0);
	return round_up_64(
		yyjson_read_max_memory_usage(limits->body_bytes_max, YYJSON_READ_INSITU) +
		DECODE_DEPTH_MAX * 24);
}

size_t decode_size(const struct decode_limits *limits)
{
	return round_up_64(sizeof(struct decoder)) + pool_bytes_for(limits);
}

void decode_lists(struct decoder *decoder, const struct decode_lists *lists)
{
	decoder->lists = *lists;
}

struct decoder *decode_init(void *memory, const struct decode_limits *limits)
{
	struct decoder *decoder = memory;

	assert(((uintptr_t)memory & 63) == 0);
	decoder->limits     = *limits;
	decoder->pool_bytes = pool_bytes_for(limits);
	decoder->lists      = (struct decode_lists){ 0 };
	decode_schema(decoder, &no_features);
	return decoder;
}

/* yyjson's reader is iterative, so what it needs is this memory and a constant
 * stack.  Running out of it would mean that the bound of decode_size is wrong. */
static yyjson_doc *parse(struct decoder *decoder, uint8_t *body, size_t n, struct place *place)
{
	yyjson_alc      pool;
	yyjson_read_err error;
	bool            ready = yyjson_alc_pool_init(&pool, decoder->pool, decoder->pool_bytes);

	assert(ready);
	/* yyjson looks for the end of the body only where it meets a zero byte; without
	 * these it reads a text that is not closed on into what follows. */
	memset(body + n, 0, DECODE_PADDING_BYTES);
	yyjson_doc *doc = yyjson_read_opts((char *)body, n, YYJSON_READ_INSITU, &pool, &error);

	if (doc == NULL) {
		bool full = error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION;

		place_fail(place, full ? REASON_internal : REASON_json_malformed, "byte %zu: %s",
			   error.pos, error.msg);
		place->failure->offset_bytes = error.pos;
	}
	return doc;
}

/* What can be said of a body before it is parsed. */
static bool check_body(const struct decoder *decoder, const uint8_t *body, size_t n,
		       struct place *place)
{
	size_t      offset;
	enum reason reason;

	if (n > decoder->limits.body_bytes_max)
		return place_fail(place, REASON_http_too_long, "%zu bytes; %zu are allowed", n,
				  decoder->limits.body_bytes_max);
	if (n == 0)
		return place_fail(place, REASON_json_malformed, "the body is empty");
	reason = scan_body(body, n, DECODE_DEPTH_MAX, &offset);
	if (reason == REASON_json_depth)
		place_fail(place, reason, "byte %zu: more than %d levels of brackets", offset,
			   DECODE_DEPTH_MAX);
	else if (reason == REASON_json_encoding)
		place_fail(place, reason, "byte %zu: %s", offset,
			   offset == 0 && body[0] == 0xef ? "not UTF-8, or a byte order mark"
							  : "not UTF-8");
	place->failure->offset_bytes = offset;
	return reason == REASON_NONE;
}

/* One array of a body, on its way into out[]. */
struct batch {
	const struct body_shape *shape;
	uint8_t                 *out; /* [count_max][shape->element_bytes] */
	size_t                   count_max;
	size_t                   count;
};

static bool read_elements(struct reader *reader, yyjson_val *value, void *out)
{
	struct batch *batch = out;
	yyjson_val   *element;
	size_t        i, n;

	if (!yyjson_is_arr(value))
		return fail_type(reader, value, "an array");
	n = yyjson_arr_size(value);
	if (n == 0)
		return place_fail(&reader->place, REASON_batch_empty, "the array is empty");
	if (n > batch->count_max)
		return place_fail(&reader->place, REASON_batch_too_large,
				  "%zu elements; %zu are allowed", n, batch->count_max);
	yyjson_arr_foreach(value, i, n, element)
	{
		place_enter_index(&reader->place, i);
		if (!batch->shape->read(reader, element,
					batch->out + i * batch->shape->element_bytes))
			return false;
		place_leave(&reader->place);
	}
	batch->count = n;
	return true;
}

enum reason decode_body(struct decoder *decoder, uint8_t *body, size_t n,
			const struct body_shape *shape, void *out, size_t out_max, size_t *count,
			bool *batch, struct failure *failure)
{
	const struct field fields[] = { { shape->array, true, read_elements } };
	struct reader      reader   = { .index = &decoder->index,
					.lists = decoder->lists,
					.place = { .failure = failure } };
	struct batch       elements = { .shape     = shape,
					.out       = out,
					.count_max = decoder->limits.batch_max };
	yyjson_doc        *doc;

	assert(out_max > 0);
	if (elements.count_max > out_max)
		elements.count_max = out_max;
	if (!check_body(decoder, body, n, &reader.place))
		return failure->reason;
	doc = parse(decoder, body, n, &reader.place);
	if (doc == NULL)
		return failure->reason;

	yyjson_val *root = yyjson_doc_get_root(doc);

	*batch = yyjson_obj_get(root, shape->array) != NULL;
	if (!(*batch ? read_object(&reader, root, fields, 1, &elements)
		     : shape->read(&reader, root, out)))
		return failure->reason;
	*count = *batch ? elements.count : 1;
	return REASON_NONE;
}

enum reason decode_json(struct decoder *decoder, uint8_t *body, size_t n, struct transaction *out,
			size_t out_max, size_t *count, bool *batch, struct failure *failure)
{
	static const struct body_shape shape = { "transactions", sizeof(*out), read_transaction };

	return decode_body(decoder, body, n, &shape, out, out_max, count, batch, failure);
}
