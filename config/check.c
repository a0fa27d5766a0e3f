#include "config/check.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/prescan.h"
#include "config/value.h"

#define ALLOWED_BYTES SCHEMA_ALLOWED_BYTES

/* A path of the stream taken apart: "callers[3].may[0]" is row "callers[].may[]",
 * element 3, and element 0 of the list the row itself is in. */
struct place {
	const struct schema_row *row;        /* NULL: no such key */
	uint32_t                 element;    /* of the outermost list; 0 outside lists */
	uint32_t                 last;       /* the last index in the path */
	bool                     sound;      /* false: not a path the child could have sent */
	bool                     is_element; /* the path ends with an index */
};

static size_t row_number(const struct schema_row *row)
{
	return (size_t)(row - schema);
}

static struct place place_of(const char *path)
{
	struct place place = { .sound = true };
	char         pattern[STREAM_PATH_BYTES_MAX + 1];
	size_t       used    = 0;
	unsigned     indexes = 0;

	while (*path != '\0' && place.sound) {
		char *end;

		place.is_element = *path == '[';
		pattern[used++]  = *path++;
		if (!place.is_element)
			continue;
		place.sound = *path >= '0' && *path <= '9';
		place.last  = (uint32_t)strtoul(path, &end, 10);
		place.sound = place.sound && *end == ']' && end - path < 8;
		if (indexes++ == 0)
			place.element = place.last;
		if (place.sound) {
			path            = end + 1;
			pattern[used++] = ']';
		}
	}
	pattern[used] = '\0';
	place.row     = schema_find(pattern);
	return place;
}

static void must_be(struct check *check, const struct stream_record *record,
		    const struct schema_row *row, const char *what)
{
	bool text_is_wanted = row->type == SCHEMA_TEXT || row->type == SCHEMA_FILE;
	char allowed[ALLOWED_BYTES];

	schema_allowed(row, allowed, sizeof(allowed));
	errors_add(check->errors, record->line, record->path, "%s, must be %s%s", what,
		   text_is_wanted && record->type != STREAM_TEXT ? "a text in quotes: " : "",
		   allowed);
}

/* "callers[].may[]" belongs to "callers[].may", and that to "callers[]". */
static size_t parent_bytes(const char *path)
{
	size_t size_bytes = strlen(path);

	if (size_bytes > 0 && path[size_bytes - 1] == ']')
		return size_bytes - 2;
	while (size_bytes > 0 && path[size_bytes - 1] != '.')
		size_bytes--;
	return size_bytes > 0 ? size_bytes - 1 : 0;
}

static void unknown_key(struct check *check, const struct stream_record *record)
{
	const char  *dot    = strrchr(record->path, '.');
	size_t       prefix = dot == NULL ? 0 : (size_t)(dot - record->path);
	char         known[ALLOWED_BYTES];
	char         group[STREAM_PATH_BYTES_MAX + 1];
	size_t       used = 0;
	struct place owner;

	memcpy(group, record->path, prefix);
	group[prefix] = '\0';
	owner         = place_of(group);
	known[0]      = '\0';
	for (size_t i = 0; i < schema_count; i++) {
		const char *path  = schema[i].path;
		size_t      bytes = parent_bytes(path);

		if (path[strlen(path) - 1] == ']' || (prefix > 0 && owner.row == NULL) ||
		    bytes != (prefix > 0 ? strlen(owner.row->path) : 0) ||
		    (prefix > 0 && strncmp(path, owner.row->path, bytes) != 0))
			continue;
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 used > 0 ? ", " : "", path + (bytes > 0 ? bytes + 1 : 0));
		assert(used < sizeof(known));
	}
	errors_add(check->errors, record->line, record->path,
		   "is not a known key, must be one of %s", known);
	snprintf(check->skip, sizeof(check->skip), "%s", record->path);
}

static bool is_skipped(const struct check *check, const char *path)
{
	size_t size_bytes = strlen(check->skip);

	return size_bytes > 0 && strncmp(path, check->skip, size_bytes) == 0 &&
	       (path[size_bytes] == '.' || path[size_bytes] == '[');
}

static bool is_element_row(const struct schema_row *row)
{
	return row->path[strlen(row->path) - 1] == ']';
}

/* Is the row of a list inside an element of another? */
static bool is_nested(const struct schema_row *row)
{
	return is_element_row(row) && schema_outer(row) != row;
}

