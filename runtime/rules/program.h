/* A compiled rules file: what parsing makes, building copies flat, running reads and
 * lists are made from.  Private to runtime/rules.
 *
 *   struct program   one array per kind of thing; everything refers to its neighbours
 *                    by index, so that a copy of the arrays is a copy of the program
 *   code             one array of instructions; an expression is a span of it
 *
 * The machine has a stack of RULES_STACK_MAX values.  Types are checked when the text is
 * compiled, so values do not carry theirs.  An instruction does one thing and goes on
 * with the next, or jumps forward inside its span; hence n instructions take at most n
 * steps.  Work inside one instruction is bounded by constants: a text is at most
 * RULES_VALUE_BYTES_MAX bytes, a literal list RULES_SET_MAX values (ten comparisons), a
 * named list RULES_LIST_ENTRIES_MAX (seventeen). */
#ifndef ASSAY_RUNTIME_RULES_PROGRAM_H
#define ASSAY_RUNTIME_RULES_PROGRAM_H

#include <assert.h>

#include "runtime/rules/rules.h"

#define RULES_ITEMS_MAX       (RULES_MAX + RULES_TYPOLOGIES_MAX)
#define RULES_LETS_MAX        128
#define RULES_SET_MAX         1024 /* values of one literal list */
#define RULES_VALUE_BYTES_MAX 256  /* of a text literal; a transaction's are shorter */
#define RULES_ID_BYTES_MAX    46
#define RULES_WINDOWS_MAX     8  /* of one schedule */
#define RULES_PARTS_MAX       32 /* of one reason */
#define RULES_WEIGHTS_MAX     64 /* of one typology */
#define RULES_NESTING_MAX     32 /* brackets and prefixes inside one another */
#define RULES_POOL_BYTES_MAX  RULES_TEXT_BYTES_MAX
#define RULES_ROOM_DEFAULT    1024 /* entries of a list that does not say */
#define RULES_NO_EXPIRY       INT64_MAX
#define RULES_SNOOZE_LIST     0 /* the built-in list of rule ids */

/* Weights and thresholds are whole millionths: 0.7 + 0.1 reaches 0.8. */
#define RULES_WEIGHT_ONE     1000000
#define RULES_WEIGHT_MAX     1000000 /* units, either sign */
#define RULES_DECIMALS_MAX   6
#define RULES_DECIMALS_AS_IS 0xff

enum value_type { TYPE_NONE, TYPE_NUMBER, TYPE_TEXT, TYPE_BOOLEAN, TYPE_TIME, TYPE_COUNT };

enum operation {
	/* push a value */
	OP_NUMBER,   /* numbers[c] */
	OP_TEXT,     /* texts[c] */
	OP_TIME,     /* times[c] */
	OP_BOOLEAN,  /* c */
	OP_FIELD,    /* field c */
	OP_COMPUTED, /* computed feature c */
	OP_SUPPLIED, /* supplied feature c */
	OP_AMOUNT,   /* units */
	OP_SCORE,
	OP_MARGIN,
	OP_MODEL_RAN,
	OP_TIME_OF_TRANSACTION,
	OP_TIME_NOW,
	OP_LET,   /* lets[c] */
	OP_HIT,   /* did item c hit */
	OP_TOTAL, /* of the typology whose reason is being written */
	/* two numbers to one */
	OP_ADD,
	OP_SUBTRACT,
	OP_MULTIPLY,
	OP_DIVIDE,
	OP_REMAINDER,
	/* two values of type a to a boolean */
	OP_EQUAL,
	OP_UNEQUAL,
	OP_LESS,
	OP_LESS_EQUAL,
	OP_GREATER,
	OP_GREATER_EQUAL,
	/* one to one */
	OP_NEGATE,
	OP_NOT,
	OP_IN_SET,  /* a: type, b: 1 for `not in`, sets[c] */
	OP_IN_LIST, /* b: 1 for `not in`, lists[c] */
	/* look at the top, push a boolean */
	OP_ARM_IN,   /* a: type, sets[c] */
	OP_ARM_LESS, /* b: 1 for <=, numbers[c] */
	OP_ARM_MISSING,
	/* where to go on */
	OP_AND,        /* false: go to c, keep it; true: drop it */
	OP_OR,         /* true: go to c, keep it; false: drop it */
	OP_JUMP,       /* go to c */
	OP_JUMP_FALSE, /* drop; false: go to c */
	OP_DROP,
	OP_CALL, /* functions[c]; a: how many arguments it takes */
	OP_COUNT,
};

