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

/* One tree made complete.  `node_at` is [2 << depth]: which of the tree's nodes
 * stands at each place; a leaf is inherited by both places below it. */
static void fill_padded(const struct forest_node *nodes, uint32_t depth, uint32_t feature_count,
			struct split *splits, float *leaves)
{
	uint32_t node_at[2u << FOREST_PADDED_DEPTH_MAX];
	uint32_t width = 1u << depth;

	node_at[1] = 0;
	splits[0]  = (struct split){ .slot = 2 * feature_count };
	for (uint32_t i = 1; i < width; i++) {
		const struct forest_node *node = &nodes[node_at[i]];

		splits[i]          = node->is_leaf ? (struct split){ .slot = 2 * feature_count }
						   : (struct split){ .threshold = node->value,
								     .slot = slot_of(node, feature_count) };
		node_at[2 * i]     = node->is_leaf ? node_at[i] : node->left;
		node_at[2 * i + 1] = node->is_leaf ? node_at[i] : node->right;
	}
	for (uint32_t i = 0; i < width; i++) {
		assert(nodes[node_at[width + i]].is_leaf);
		leaves[i] = nodes[node_at[width + i]].value;
	}
}

static const struct forest_node lone_leaf = { .is_leaf = 1 };

static void build_padded(const struct forest_plan *plan, uint32_t index, const struct group *group,
			 uint8_t *memory)
{
	struct split *splits = (struct split *)memory;
	float        *leaves = (float *)(splits + ((size_t)FOREST_LANES << group->depth));

	for (uint32_t lane = 0; lane < FOREST_LANES; lane++) {
		uint32_t                 t     = index * FOREST_LANES + lane;
		const struct forest_node *nodes = lane < group->lanes
							 ? plan->nodes + plan->trees[t].first
							 : &lone_leaf;

		fill_padded(nodes, group->depth, plan->feature_count,
			    splits + ((size_t)lane << group->depth),
			    leaves + ((size_t)lane << group->depth));
	}
}

/* Roots at 0 to 7, then each tree's other nodes in its own order. */
static void build_walk(const struct forest_plan *plan, uint32_t index, const struct group *group,
		       uint8_t *memory)
{
	struct step *steps    = (struct step *)memory;
	uint32_t     next     = FOREST_LANES;
	uint32_t     features = plan->feature_count;

	for (uint32_t lane = 0; lane < FOREST_LANES; lane++) {
		uint32_t                 t     = index * FOREST_LANES + lane;
		bool                     real  = lane < group->lanes;
		const struct forest_node *nodes = real ? plan->nodes + plan->trees[t].first
						      : &lone_leaf;
		uint32_t                 count = real ? plan->trees[t].nodes : 1;
		uint32_t                 base  = next - 1; /* node n > 0 is step base + n */

		for (uint32_t n = 0; n < count; n++) {
			uint32_t at = n == 0 ? lane : base + n;

			steps[at] = nodes[n].is_leaf
					    ? (struct step){ .threshold = INFINITY,
							     .leaf      = nodes[n].value,
							     .child     = at,
							     .slot      = 2 * features }
					    : (struct step){ .threshold = nodes[n].value,
							     .child     = base + nodes[n].left,
							     .slot = slot_of(&nodes[n], features) };
		}
		next += count - 1;
	}
}

struct forest *forest_build(const struct forest_plan *plan, void *memory, size_t size_bytes)
{
	struct places places = places_of(plan);
	struct model *model  = memory;
	uint8_t      *base   = memory;
	uint64_t      at     = places.forest;
	struct group *groups = (struct group *)(base + places.groups);

	assert((uintptr_t)memory % MODEL_ALIGN_BYTES == 0);
	assert(size_bytes >= forest_size(plan));
	*model = (struct model){
		.facts               = plan->facts,
		.trees_offset_bytes  = places.trees,
		.nodes_offset_bytes  = places.nodes,
		.groups_offset_bytes = places.groups,
		.group_count         = places.group_count,
	};
	memcpy(base + places.trees, plan->trees, plan->tree_count * sizeof(*plan->trees));
	if (plan->node_count > 0)
		memcpy(base + places.nodes, plan->nodes,
		       plan->node_count * sizeof(*plan->nodes));
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
	return model;
}
