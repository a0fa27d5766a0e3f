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
	uint64_t rungs;
	uint64_t groups;
	uint64_t end; /* the groups' own parts begin here */
	uint32_t group_count;
	bool     ranked; /* no feature has too many cuts */
};

static uint64_t aligned(uint64_t size_bytes)
{
	return (size_bytes + MODEL_ALIGN_BYTES - 1) & ~(uint64_t)(MODEL_ALIGN_BYTES - 1);
}

static bool ranks_fit(const struct forest_plan *plan)
{
	for (uint32_t f = 0; f < plan->feature_count; f++)
		if (plan->cut_first[f + 1] - plan->cut_first[f] > FOREST_CUTS_MAX)
			return false;
	return true;
}

/* How many floats the rungs of all features take. */
static uint64_t rungs_of(const struct forest_plan *plan, struct ladder *ladders)
{
	uint32_t end = 0;

	for (uint32_t f = 0; f < plan->feature_count; f++)
		end = ladder_shape(plan->cut_first[f + 1] - plan->cut_first[f], end, &ladders[f]);
	return end;
}

static struct places places_of(const struct forest_plan *plan)
{
	struct ladder ladders[MODEL_FEATURES_MAX];
	struct places p;
	uint64_t      values = (uint64_t)plan->leaf_count * plan->leaf_width;

	p.group_count = (plan->tree_count + FOREST_LANES - 1) / FOREST_LANES;
	p.trees       = aligned(sizeof(struct forest));
	p.nodes       = p.trees + aligned(plan->tree_count * sizeof(struct forest_tree));
	p.leaves      = p.nodes + aligned(plan->node_count * sizeof(struct forest_node));
	p.sets        = p.leaves + aligned(values * sizeof(double));
	/* One word more than there are: without any, word 0 is still read. */
	p.rungs  = p.sets + aligned(((uint64_t)plan->set_words + 1) * sizeof(uint32_t));
	p.ranked = ranks_fit(plan);
	p.groups = p.rungs + aligned((p.ranked ? rungs_of(plan, ladders) : 0) * sizeof(float));
	p.end    = p.groups + aligned(p.group_count * sizeof(struct group));
	return p;
}

static size_t leaf_bytes(const struct forest_plan *plan)
{
	return plan->leaf_width == 1 && plan->double_sums ? sizeof(double) : sizeof(uint32_t);
}

/* What of a group's trees decides its form. */
static bool has_sets(const struct forest_plan *plan, const struct forest_tree *tree)
{
	for (uint32_t n = 0; n < tree->nodes; n++)
		if (plan->nodes[tree->first + n].kind == FOREST_IN_SET)
			return true;
	return false;
}

/* Shape and places of group number `index`, whose parts begin at `at`; the end of them. */
static uint64_t group_shape(const struct forest_plan *plan, uint32_t index, bool ranked,
			    uint64_t at, struct group *group)
{
	uint32_t first = index * FOREST_LANES;
	uint64_t tests = 0, leaves;
	bool     sets  = false;

	*group = (struct group){ .tests_offset_bytes = at };
	for (uint32_t t = first; t < plan->tree_count && t < first + FOREST_LANES; t++) {
		const struct forest_tree *tree = &plan->trees[t];

		if (tree->depth > group->depth)
			group->depth = tree->depth;
		tests += tree->nodes;
		sets                          = sets || has_sets(plan, tree);
		group->output[group->lanes++] = tree->output;
	}
	if (ranked && !sets && group->depth <= FOREST_PADDED_DEPTH_MAX) {
		group->form = GROUP_PADDED;
		if (group->depth < FOREST_TWIG_DEPTH)
			group->depth = FOREST_TWIG_DEPTH;
		tests  = (uint64_t)FOREST_LANES << (group->depth - FOREST_TWIG_DEPTH);
		leaves = tests * TWIG_LEAVES;
		at += aligned(tests * sizeof(struct split));
	} else {
		group->form = sets ? GROUP_SETS : GROUP_WALK;
		/* A lane without a tree gets a leaf of its own. */
		tests += FOREST_LANES - group->lanes;
		leaves = tests;
		at += aligned(tests * sizeof(struct step));
	}
	group->leaves_offset_bytes = at;
	return at + aligned(leaves * leaf_bytes(plan));
}

size_t forest_size(const struct forest_plan *plan)
{
	struct places places = places_of(plan);
	uint64_t      at     = places.end;
	struct group  group;

	for (uint32_t g = 0; g < places.group_count; g++)
		at = group_shape(plan, g, places.ranked, at, &group);
	return at;
}

/* ---- filling in */

struct builder {
	const struct forest_plan *plan;
	struct forest            *forest;
	uint8_t                  *memory;
	uint8_t                   view_at[FOREST_VIEW_COUNT]; /* which copy of the row */
};