/* Where the lines of a list's elements start in check->element_line. */
static size_t element_lines(const struct schema_row *group)
{
	size_t first = 0;

	for (const struct schema_row *row = schema; row < group; row++)
		if (row->type == SCHEMA_GROUP && is_element_row(row))
			first += (size_t)schema_list(row)->max;
	return first;
}

/* Counts an element of a list that stores its count; false: one too many. */
static bool count_element(struct check *check, const struct stream_record *record,
			  const struct place *place)
{
	const struct schema_row *list = schema_list(place->row);
	uint32_t                 many = place->last + 1;

	if (many > (uint32_t)list->max) {
		snprintf(check->skip, sizeof(check->skip), "%.*s",
			 (int)(strrchr(record->path, '[') - record->path), record->path);
		errors_add(check->errors, record->line, check->skip,
			   "has too many entries, must have %.0f to %.0f", list->min, list->max);
		return false;
	}
	value_set_count(list, check->config, many);
	if (place->row->type == SCHEMA_GROUP)
		check->element_line[element_lines(place->row) + place->element] = record->line;
	return true;
}

/* Elements come in order and inside the list that is open: with the index after
 * the last one.  Anything else did not come from flatten(). */
static bool in_order(const struct check *check, const struct place *place)
{
	const struct schema_row *outer = schema_outer(place->row);

	if (outer == NULL)
		return true;
	if (place->row == outer)
		return check->seen[row_number(schema_list(outer))] > 0 &&
		       place->last == check->seen[row_number(outer)];
	if (place->element + 1 != check->seen[row_number(outer)] ||
	    place->element >= (uint32_t)schema_list(outer)->max)
		return false;
	return !place->is_element ||
	       (check->seen[row_number(schema_list(place->row))] == place->element + 1 &&
		place->last == check->inner[row_number(place->row)]);
}

static bool is_repeated(struct check *check, const struct place *place)
{
	size_t   number = row_number(place->row);
	uint32_t many   = place->element + 1;
	bool     again  = check->seen[number] >= many;

	check->seen[number] = again ? check->seen[number] : many;
	if (is_nested(place->row)) { /* in_order has seen to it */
		check->inner[number] = place->last + 1;
		return false;
	}
	return again;
}

/* A list that is set has the elements that follow, and none of its default's. */
static void start_list(struct check *check, const struct place *place)
{
	const struct schema_row *element = schema_element(place->row);
	uint32_t                 count   = element->inner_max;

	check->inner[row_number(element)] = 0;
	if (schema_outer(place->row) == NULL) {
		count = value_count(place->row, check->config);
		value_set_count(place->row, check->config, 0);
	}
	for (uint32_t i = 0; i < count; i++)
		memset(schema_value(element, check->config, is_nested(element) ? place->element : i,
				    i),
		       0, element->size_bytes);
}

static void start_group(struct check *check, const struct place *place)
{
	size_t size_bytes = strlen(place->row->path);

	for (size_t i = 0; i < schema_count; i++)
		if (strncmp(schema[i].path, place->row->path, size_bytes) == 0 &&
		    schema[i].path[size_bytes] == '.')
			value_set_initial(&schema[i], check->config, place->element);
}

static void take_value(struct check *check, const struct stream_record *record,
		       const struct place *place)
{
	const struct schema_row *row = place->row;
	char                     what[256];

	value_describe(record, what, sizeof(what));
	if (!value_type_fits(record, row)) {
		must_be(check, record, row, what);
		check->faulty[row_number(row)] = place->element + 1;
		snprintf(check->skip, sizeof(check->skip), "%s", record->path);
	} else if (row->type == SCHEMA_LIST) {
		start_list(check, place);
	} else if (row->type == SCHEMA_GROUP) {
		if (place->is_element)
			start_group(check, place);
	} else if (!value_store(row, record,
				schema_value(row, check->config, place->element, place->last))) {
		must_be(check, record, row, what);
	}
}

/* A row that must be set and is not: "is missing", or "is empty" for a list
 * without its first element. */
static void require(struct check *check, const struct schema_row *row, const char *key,
		    uint32_t line)
{
	char        allowed[ALLOWED_BYTES];
	const char *what = "is missing";

	if (is_element_row(row)) {
		row  = schema_list(row);
		what = "is empty";
	}
	schema_allowed(row, allowed, sizeof(allowed));
	errors_add(check->errors, line, key, "%s, must be %s", what, allowed);
}

