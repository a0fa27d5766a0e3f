/* assayctl model explain: what a model is made of, as the appliance runs it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/ctl.h"
#include "runtime/base/digest.h"
#include "runtime/model/model.h"

static const char help[] =
	"usage: assayctl model explain [--json] MODEL\n"
	"\n"
	"Print the layers of a model in the order they run: the file's node, the operator, what\n"
	"is fused with it, shapes, bytes of weights, multiply-adds (of trees: tests at most) and\n"
	"the kernel that runs it; then the memory plan and the totals.  MODEL is any file that\n"
	"assayctl score takes.\n"
	"\n"
	"  --json   one JSON object instead of a table\n"
	"\n"
	"example:\n"
	"  assayctl model explain gru.onnx\n";

static int fail(const char *path, const char *place, const char *words)
{
	fprintf(stderr, "assayctl model explain: %s%s%s: %s\n", path, place[0] ? ": " : "", place,
		words);
	return 2;
}

static int read_whole(const char *path, struct bytes *file)
{
	FILE    *in   = fopen(path, "rb");
	uint8_t *data = NULL;
	long     size;

	if (!in)
		return fail(path, "", strerror(errno));
	if (fseek(in, 0, SEEK_END) == 0 && (size = ftell(in)) >= 0 && fseek(in, 0, SEEK_SET) == 0 &&
	    (uint64_t)size <= MODEL_FILE_BYTES_MAX)
		data = malloc((size_t)size + 1);
	if (!data || fread(data, 1, (size_t)size, in) != (size_t)size) {
		free(data);
		fclose(in);
		return fail(path, "", "cannot be read, or is larger than 1 GiB");
	}
	fclose(in);
	*file = bytes_of(data, (size_t)size);
	return 0;
}

static int load(const char *path, struct model **model)
{
	struct bytes       file;
	struct model_plan *plan;
	struct failure     failure;
	void              *memory;
	int                parsed;

	if (read_whole(path, &file))
		return 2;
	parsed = model_parse(file, &plan, &failure);
	free((void *)(uintptr_t)file.data);
	if (parsed)
		return fail(path, failure.place, failure.detail);
	memory = aligned_alloc(MODEL_ALIGN_BYTES, model_size(plan));
	if (!memory) {
		model_free_plan(plan);
		return fail(path, "", "no memory for the model");
	}
	*model = model_build(plan, memory, model_size(plan));
	model_free_plan(plan);
	return 0;
}

struct totals {
	uint64_t weight_bytes;
	uint64_t products;
};

static struct totals totals_of(const struct model *model)
{
	struct totals      totals = { 0 };
	struct model_layer layer;

	for (uint32_t i = 0; i < model_layer_count(model); i++) {
		model_layer(model, i, &layer);
		totals.weight_bytes += layer.weight_bytes;
		totals.products += layer.products;
	}
	return totals;
}

static void print_table(const struct model *model)
{
	struct totals      totals = totals_of(model);
	struct model_layer layer;
	char               what[72];

	printf("%s, %s, link %s: %u steps of %u features, %u outputs\n",
	       model_format_name(model_format(model)), model_objective(model),
	       model_link_name(model_link(model)), model_step_count(model),
	       model_feature_count(model), model_output_count(model));
	if (model_tree_count(model) > 0)
		printf("%u trees, %u nodes, the deepest %u\n", model_tree_count(model),
		       model_node_count(model), model_depth(model));
	printf("\n%-32s %-22s %-32s %11s %11s %16s  %s\n", "node", "operator", "shape",
	       "weights, B", "mul-adds", "result at, B", "kernel");
	for (uint32_t i = 0; i < model_layer_count(model); i++) {
		model_layer(model, i, &layer);
		snprintf(what, sizeof(what), "%s%s%s", layer.op, layer.fused[0] ? " + " : "",
			 layer.fused);
		printf("%-32.32s %-22s %-32s %11" PRIu64 " %11" PRIu64 " %8" PRIu64 " %7" PRIu64
		       "  %s: %s\n",
		       layer.name[0] ? layer.name : "-", what, layer.shape, layer.weight_bytes,
		       layer.products, layer.place_bytes, layer.result_bytes, layer.kernel,
		       layer.why);
	}
	printf("\ntotal: %u layers, %" PRIu64 " bytes of weights, %" PRIu64 " multiply-adds a row\n"
	       "memory: %zu bytes the model, %zu bytes to run it in, a core\n",
	       model_layer_count(model), totals.weight_bytes, totals.products,
	       model_memory_bytes(model), model_scratch_bytes(model));
}

static void put_text(const char *name, const char *text)
{
	printf("\"%s\":\"", name);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar((uint8_t)*text < ' ' ? '?' : *text);
	}
	fputs("\",", stdout);
}

static void print_json(const struct model *model)
{
	struct totals      totals = totals_of(model);
	struct model_layer layer;

	putchar('{');
	put_text("format", model_format_name(model_format(model)));
	put_text("objective", model_objective(model));
	put_text("link", model_link_name(model_link(model)));
	printf("\"steps\":%u,\"features\":%u,\"outputs\":%u,\"trees\":%u,\"nodes\":%u,"
	       "\"depth\":%u,\"layers\":[",
	       model_step_count(model), model_feature_count(model), model_output_count(model),
	       model_tree_count(model), model_node_count(model), model_depth(model));
	for (uint32_t i = 0; i < model_layer_count(model); i++) {
		model_layer(model, i, &layer);
		fputs(i ? ",{" : "{", stdout);
		put_text("node", layer.name);
		put_text("operator", layer.op);
		put_text("fused", layer.fused);
		put_text("shape", layer.shape);
		put_text("kernel", layer.kernel);
		put_text("why", layer.why);
		printf("\"weight_bytes\":%" PRIu64 ",\"multiply_adds\":%" PRIu64
		       ",\"place_bytes\":%" PRIu64 ",\"result_bytes\":%" PRIu64 "}",
		       layer.weight_bytes, layer.products, layer.place_bytes, layer.result_bytes);
	}
	printf("],\"weight_bytes\":%" PRIu64 ",\"multiply_adds\":%" PRIu64
	       ",\"model_bytes\":%zu,\"scratch_bytes\":%zu}\n",
	       totals.weight_bytes, totals.products, model_memory_bytes(model),
	       model_scratch_bytes(model));
}

int ctl_model_explain(int argc, char **argv)
{
	const char   *path  = NULL;
	struct model *model = NULL;
	bool          json  = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			fputs(help, stdout);
			return 0;
		}
		if (strcmp(argv[i], "--json") == 0) {
			json = true;
		} else if (argv[i][0] != '-' && !path) {
			path = argv[i];
		} else {
			fprintf(stderr, "assayctl model explain: unexpected argument '%s'\n\n%s",
				argv[i], help);
			return 2;
		}
	}
	if (!path) {
		fputs(help, stderr);
		return 2;
	}
	if (load(path, &model))
		return 2;
	if (json)
		print_json(model);
	else
		print_table(model);
	free(model);
	return 0;
}
