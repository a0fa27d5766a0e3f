#include <stdio.h>
#include <string.h>

#include "config/schema.h"

#define COMMENT_COLUMNS 92

/* Words of a comment, broken at blanks. */
static void print_comment(FILE *out, const char *indent, const char *words)
{
	size_t column = 0;

	while (*words != '\0') {
		size_t size_bytes = strcspn(words, " ");

		if (column == 0 || column + 1 + size_bytes > COMMENT_COLUMNS) {
			fprintf(out, "%s%s#", column > 0 ? "\n" : "", indent);
			column = strlen(indent) + 1;
		}
		fprintf(out, " %.*s", (int)size_bytes, words);
		column += 1 + size_bytes;
		words += size_bytes + (words[size_bytes] == ' ');
	}
	fprintf(out, "\n");
}

static const char *quote_of(const struct schema_row *row)
{
	switch (row->type) {
	case SCHEMA_TEXT:
	case SCHEMA_FILE:
	case SCHEMA_CHOICE:
	case SCHEMA_DURATION:
	case SCHEMA_HOURS: return "\"";
	default: return "";
	}
}

static const char *when_of(const struct schema_row *row)
{
	return row->flags & SCHEMA_LIVE ? "live" : "boot";
}

static const char *key_of(const struct schema_row *row)
{
	const char *dot = strrchr(row->path, '.');

	return dot == NULL ? row->path : dot + 1;
}

/* How an element of a list of groups looks. */
static void print_example(FILE *out, const char *path)
{
	static const struct {
		const char *path;
		const char *lines;
	} examples[] = {
		{ "callers",
		  "#   callers = (\n"
		  "#     { identity = \"spiffe://bank/cards\"; may = ( \"decide\", \"health\", "
		  "\"version\" ); }\n"
		  "#   );\n" },
		{ "entities",
		  "#   entities = (\n"
		  "#     { name = \"card\"; key = ( \"card\" ); },\n"
		  "#     { name = \"card_currency\"; key = ( \"card\", \"currency\" ); },\n"
		  "#     { name = \"account\"; key = ( \"account\" ); decisions = true; },\n"
		  "#     { name = \"pair\"; key = ( \"account\", \"payee\" ); history = 64; },\n"
		  "#     { name = \"incoming\"; key = ( \"payee\" ); read = ( \"account\" ); "
		  "channels = ( \"instant\" ); }\n"
		  "#   );\n" },
		{ "computed",
		  "#   computed = (\n"
		  "#     { name = \"card_count_1d\"; kind = \"count\"; entity = \"card\"; "
		  "window = \"1d\"; },\n"
		  "#     { name = \"card_sum_1d\"; kind = \"sum\"; entity = \"card_currency\"; "
		  "window = \"1d\"; },\n"
		  "#     { name = \"card_risk_7d\"; kind = \"fraud_rate\"; entity = \"card\"; "
		  "window = \"7d\"; delay = \"7d\"; empty = 0; },\n"
		  "#     { name = \"card_devices\"; kind = \"distinct\"; of = \"device\"; "
		  "entity = \"card\"; window = \"1d\"; },\n"
		  "#     { name = \"night\"; kind = \"hours\"; hours = \"0-7\"; }\n"
		  "#   );\n" },
		{ "columns", "#   columns = (\n"
			     "#     { column = \"CUSTOMER_ID\"; field = \"card\"; },\n"
			     "#     { column = \"TX_FRAUD\"; field = \"label\"; }\n"
			     "#   );\n" },
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		if (strcmp(path, examples[i].path) == 0)
			fprintf(out, "%s", examples[i].lines);
}

static void print_key(FILE *out, const struct schema_row *row)
{
	const char *indent = strchr(row->path, '.') == NULL ? "" : "\t";
	char        allowed[SCHEMA_ALLOWED_BYTES], note[SCHEMA_ALLOWED_BYTES + 64];

	schema_allowed(row, allowed, sizeof(allowed));
	snprintf(note, sizeof(note), "%s; %s%s", allowed, when_of(row),
		 row->flags & SCHEMA_REQUIRED ? "; required, this is an example" : "");
	print_comment(out, indent, row->sentence);
	print_comment(out, indent, note);
	print_example(out, row->path);
	fprintf(out, "%s%s = %s%s%s;\n", indent, key_of(row), quote_of(row), row->initial,
		quote_of(row));
}

void config_print_default(FILE *out)
{
	const char *group = "";

	fprintf(out,
		"# The configuration of an Assay appliance: every key with its default.  A key "
		"that is\n"
		"# left out has this value.  `assayd --check FILE` says whether a file is good.  "
		"Keys\n"
		"# marked live follow a reload, keys marked boot need a restart.  File names that "
		"do\n"
		"# not start with / count from the directory of this file.\n"
		"#\n"
		"# Made from config/schema.c, as config/REFERENCE.md is; do not edit by hand.\n");
	for (size_t i = 0; i < schema_count; i++) {
		const struct schema_row *row = &schema[i];

		if (strstr(row->path, "[]") != NULL)
			continue;
		if (strchr(row->path, '.') == NULL && group[0] != '\0') {
			fprintf(out, "};\n");
			group = "";
		}
		fprintf(out, "\n");
		if (row->type == SCHEMA_GROUP) {
			print_comment(out, "", row->sentence);
			fprintf(out, "%s = {", row->path);
			group = row->path;
			continue;
		}
		print_key(out, row);
	}
	fprintf(out, "%s", group[0] != '\0' ? "};\n" : "");
}

static void print_row(FILE *out, const struct schema_row *row)
{
	char allowed[SCHEMA_ALLOWED_BYTES];

	schema_allowed(row, allowed, sizeof(allowed));
	fprintf(out, "| `%s` | ", row->path);
	for (const char *at = allowed; *at != '\0'; at++)
		fprintf(out, *at == '|' ? "\\%c" : "%c", *at);
	if (row->initial == NULL || (row->flags & SCHEMA_REQUIRED))
		fprintf(out, " | %s", row->flags & SCHEMA_REQUIRED ? "required" : "");
	else
		fprintf(out, " | `%s%s%s`", quote_of(row), row->initial, quote_of(row));
	fprintf(out, " | %s%s | %s |\n", when_of(row),
		row->flags & SCHEMA_DECIDES ? ", decides" : "", row->sentence);
}

void config_print_reference(FILE *out)
{
	static const char head[] = "| Key | Allowed | Default | When | Meaning |\n"
				   "|---|---|---|---|---|\n";
	bool              open   = false; /* is the last table one of the top level? */

	fprintf(out, "# Configuration reference\n\n"
		     "Made from `config/schema.c`, as `config/appliance.cfg` is; do not edit by "
		     "hand.\n\n"
		     "*When*: **live** keys follow `assayctl reload`, **boot** keys need a "
		     "restart. Keys that\n"
		     "**decide** can change a decision and are part of the config digest in every "
		     "answer.\n"
		     "`[]` stands for each element of a list. A text is printable ASCII. File "
		     "names that do\n"
		     "not start with `/` count from the directory of the configuration file.\n");
	for (size_t i = 0; i < schema_count; i++) {
		const struct schema_row *row = &schema[i];
		bool                     top = strpbrk(row->path, ".[") == NULL;

		if (row->type == SCHEMA_GROUP && top) {
			fprintf(out, "\n## %s\n\n%s\n\n%s", row->path, row->sentence, head);
			open = false;
			continue;
		}
		if (top && !open)
			fprintf(out, "\n%s", head);
		open = open || top;
		print_row(out, row);
	}
}