static void build_rungs(const struct builder *b, float *rungs)
{
	const struct forest_plan *plan = b->plan;

	rungs_of(plan, b->forest->ladders);
	for (uint32_t f = 0; f < plan->feature_count; f++)
		ladder_fill(&b->forest->ladders[f], plan->cuts + plan->cut_first[f],
			    plan->cut_first[f + 1] - plan->cut_first[f], rungs);
}

static void find_views(struct builder *b)
{
	bool used[FOREST_VIEW_COUNT] = { false };

	for (uint32_t i = 0; i < b->plan->node_count; i++)
		if (b->plan->nodes[i].kind != FOREST_LEAF)
			used[b->plan->nodes[i].view] = true;
	for (uint8_t v = 0; v < FOREST_VIEW_COUNT; v++) {
		if (!used[v])
			continue;
		b->view_at[v]                             = b->forest->view_count;
		b->forest->views[b->forest->view_count++] = v;
	}
}

static uint16_t slot_of(const struct builder *b, const struct forest_node *node)
{
	return (uint16_t)(node->feature + b->view_at[node->view] * b->plan->feature_count);
}

static uint16_t zero_slot(const struct builder *b)
{
	return (uint16_t)(b->forest->view_count * b->plan->feature_count);
}

/* Where the threshold is among its feature's cuts; it is there. */
static uint16_t rank_of(const struct forest_plan *plan, const struct forest_node *node)
{
	uint32_t low = plan->cut_first[node->feature], high = plan->cut_first[node->feature + 1];

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (plan->cuts[middle] <= node->threshold)
			low = middle;
		else
			high = middle;
	}
	assert(plan->cuts[low] == node->threshold);
	return (uint16_t)(low - plan->cut_first[node->feature]);
}

static void put_leaf(const struct builder *b, uint8_t *leaves, uint64_t at,
		     const struct forest_node *node)
{
	assert(node->kind == FOREST_LEAF);
	if (b->plan->leaf_width > 1)
		((uint32_t *)leaves)[at] = node->leaf;
	else if (b->plan->double_sums)
		((double *)leaves)[at] = b->plan->leaves[node->leaf];
	else
		((float *)leaves)[at] = (float)b->plan->leaves[node->leaf];
}

/* What stands at a place of a complete tree.  A leaf's place keeps a split of zeros: both its
 * children are that leaf. */
static void put_split(const struct builder *b, const struct forest_node *node, struct split *out)
{
	if (node->kind != FOREST_LEAF)
		*out = (struct split){ .slot = slot_of(b, node), .rank = rank_of(b->plan, node) };
}

/* One tree made complete, as lane `lane` of its group.  `node_at` is which of the tree's nodes
 * stands at each place; a leaf is inherited by both places below it. */
static void fill_padded(const struct builder *b, const struct forest_node *nodes, uint32_t depth,
			uint32_t lane, const struct group *group)
{
	uint32_t      node_at[2u << FOREST_PADDED_DEPTH_MAX];
	uint32_t      width  = 1u << (depth - FOREST_TWIG_DEPTH);
	struct split *tops   = (struct split *)(b->memory + group->tests_offset_bytes);
	uint8_t      *leaves = b->memory + group->leaves_offset_bytes;
	uint32_t first = leaf_bytes(b->plan) == sizeof(double) ? TWIG_OF_DOUBLES_FIRST : TWIG_FIRST;

	node_at[1] = 0;
	for (uint32_t i = 1; i < 1u << depth; i++) {
		const struct forest_node *node = &nodes[node_at[i]];

		node_at[2 * i]     = node->kind == FOREST_LEAF ? node_at[i] : node->left;
		node_at[2 * i + 1] = node->kind == FOREST_LEAF ? node_at[i] : node->right;
	}
	for (uint32_t i = 1; i < width; i++)
		put_split(b, &nodes[node_at[i]], &tops[lane * width + i]);
	for (uint32_t n = 0; n < width; n++) {
		uint32_t      at     = (lane * width + n) * TWIG_LEAVES;
		struct split *splits = (struct split *)(leaves + at * leaf_bytes(b->plan));

		put_split(b, &nodes[node_at[width + n]], &splits[1]);
		put_split(b, &nodes[node_at[2 * (width + n)]], &splits[2]);
		put_split(b, &nodes[node_at[2 * (width + n) + 1]], &splits[3]);
		for (uint32_t k = 0; k < 4; k++)
			put_leaf(b, leaves, at + first + k, &nodes[node_at[4 * (width + n) + k]]);
	}
}

static void build_padded(const struct builder *b, uint32_t index, const struct group *group)
{
	for (uint32_t lane = 0; lane < group->lanes; lane++) {
		const struct forest_tree *tree = &b->plan->trees[index * FOREST_LANES + lane];

		fill_padded(b, b->plan->nodes + tree->first, group->depth, lane, group);
	}
}

