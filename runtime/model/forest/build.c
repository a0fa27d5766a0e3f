/* From a plan to the flat form; flat.h draws it. */
#include <math.h>

#include <string.h>

#include "runtime/model/forest/flat.h"

/* Where everything goes; made twice, once to tell the size and once to fill. */
struct places {
	uint64_t trees;
	uint64_t nodes;
	uint64_t leaves;
	uint64_t sets;
	uint64_t groups;
	uint64_t forest;
	uint32_t group_count;
};

static uint64_t aligned(uint64_t size_bytes)
{
	return (size_bytes + MODEL_ALIGN_BYTES - 1) & ~(uint64_t)(MODEL_ALIGN_BYTES - 1);
}

static struct places places_of(const struct forest_plan *plan)
{
	struct places places;

	places.group_count = (plan->tree_count + FOREST_LANES - 1) / FOREST_LANES;
	places.trees       = aligned(sizeof(struct forest));
	places.nodes       = places.trees +
		       aligned((uint64_t)plan->tree_count * sizeof(struct forest_tree));
	places.leaves = places.nodes +
			aligned((uint64_t)plan->node_count * sizeof(struct forest_node));
	places.sets = places.leaves +
		      aligned((uint64_t)plan->leaf_count * plan->leaf_width * sizeof(double));
	places.groups = places.sets + aligned((uint64_t)plan->set_words * sizeof(uint32_t));
	places.forest = places.groups +
			aligned((uint64_t)places.group_count * sizeof(struct group));
	return places;
}

/* Shape of group number `index`, and how many bytes its trees take. */
static uint64_t group_shape(const struct forest_plan *plan, uint32_t index, struct group *group)
{
	uint32_t first = index * FOREST_LANES;
	uint64_t steps = 0;

	*group = (struct group){ 0 };
	for (uint32_t t = first; t < plan->tree_count && t < first + FOREST_LANES; t++) {
		if (plan->trees[t].depth > group->depth)
			group->depth = plan->trees[t].depth;
		steps += plan->trees[t].nodes;
		group->lanes++;
	}
	group->padded = group->depth <= FOREST_PADDED_DEPTH_MAX;
	if (group->padded)
		return aligned(((uint64_t)FOREST_LANES << group->depth) *
			       (sizeof(struct split) + sizeof(float)));
	/* A lane without a tree gets a leaf of its own. */
	steps += FOREST_LANES - group->lanes;
	return aligned(steps * sizeof(struct step));
}

size_t forest_size(const struct forest_plan *plan)
{
	struct places places     = places_of(plan);
	uint64_t      size_bytes = places.forest;
	struct group  group;

	for (uint32_t g = 0; g < places.group_count; g++)
		size_bytes += group_shape(plan, g, &group);
	return size_bytes;
}

static uint32_t slot_of(const struct forest_node *node, uint32_t feature_count)
{
	return node->feature + node->view * feature_count;
}

static float leaf_value(const struct forest_plan *plan, const struct forest_node *node)
{
	assert(node->kind == FOREST_LEAF);
	return (float)plan->leaves[node->leaf];
}

/* One tree made complete.  `node_at` is [2 << depth]: which of the tree's nodes
 * stands at each place; a leaf is inherited by both places below it. */
static void fill_padded(const struct forest_plan *plan, const struct forest_node *nodes,
			uint32_t depth, struct split *splits, float *leaves)
{
	uint32_t node_at[2u << FOREST_PADDED_DEPTH_MAX];
	uint32_t width = 1u << depth;

	node_at[1] = 0;
	splits[0]  = (struct split){ .slot = 2u * plan->feature_count };
	for (uint32_t i = 1; i < width; i++) {
		const struct forest_node *node = &nodes[node_at[i]];
		bool                      leaf = node->kind == FOREST_LEAF;

		splits[i]          = leaf ? splits[0]
					  : (struct split){ .threshold = node->threshold,
							    .slot = slot_of(node, plan->feature_count) };
		node_at[2 * i]     = leaf ? node_at[i] : node->left;
		node_at[2 * i + 1] = leaf ? node_at[i] : node->right;
	}
	for (uint32_t i = 0; i < width; i++)
		leaves[i] = leaf_value(plan, &nodes[node_at[width + i]]);
}

