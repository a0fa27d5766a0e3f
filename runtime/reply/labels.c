/* What became of labels and of edits of lists. */
#include <assert.h>
#include <string.h>

#include "runtime/reply/reply.h"
#include "runtime/reply/writer.h"

size_t reply_labels(void *out, size_t capacity, const struct label *labels, const uint8_t *outcomes,
		    size_t count)
{
	struct writer writer = writer_of(out, capacity);

	assert(capacity >= REPLY_LABELS_BYTES_MAX(count));
	write_words(&writer, "{\"labels\":[");
	for (size_t i = 0; i < count; i++) {
		write_separator(&writer);
		write_words(&writer, "{");
		write_name(&writer, "id");
		write_text(&writer, labels[i].id.data, labels[i].id.size_bytes);
		write_name(&writer, "outcome");
		write_word(&writer, label_outcome_name((enum label_outcome)outcomes[i]));
		write_words(&writer, "}");
	}
	write_words(&writer, "]}");
	return writer.size;
}

size_t reply_list_edits(void *out, size_t capacity, const struct list_edit *edits,
			const enum reason *refused, size_t count)
{
	struct writer writer = writer_of(out, capacity);

	assert(capacity >= REPLY_EDITS_BYTES_MAX(count));
	write_words(&writer, "{\"edits\":[");
	for (size_t i = 0; i < count; i++) {
		const struct reason_row *row     = reason_row_of(refused[i]);
		bool                     applied = refused[i] == REASON_NONE;

		write_separator(&writer);
		write_words(&writer, "{");
		write_name(&writer, "list");
		write_text(&writer, edits[i].list.data, edits[i].list.size_bytes);
		write_name(&writer, "value");
		write_text(&writer, edits[i].value.data, edits[i].value.size_bytes);
		write_name(&writer, "outcome");
		write_word(&writer, applied ? "applied" : row->name);
		if (!applied) {
			write_name(&writer, "text");
			write_text(&writer, row->meaning, strlen(row->meaning));
		}
		write_words(&writer, "}");
	}
	write_words(&writer, "]}");
	return writer.size;
}