static struct step step_of(const struct builder *b, const struct forest_node *node, uint32_t at,
			   uint32_t base)
{
	switch (node->kind) {
	case FOREST_LEAF:
		return (struct step){ .threshold = INFINITY, .child = at, .slot = zero_slot(b) };
	case FOREST_LESS:
		return (struct step){ .threshold = node->threshold,
				      .child     = base + node->left,
				      .slot      = slot_of(b, node) };
	default:
		return (struct step){ .threshold = -INFINITY,
				      .child     = base + node->left,
				      .set       = node->set - 1,
				      .slot      = slot_of(b, node),
				      .set_words = node->set_words };
	}
}

/* Roots at 0 to 7, then each tree's other nodes in its own order. */
static void build_walk(const struct builder *b, uint32_t index, const struct group *group)
{
	struct step *steps = (struct step *)(b->memory + group->tests_offset_bytes);
	uint32_t     next  = FOREST_LANES;

	for (uint32_t lane = group->lanes; lane < FOREST_LANES; lane++)
		steps[lane] =
			(struct step){ .threshold = INFINITY, .child = lane, .slot = zero_slot(b) };
	for (uint32_t lane = 0; lane < group->lanes; lane++) {
		const struct forest_tree *tree = &b->plan->trees[index * FOREST_LANES + lane];
		uint32_t                  base = next - 1; /* node n > 0 is step base + n */

		for (uint32_t n = 0; n < tree->nodes; n++) {
			const struct forest_node *node = &b->plan->nodes[tree->first + n];
			uint32_t                  at   = n == 0 ? lane : base + n;

			steps[at] = step_of(b, node, at, base);
			if (node->kind == FOREST_LEAF)
				put_leaf(b, b->memory + group->leaves_offset_bytes, at, node);
		}
		next += tree->nodes - 1;
	}
}

static void copy(uint8_t *to, const void *from, size_t size_bytes)
{
	if (size_bytes > 0)
		memcpy(to, from, size_bytes);
}

static void copy_plan(const struct forest_plan *plan, const struct places *places, uint8_t *memory)
{
	copy(memory + places->trees, plan->trees, plan->tree_count * sizeof(*plan->trees));
	copy(memory + places->nodes, plan->nodes, plan->node_count * sizeof(*plan->nodes));
	copy(memory + places->leaves, plan->leaves,
	     (size_t)plan->leaf_count * plan->leaf_width * sizeof(*plan->leaves));
	copy(memory + places->sets, plan->sets, plan->set_words * sizeof(*plan->sets));
}

static struct forest head_of(const struct forest_plan *plan, const struct places *places)
{
	struct forest forest = {
		.feature_count       = plan->feature_count,
		.output_count        = plan->output_count,
		.leaf_width          = plan->leaf_width,
		.double_sums         = plan->double_sums,
		.covered             = plan->covered,
		.tree_count          = plan->tree_count,
		.node_count          = plan->node_count,
		.depth               = plan->depth,
		.group_count         = places->group_count,
		.divisor             = plan->divisor,
		.trees_offset_bytes  = places->trees,
		.nodes_offset_bytes  = places->nodes,
		.leaves_offset_bytes = places->leaves,
		.sets_offset_bytes   = places->sets,
		.rungs_offset_bytes  = places->rungs,
		.groups_offset_bytes = places->groups,
	};

	memcpy(forest.base, plan->base, sizeof(forest.base));
	return forest;
}

struct forest *forest_build(const struct forest_plan *plan, void *memory, size_t size_bytes)
{
	struct places  places            = places_of(plan);
	struct forest *forest            = memory;
	struct builder b                 = { .plan = plan, .forest = forest, .memory = memory };
	struct group  *groups            = (struct group *)(b.memory + places.groups);
	uint64_t       at                = places.end;
	uint64_t       size_bytes_wanted = forest_size(plan);

	assert((uintptr_t)memory % MODEL_ALIGN_BYTES == 0);
	assert(size_bytes >= size_bytes_wanted);
	memset(memory, 0, size_bytes_wanted);
	*forest = head_of(plan, &places);
	copy_plan(plan, &places, memory);
	find_views(&b);
	if (places.ranked)
		build_rungs(&b, (float *)(b.memory + places.rungs));
	for (uint32_t g = 0; g < places.group_count; g++) {
		at = group_shape(plan, g, places.ranked, at, &groups[g]);
		forest->wants_ranks |= groups[g].form == GROUP_PADDED;
		forest->wants_numbers |= groups[g].form != GROUP_PADDED;
		forest->wants_codes |= groups[g].form == GROUP_SETS;
		if (groups[g].form == GROUP_PADDED)
			build_padded(&b, g, &groups[g]);
		else
			build_walk(&b, g, &groups[g]);
	}
	assert(at == size_bytes_wanted);
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

bool forest_covered(const struct forest *forest)
{
	return forest->covered;
}
