/* assayctl score: a model's own answer for each row of a table, with the code
 * the appliance decides with.  For comparing with the library that trained it. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/ctl.h"
#include "runtime/base/digest.h"
#include "runtime/model/model.h"

#define COLUMNS_MAX 16384u

static const char help[] =
	"usage: assayctl score [--json] [--contributions] MODEL < features.csv\n"
	"       assayctl score --info MODEL\n"
	"\n"
	"Print the model's margin and probability (without a logistic link: prediction) for\n"
	"each row.  A model of several classes or targets gets margin_0, margin_1, ... and\n"
	"score_0, score_1, ...  MODEL is what XGBoost's save_model wrote, JSON or UBJSON,\n"
	"LightGBM's save_model, or an ONNX file.\n"
	"\n"
	"The table's first line names its columns; each feature of the model must be one of\n"
	"them, others are passed over.  A model that names no features takes the columns in\n"
	"order, and one that reads a sequence those of each step, the oldest first.  An empty\n"
	"cell and NaN mean missing.  A blank line is passed over, unless the table has one\n"
	"column only.\n"
	"\n"
	"  --contributions  print too how much of the margin each feature gave (exact Shapley\n"
	"                   values, as XGBoost's pred_contribs): contribution_NAME for each\n"
	"                   feature (contribution_0 without names), then bias; together they\n"
	"                   are the margin.  With several outputs: contribution_0_NAME, bias_0\n"
	"  --json           one JSON object a line instead of CSV\n"
	"  --info           print what the model is, and read no table\n"
	"\n"
	"examples:\n"
	"  assayctl score config/demo/model.ubj < week.csv > scores.csv\n"
	"  assayctl score --contributions --json model.txt < one.csv\n"
	"  assayctl score --info model.txt\n";

struct score {
	const char   *path;
	bool          json;
	bool          contributions;
	struct model *model;
	void         *scratch;
	double       *given;                   /* contributions, [outputs][features + 1] */
	uint32_t      columns;                 /* in the header */
	int32_t       feature_of[COLUMNS_MAX]; /* column -> model's feature, or -1 */
	uint64_t      line;
	float        *features; /* [steps][features] */
};

static int fail(const char *path, const char *place, const char *words)
{
	fprintf(stderr, "assayctl score: %s%s%s: %s\n", path, place[0] ? ": " : "", place, words);
	return -1;
}

static int read_file(const char *path, struct bytes *file)
{
	FILE    *in   = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t   used = 0, capacity = 0, got;

	if (!in)
		return fail(path, "", strerror(errno));
	do {
		if (used == capacity) {
			uint8_t *more;

			capacity = capacity ? 2 * capacity : 1 << 20;
			more     = capacity <= 2 * MODEL_FILE_BYTES_MAX ? realloc(data, capacity)
									: NULL;
			if (!more) {
				free(data);
				fclose(in);
				return fail(path, "", "the file is too large");
			}
			data = more;
		}
		got = fread(data + used, 1, capacity - used, in);
		used += got;
	} while (got > 0);
	if (ferror(in)) {
		free(data);
		fclose(in);
		return fail(path, "", "cannot be read");
	}
	fclose(in);
	*file = bytes_of(data, used);
	return 0;
}

/* The model is bound to a schema of its own features, in its own order. */
static int bind_to_itself(struct model *model, struct failure *failure)
{
	struct feature_schema *schema = calloc(1, sizeof(*schema));
	int                    result;

	if (!schema)
		abort();
	schema->count = model_feature_count(model);
	for (uint16_t i = 0; i < schema->count; i++) {
		const char *name = model_feature_name(model, i);

		if (name)
			snprintf(schema->names[i], sizeof(schema->names[i]), "%s", name);
	}
	result = model_bind(model, schema, failure);
	free(schema);
	return result;
}