/* A list that is not there, or is no list, has been spoken of already. */
static bool list_is_faulty(const struct check *check, const struct schema_row *row, uint32_t many)
{
	const struct schema_row *list;

	if (!is_element_row(row))
		return false;
	list = schema_list(row);
	return check->seen[row_number(list)] < many || check->faulty[row_number(list)] == many;
}

/* Called when an element is complete: at the next of its list, and at the end. */
static void check_element(struct check *check, const struct schema_row *group)
{
	size_t   prefix = strlen(group->path) + 1;
	uint32_t many   = check->seen[row_number(group)];
	char     key[64];

	if (many == 0 || check->faulty[row_number(group)] == many)
		return;
	for (size_t i = 0; i < schema_count; i++) {
		const struct schema_row *row = &schema[i];

		if (schema_outer(row) != group || row == group || !(row->flags & SCHEMA_REQUIRED) ||
		    check->seen[i] >= many || list_is_faulty(check, row, many))
			continue;
		snprintf(key, sizeof(key), "%.*s[%u].%.*s", (int)prefix - 3, group->path, many - 1,
			 (int)strcspn(row->path + prefix, "["), row->path + prefix);
		require(check, row, key, check->element_line[element_lines(group) + many - 1]);
	}
}

static bool check_setting(struct check *check, const struct stream_record *record)
{
	struct place place = place_of(record->path);

	if (!place.sound || record->path[0] == '\0')
		return false;
	if (is_skipped(check, record->path))
		return true;
	if (place.row == NULL) {
		unknown_key(check, record);
		return true;
	}
	if (!in_order(check, &place))
		return false;
	if (place.is_element && !count_element(check, record, &place))
		return true;
	if (place.is_element && place.row->type == SCHEMA_GROUP)
		check_element(check, place.row);
	if (is_repeated(check, &place)) {
		errors_add(check->errors, record->line, record->path,
			   "is set twice, must be set once");
		return true;
	}
	check->line[row_number(place.row)] = record->line;
	take_value(check, record, &place);
	return true;
}

uint32_t check_line(const struct check *check, const char *path)
{
	const struct schema_row *row = schema_find(path);
	const char              *dot = strchr(path, '.');
	char                     group[64];

	if (row != NULL && check->line[row_number(row)] > 0)
		return check->line[row_number(row)];
	if (dot == NULL)
		return 1;
	snprintf(group, sizeof(group), "%.*s", (int)(dot - path), path);
	row = schema_find(group);
	return row != NULL && check->line[row_number(row)] > 0 ? check->line[row_number(row)] : 1;
}

uint32_t check_element_line(const struct check *check, const char *list, uint32_t index)
{
	const struct schema_row *element = schema_element(schema_find(list));

	return element->type == SCHEMA_GROUP ? check->element_line[element_lines(element) + index]
					     : check_line(check, list);
}

static void check_required(struct check *check)
{
	for (size_t i = 0; i < schema_count; i++) {
		const struct schema_row *row = &schema[i];
		char                     key[64];

		if (!(row->flags & SCHEMA_REQUIRED) || check->seen[i] > 0 ||
		    strstr(row->path, "[].") != NULL || list_is_faulty(check, row, 1))
			continue;
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(row->path, "["), row->path);
		require(check, row, key, check_line(check, key));
	}
}

static void parser_error(struct check *check, const struct stream_record *record)
{
	char key[64];

	if (strstr(record->text, "duplicate") == NULL) {
		errors_add(check->errors, record->line, "syntax",
			   "%s, must be settings as in name = value;", record->text);
		return;
	}
	prescan_key_on_line(check->text, record->line, key, sizeof(key));
	errors_add(check->errors, record->line, key, "is set twice, must be set once");
}

void check_stream(struct check *check, struct bytes stream)
{
	static const char   *defect = "sent what it must not, must be a defect: report it";
	struct stream_record record;
	bool                 parsed = true, sound = true;

	while (sound && !check->ended) {
		sound = stream_next(&stream, &record);
		if (!sound)
			break;
		if (record.type == STREAM_END) {
			check->ended = stream.size_bytes == 0;
			sound        = check->ended;
		} else if (record.type == STREAM_ERROR) {
			parsed = false;
			parser_error(check, &record);
		} else {
			sound = check_setting(check, &record);
		}
	}
	if (!sound) {
		errors_add(check->errors, 1, "parser", "%s", defect);
		return;
	}
	if (!parsed)
		return;
	for (size_t i = 0; i < schema_count; i++)
		if (schema[i].type == SCHEMA_GROUP && is_element_row(&schema[i]))
			check_element(check, &schema[i]);
	check_required(check);
}
