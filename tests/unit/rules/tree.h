/* Random programs of the rules language, as trees: made (tree_make.c), printed in the
 * language's spelling (tree_print.c), and walked by a second, naive interpreter
 * (tree_walk.c).  It shares nothing with the compiler or the machine but that spelling:
 * no bytecode, no short circuits, no sorted sets, texts copied and folded. */
#ifndef ASSAY_TESTS_UNIT_RULES_TREE_H
#define ASSAY_TESTS_UNIT_RULES_TREE_H

#include "tests/unit/rules/rules_sample.h"

#define TREE_NODES_MAX  4096
#define TREE_CHILDREN   12
#define TREE_TEXT_BYTES 160
#define TREE_RULES      6
#define TREE_LETS       4

enum type { NUMBER, TEXT, BOOLEAN, TIME, TYPES };

struct node {
	char         kind[16]; /* an operator or function as it is spelled, or literal, name, ... */
	enum type    type;
	int          count;
	struct node *child[TREE_CHILDREN];
	double       number;                /* literal */
	char         text[TREE_TEXT_BYTES]; /* literal, name; an operator of an arm */
	int64_t      time_ns;               /* literal */
	bool         flag;                  /* negated; has a missing arm */
};

struct result {
	double  number;
	char    text[TREE_TEXT_BYTES];
	bool    boolean;
	int64_t time_ns;
};

/* The program at hand and what it runs on; one at a time. */
struct tree {
	uint64_t            seed;
	struct node         nodes[TREE_NODES_MAX];
	int                 nodes_count;
	struct node        *lets[TREE_LETS];
	int                 lets_known, rules_known; /* what a tree may refer to */
	bool                in_let;
	struct rules_sample sample;
	struct result       let_results[TREE_LETS];
	bool                hits[TREE_RULES];
	char               *out; /* RULES_TEXT_BYTES_MAX */
	size_t              out_bytes;
};
extern struct tree tree;

/* A literal that the language knows how to spell, for trees and for input alike. */
const char *tree_draw_text(void);
const char *tree_draw_time(void);
double      tree_draw_number(void);

uint64_t     tree_draw(uint64_t below);
struct node *tree_make(enum type type, int depth);
bool         tree_is(const struct node *node, const char *kind);

__attribute__((format(printf, 1, 2))) void tree_say(const char *form, ...);
void                                       tree_print(const struct node *node);

void tree_walk(const struct node *node, struct result *out);

#endif