/* To run in, and to explain in. */
static int take_memory(struct score *score)
{
	size_t run     = model_scratch_bytes(score->model);
	size_t explain = 0, most;

	if (score->contributions && model_explain_refusal(score->model))
		return fail(score->path, "--contributions", model_explain_refusal(score->model));
	if (score->contributions)
		explain = model_explain_scratch_bytes(score->model);
	most           = run > explain ? run : explain;
	score->scratch = aligned_alloc(MODEL_ALIGN_BYTES, most ? most : MODEL_ALIGN_BYTES);
	score->given   = calloc((size_t)model_output_count(score->model) *
					(model_feature_count(score->model) + 1u),
				sizeof(*score->given));
	score->features =
		calloc((size_t)model_step_count(score->model) * model_feature_count(score->model),
		       sizeof(*score->features));
	if (!score->scratch || !score->given || !score->features)
		return fail(score->path, "", "no memory for the model");
	return 0;
}

static int load(struct score *score)
{
	struct bytes       file = { 0 };
	struct model_plan *plan = NULL;
	struct failure     failure;
	void              *memory;

	if (read_file(score->path, &file))
		return -1;
	if (model_parse(file, &plan, &failure)) {
		free((void *)(uintptr_t)file.data);
		return fail(score->path, failure.place, failure.detail);
	}
	free((void *)(uintptr_t)file.data);
	memory = aligned_alloc(MODEL_ALIGN_BYTES, model_size(plan));
	if (!memory) {
		model_free_plan(plan);
		return fail(score->path, "", "no memory for the model");
	}
	score->model = model_build(plan, memory, model_size(plan));
	model_free_plan(plan);
	if (bind_to_itself(score->model, &failure))
		return fail(score->path, failure.place, failure.detail);
	return take_memory(score);
}

/* Cut the next cell off *rest, in place; quotes around it are dropped. */
static char *next_cell(char **rest)
{
	char  *cell = *rest, *comma;
	size_t length;

	if (!cell)
		return NULL;
	comma = strchr(cell, ',');
	*rest = comma ? comma + 1 : NULL;
	if (comma)
		*comma = '\0';
	cell += strspn(cell, " \t");
	length = strlen(cell);
	while (length > 0 && strchr(" \t\r\n", cell[length - 1]))
		cell[--length] = '\0';
	if (length >= 2 && cell[0] == '"' && cell[length - 1] == '"') {
		cell[length - 1] = '\0';
		cell++;
	}
	return cell;
}

static int fail_cell(const struct score *score, uint32_t column, const char *words)
{
	fprintf(stderr, "assayctl score: stdin:%llu: column %u: %s\n",
		(unsigned long long)score->line, column + 1, words);
	return -1;
}

static int32_t feature_named(const struct model *model, const char *name)
{
	for (uint16_t i = 0; i < model_feature_count(model); i++)
		if (strcmp(model_feature_name(model, i), name) == 0)
			return i;
	return -1;
}

/* Columns of a sequence come in order, step after step. */
static bool by_name(const struct model *model)
{
	return model_feature_name(model, 0) != NULL && model_step_count(model) == 1;
}

static uint32_t row_count(const struct model *model)
{
	return (uint32_t)model_step_count(model) * model_feature_count(model);
}

static int check_header(const struct score *score, const bool *found)
{
	uint16_t count = model_feature_count(score->model);

	if (!by_name(score->model)) {
		if (score->columns == row_count(score->model))
			return 0;
		fprintf(stderr,
			"assayctl score: stdin:1: %u columns; the model names no features and "
			"has %u\n",
			score->columns, row_count(score->model));
		return -1;
	}
	for (uint16_t i = 0; i < count; i++) {
		if (found[i])
			continue;
		fprintf(stderr,
			"assayctl score: stdin:1: no column \"%s\", a feature of the model\n",
			model_feature_name(score->model, i));
		return -1;
	}
	return 0;
}