struct instruction {
	uint8_t  op; /* enum operation */
	uint8_t  a;
	uint16_t b;
	uint32_t c; /* a jump's target counts from the start of the code */
};
static_assert(sizeof(struct instruction) == 8, "eight in a cache line");

struct span {
	uint32_t first, count;
};

struct text_place {
	uint32_t offset, size_bytes; /* in the pool */
};

struct set {
	uint32_t    type; /* enum value_type: a span of numbers or of texts, sorted */
	struct span values;
};

/* A named value, computed once per run before all rules, in the order of the file. */
struct let {
	char        name[RULES_ID_BYTES_MAX + 1];
	uint8_t     type; /* enum value_type */
	bool        money;
	bool        single; /* a number that is a float */
	struct span code;
};

enum action { ACTION_NOTE, ACTION_REVIEW, ACTION_DECLINE, ACTION_ALLOW, ACTION_COUNT };
enum severity { SEVERITY_INFO, SEVERITY_LOW, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_COUNT };

/* Days and minutes of the day, UTC, half-open; from >= to goes on into the next day. */
struct window {
	uint8_t  days; /* bit 0 Monday to bit 6 Sunday */
	uint16_t from_minute, to_minute;
};

/* A piece of a reason: words, or a value to print. */
struct part {
	struct text_place words; /* when code.count is 0 */
	struct span       code;
	uint8_t           type;     /* enum value_type */
	uint8_t           decimals; /* RULES_DECIMALS_AS_IS: as many as it needs */
	bool              money;    /* as many as the currency has */
};

struct weight {
	struct span value; /* a number */
	struct span when;  /* a boolean; count 0: always */
};

enum item_kind { ITEM_RULE, ITEM_TYPOLOGY };

struct item {
	char        id[RULES_ID_BYTES_MAX + 1];
	uint8_t     kind;     /* enum item_kind */
	uint8_t     action;   /* enum action; of a rule */
	uint8_t     severity; /* enum severity; SEVERITY_COUNT: as its action has it */
	bool        always;
	struct span when; /* of a rule */
	struct span weights;
	struct span windows; /* count 0: at any time */
	struct span parts;
	int64_t     snoozed_until_ns;
	int64_t     review_at, decline_at; /* millionths; INT64_MAX: never */
};

struct list {
	char        name[RULES_ID_BYTES_MAX + 1];
	uint8_t     field; /* enum field; what it holds, for people */
	uint32_t    room;
	struct span entries;
};

struct list_initial {
	struct text_place value;
	int64_t           expires_ns;
};

/* clang-format off */
#define PROGRAM_ARRAYS(ARRAY)                            \
	ARRAY(struct instruction,  code,    RULES_INSTRUCTIONS_MAX) \
	ARRAY(double,              numbers, RULES_TEXT_BYTES_MAX)   \
	ARRAY(int64_t,             times,   RULES_TEXT_BYTES_MAX)   \
	ARRAY(struct text_place,   texts,   RULES_TEXT_BYTES_MAX)   \
	ARRAY(char,                pool,    RULES_POOL_BYTES_MAX)   \
	ARRAY(struct set,          sets,    RULES_INSTRUCTIONS_MAX) \
	ARRAY(struct let,          lets,    RULES_LETS_MAX)         \
	ARRAY(struct item,         items,   RULES_ITEMS_MAX)        \
	ARRAY(struct window,       windows, RULES_ITEMS_MAX * RULES_WINDOWS_MAX) \
	ARRAY(struct part,         parts,   RULES_ITEMS_MAX * RULES_PARTS_MAX)   \
	ARRAY(struct weight,       weights, RULES_TYPOLOGIES_MAX * RULES_WEIGHTS_MAX) \
	ARRAY(struct list,         lists,   RULES_LISTS_MAX + 1)    \
	ARRAY(struct list_initial, entries, RULES_TEXT_BYTES_MAX)
/* clang-format on */

struct program {
#define ARRAY(type, name, max) \
	type    *name;         \
	uint32_t name##_count;
	PROGRAM_ARRAYS(ARRAY)
#undef ARRAY
	uint8_t digest[DIGEST_BYTES];
};

struct rules {
	struct program program;
};

static inline size_t program_aligned(size_t size_bytes)
{
	return (size_bytes + RULES_ALIGN_BYTES - 1) & ~(size_t)(RULES_ALIGN_BYTES - 1);
}

static inline struct bytes program_text(const struct program *program, struct text_place place)
{
	return bytes_of(program->pool + place.offset, place.size_bytes);
}

#endif