static void build_padded(const struct forest_plan *plan, uint32_t index, const struct group *group,
			 uint8_t *memory)
{
	struct split *splits = (struct split *)memory;
	float        *leaves = (float *)(splits + ((size_t)FOREST_LANES << group->depth));

	memset(memory, 0,
	       ((size_t)FOREST_LANES << group->depth) * (sizeof(struct split) + sizeof(float)));
	for (uint32_t lane = 0; lane < group->lanes; lane++)
		fill_padded(plan, plan->nodes + plan->trees[index * FOREST_LANES + lane].first,
			    group->depth, splits + ((size_t)lane << group->depth),
			    leaves + ((size_t)lane << group->depth));
}

static struct step step_of(const struct forest_plan *plan, const struct forest_node *node,
			   uint32_t at, uint32_t base)
{
	if (node->kind == FOREST_LEAF)
		return (struct step){ .threshold = INFINITY,
				      .leaf      = leaf_value(plan, node),
				      .child     = at,
				      .slot      = 2u * plan->feature_count };
	return (struct step){ .threshold = node->threshold,
			      .child     = base + node->left,
			      .slot      = slot_of(node, plan->feature_count) };
}

/* Roots at 0 to 7, then each tree's other nodes in its own order. */
static void build_walk(const struct forest_plan *plan, uint32_t index, const struct group *group,
		       uint8_t *memory)
{
	struct step *steps = (struct step *)memory;
	uint32_t     next  = FOREST_LANES;

	for (uint32_t lane = 0; lane < FOREST_LANES; lane++)
		steps[lane] = (struct step){ .threshold = INFINITY,
					     .child     = lane,
					     .slot      = 2u * plan->feature_count };
	for (uint32_t lane = 0; lane < group->lanes; lane++) {
		const struct forest_tree *tree = &plan->trees[index * FOREST_LANES + lane];
		uint32_t                  base = next - 1; /* node n > 0 is step base + n */

		for (uint32_t n = 0; n < tree->nodes; n++) {
			uint32_t at = n == 0 ? lane : base + n;

			steps[at] = step_of(plan, &plan->nodes[tree->first + n], at, base);
		}
		next += tree->nodes - 1;
	}
}

static void copy(uint8_t *to, const void *from, size_t size_bytes)
{
	if (size_bytes > 0)
		memcpy(to, from, size_bytes);
}

struct forest *forest_build(const struct forest_plan *plan, void *memory, size_t size_bytes)
{
	struct places  places = places_of(plan);
	struct forest *forest = memory;
	uint8_t       *base   = memory;
	uint64_t       at     = places.forest;
	struct group  *groups = (struct group *)(base + places.groups);

	assert((uintptr_t)memory % MODEL_ALIGN_BYTES == 0);
	assert(size_bytes >= forest_size(plan));
	*forest = (struct forest){
		.feature_count       = plan->feature_count,
		.output_count        = plan->output_count,
		.leaf_width          = plan->leaf_width,
		.double_sums         = plan->double_sums,
		.tree_count          = plan->tree_count,
		.node_count          = plan->node_count,
		.depth               = plan->depth,
		.group_count         = places.group_count,
		.divisor             = plan->divisor,
		.trees_offset_bytes  = places.trees,
		.nodes_offset_bytes  = places.nodes,
		.leaves_offset_bytes = places.leaves,
		.sets_offset_bytes   = places.sets,
		.groups_offset_bytes = places.groups,
	};
	memcpy(forest->base, plan->base, sizeof(forest->base));
	copy(base + places.trees, plan->trees, plan->tree_count * sizeof(*plan->trees));
	copy(base + places.nodes, plan->nodes, plan->node_count * sizeof(*plan->nodes));
	copy(base + places.leaves, plan->leaves,
	     (size_t)plan->leaf_count * plan->leaf_width * sizeof(*plan->leaves));
	copy(base + places.sets, plan->sets, plan->set_words * sizeof(*plan->sets));
	for (uint32_t g = 0; g < places.group_count; g++) {
		uint64_t group_bytes = group_shape(plan, g, &groups[g]);

		groups[g].offset_bytes = at;
		if (groups[g].padded)
			build_padded(plan, g, &groups[g], base + at);
		else
			build_walk(plan, g, &groups[g], base + at);
		at += group_bytes;
	}
	assert(at == forest_size(plan));
	return forest;
}

uint32_t forest_tree_count(const struct forest *forest)
{
	return forest->tree_count;
}

uint32_t forest_node_count(const struct forest *forest)
{
	return forest->node_count;
}

uint32_t forest_depth(const struct forest *forest)
{
	return forest->depth;
}