static int read_header(struct score *score, char *line)
{
	bool  found[MODEL_FEATURES_MAX] = { 0 };
	bool  named                     = by_name(score->model);
	char *cell;

	if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	while ((cell = next_cell(&line))) {
		uint32_t column = score->columns;
		int32_t  feature;

		if (column == COLUMNS_MAX)
			return fail_cell(score, column, "too many columns; allowed: 16384");
		if (named)
			feature = feature_named(score->model, cell);
		else
			feature = column < row_count(score->model) ? (int32_t)column : -1;
		if (named && feature >= 0 && found[feature])
			return fail_cell(score, column, "a column with this name was there before");
		if (named && feature >= 0)
			found[feature] = true;
		score->feature_of[score->columns++] = feature;
	}
	return check_header(score, found);
}

static int read_row(struct score *score, char *line)
{
	uint32_t column = 0;
	char    *cell, *end;

	for (; (cell = next_cell(&line)); column++) {
		float value = NAN;

		if (column >= score->columns)
			return fail_cell(score, column, "more cells than the header has columns");
		if (score->feature_of[column] < 0)
			continue;
		if (cell[0]) {
			value = strtof(cell, &end);
			/* strtof takes hexadecimal and nan(...), which no table means. */
			if (*end || isinf(value) || strpbrk(cell, "xX("))
				return fail_cell(score, column,
						 "not a finite number; empty or NaN means missing");
		}
		score->features[score->feature_of[column]] = value;
	}
	if (column < score->columns)
		return fail_cell(score, column, "fewer cells than the header has columns");
	return 0;
}

static const char *answer_name(const struct score *score)
{
	if (model_output_count(score->model) > 1)
		return "score";
	return model_link(score->model) == MODEL_LOGISTIC ? "probability" : "prediction";
}

/* The head of the table, then its rows: every column in one order. */
enum row { ROW_HEAD, ROW_CSV, ROW_JSON };

struct printer {
	enum row row;
	bool     first;
};

/* RFC 4180 section 2 (quotes are doubled), RFC 8259 section 7. */
static void put_quoted(const char *text, bool json)
{
	putchar('"');
	for (; *text; text++) {
		uint8_t c = (uint8_t)*text;

		if (json && c < 0x20)
			printf("\\u%04x", c);
		else if (c == '"' || (json && c == '\\'))
			printf("%c%c", json ? '\\' : '"', c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_column(struct printer *printer, const char *name, int digits, double value)
{
	if (!printer->first)
		putchar(',');
	printer->first = false;
	if (printer->row == ROW_HEAD && strpbrk(name, ",\"\r\n") == NULL)
		fputs(name, stdout);
	else if (printer->row != ROW_CSV)
		put_quoted(name, printer->row == ROW_JSON);
	if (printer->row == ROW_HEAD)
		return;
	if (printer->row == ROW_JSON)
		putchar(':');
	if (printer->row == ROW_JSON && !isfinite(value))
		fputs("null", stdout);
	else
		printf("%.*g", digits, value);
}

static void print_outputs(const struct score *score, struct printer *printer, const char *kind,
			  const float *values)
{
	uint16_t count = model_output_count(score->model);
	char     name[32];

	for (uint16_t o = 0; o < count; o++) {
		snprintf(name, sizeof(name), count > 1 ? "%s_%u" : "%s", kind, o);
		print_column(printer, name, 9, (double)values[o]);
	}
}

/* "contribution_amount", "contribution_2_amount" of output 2, "bias", "bias_2". */
static void name_contribution(const struct model *model, uint16_t output, uint16_t feature,
			      char *name, size_t name_bytes)
{
	char number[16] = "", plain[16] = "";
	bool bias = feature == model_feature_count(model);

	if (model_output_count(model) > 1)
		snprintf(number, sizeof(number), "_%u", output);
	if (!bias)
		snprintf(plain, sizeof(plain), "%u", feature);
	if (bias)
		snprintf(name, name_bytes, "bias%s", number);
	else
		snprintf(name, name_bytes, "contribution%s_%s", number,
			 model_feature_name(model, feature) ? model_feature_name(model, feature)
							    : plain);
}

static void print_contributions(const struct score *score, struct printer *printer)
{
	uint16_t outputs = model_output_count(score->model);
	uint32_t columns = model_feature_count(score->model) + 1u;
	char     name[MODEL_NAME_BYTES_MAX + 64];

	for (uint16_t o = 0; o < outputs; o++)
		for (uint16_t f = 0; f < columns; f++) {
			name_contribution(score->model, o, f, name, sizeof(name));
			print_column(printer, name, 17, score->given[o * columns + f]);
		}
}

static void print_row(const struct score *score, enum row row)
{
	struct printer printer                    = { .row = row, .first = true };
	float          margins[MODEL_OUTPUTS_MAX] = { 0 }, answers[MODEL_OUTPUTS_MAX] = { 0 };

	if (row != ROW_HEAD) {
		model_run(score->model, score->features, score->scratch, margins);
		model_scores(score->model, margins, answers);
		if (score->contributions)
			model_explain(score->model, score->features, score->scratch, score->given);
	}
	if (row == ROW_JSON)
		putchar('{');
	print_outputs(score, &printer, "margin", margins);
	print_outputs(score, &printer, answer_name(score), answers);
	if (score->contributions)
		print_contributions(score, &printer);
	puts(row == ROW_JSON ? "}" : "");
}

static int score_rows(struct score *score)
{
	char  *line     = NULL;
	size_t capacity = 0;
	int    result   = 0;

	while (result == 0 && getline(&line, &capacity, stdin) >= 0) {
		score->line++;
		if (score->line == 1) {
			result = read_header(score, line);
			if (result == 0 && !score->json)
				print_row(score, ROW_HEAD);
		} else if (score->columns == 1 || line[strspn(line, " \t\r\n")] != '\0') {
			result = read_row(score, line);
			if (result == 0)
				print_row(score, score->json ? ROW_JSON : ROW_CSV);
		}
	}
	free(line);
	if (score->line == 0)
		return fail("stdin", "", "empty; the first line must name the columns");
	if (ferror(stdin))
		return fail("stdin", "", "cannot be read");
	return result;
}

static void print_info(const struct model *model)
{
	char hex[2 * DIGEST_BYTES + 1];

	digest_hex(model_digest(model), hex);
	printf("format     %s\nlink       %s\noutputs    %u\nexplained  %s\n",
	       model_format_name(model_format(model)), model_link_name(model_link(model)),
	       model_output_count(model),
	       model_explain_refusal(model) ? model_explain_refusal(model) : "yes");
	printf("digest     sha256:%s\nobjective  %s\ntrees      %u\nnodes      %u\ndepth      %u\n"
	       "features   %u\n",
	       hex, model_objective(model), model_tree_count(model), model_node_count(model),
	       model_depth(model), model_feature_count(model));
	for (uint16_t i = 0; i < model_feature_count(model) && model_feature_name(model, i); i++)
		printf("  %s\n", model_feature_name(model, i));
}

int ctl_score(int argc, char **argv)
{
	struct score *score  = calloc(1, sizeof(*score));
	bool          info   = false;
	int           result = 2;

	if (!score)
		abort();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			fputs(help, stdout);
			free(score);
			return 0;
		}
		if (strcmp(argv[i], "--json") == 0) {
			score->json = true;
		} else if (strcmp(argv[i], "--contributions") == 0) {
			score->contributions = true;
		} else if (strcmp(argv[i], "--info") == 0) {
			info = true;
		} else if (argv[i][0] != '-' && !score->path) {
			score->path = argv[i];
		} else {
			fprintf(stderr, "assayctl score: unexpected argument '%s'\n\n%s", argv[i],
				help);
			free(score);
			return 2;
		}
	}
	if (!score->path) {
		fputs(help, stderr);
	} else if (load(score) == 0) {
		if (info)
			print_info(score->model);
		result = info || score_rows(score) == 0 ? 0 : 2;
	}
	free(score->model);
	free(score->scratch);
	free(score->given);
	free(score->features);
	free(score);
	return result;
}
