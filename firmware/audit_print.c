/* JSON, written by hand because every type here is ours. */
#include "firmware/audit_print.h"
#include "runtime/base/currency.h"
#include "runtime/base/label.h"
#include "runtime/base/time.h"
#include "runtime/base/utf8.h"
#include "runtime/reply/reply.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void audit_print_text(struct bytes text)
{
	putchar('"');
	for (size_t i = 0; i < text.size_bytes;) {
		uint8_t c      = text.data[i];
		size_t  length = utf8_character(text.data + i, text.size_bytes - i);

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (length == 0)
			fputs("\\ufffd", stdout);
		else if (c < 0x20 || c == 0x7f)
			printf("\\u%04x", c);
		else
			fwrite(text.data + i, 1, length, stdout);
		i += length ? length : 1;
	}
	putchar('"');
}

#define PRINT_MEMBER(name, text)                                                    \
	do {                                                                        \
		if ((text).size_bytes > 0) {                                        \
			fputs(",\"" name "\":", stdout);                            \
			audit_print_text(bytes_of((text).data, (text).size_bytes)); \
		}                                                                   \
	} while (0)

/* Letters that are either all there or all zero. */
static void print_code(const char *name, const char *code, size_t size_bytes)
{
	if (code[0] == '\0')
		return;
	printf(",\"%s\":", name);
	audit_print_text(bytes_of(code, size_bytes));
}

/* JSON has no NaN; nine digits bring every binary32 back. */
static void print_float(const char *name, float value)
{
	if (isfinite(value))
		printf(",\"%s\":%.9g", name, (double)value);
	else
		printf(",\"%s\":null", name);
}

static void print_time(const char *name, int64_t time_ns)
{
	char text[TIME_TEXT_BYTES_MAX];

	time_print(time_ns, text);
	printf(",\"%s\":\"%s\"", name, text);
}

void audit_print_digest(const char *name, const uint8_t digest[DIGEST_BYTES])
{
	char hex[2 * DIGEST_BYTES + 1];

	digest_hex(digest, hex);
	printf(",\"%s\":\"%s\"", name, hex);
}

static void print_amount(const struct transaction *t)
{
	char text[AMOUNT_TEXT_BYTES_MAX];

	amount_print(t->amount_minor, t->currency_exponent, text);
	printf(",\"amount\":\"%s\"", text);
}

static void print_party(const struct party *party)
{
	const char *role = party_role_name(party->role);

	printf("{\"role\":\"%s\"", role ? role : "");
	PRINT_MEMBER("name", party->name);
	print_code("country", party->country, sizeof(party->country));
	fputs(",\"identifiers\":[", stdout);
	for (size_t i = 0; i < party->identifiers_count; i++) {
		fputs(i ? ",{\"scheme\":" : "{\"scheme\":", stdout);
		audit_print_text(bytes_of(party->identifiers[i].scheme.data,
					  party->identifiers[i].scheme.size_bytes));
		PRINT_MEMBER("value", party->identifiers[i].value);
		putchar('}');
	}
	fputs("]}", stdout);
}

static void print_number(double value, int digits)
{
	if (isfinite(value))
		printf("%.*g", digits, value);
	else
		fputs("null", stdout);
}

/* Features in slot order, or by name.  Nine digits bring every binary32 back, 17 every
 * binary64. */
static void print_supplied(const struct transaction *t, const struct feature_schema *schema)
{
	fputs(schema ? ",\"features\":{" : ",\"features\":[", stdout);
	for (size_t i = 0; i < t->features_count; i++) {
		if (i > 0)
			putchar(',');
		if (schema) {
			audit_print_text(bytes_of(schema->names[i], strlen(schema->names[i])));
			putchar(':');
		}
		print_number((double)t->features[i], 9);
	}
	putchar(schema ? '}' : ']');
}

static void print_computed(const struct feature_values *values, const struct feature_plan *plan)
{
	fputs(plan ? ",\"values\":{" : ",\"values\":[", stdout);
	for (size_t i = 0; i < values->count; i++) {
		if (i > 0)
			putchar(',');
		if (plan) {
			const char *name = plan->features[i].name;

			audit_print_text(bytes_of(name, strlen(name)));
			putchar(':');
		}
		print_number(values->value[i], 17);
	}
	putchar(plan ? '}' : ']');
}

static void print_transaction(const struct transaction *t, const struct feature_schema *schema)
{
	const char *channel = transaction_channel_name(t->channel);

	fputs(",\"transaction\":{\"id\":", stdout);
	audit_print_text(bytes_of(t->id.data, t->id.size_bytes));
	print_time("time", t->time_ns);
	print_amount(t);
	print_code("currency", t->currency, sizeof(t->currency));
	printf(",\"channel\":\"%s\"", channel ? channel : "");
	if (t->deadline_us > 0)
		printf(",\"deadline_us\":%" PRIu32, t->deadline_us);
	PRINT_MEMBER("card", t->card);
	PRINT_MEMBER("account", t->account);
	PRINT_MEMBER("merchant", t->merchant);
	PRINT_MEMBER("terminal", t->terminal);
	PRINT_MEMBER("device", t->device);
	PRINT_MEMBER("payee", t->payee);
	print_code("merchant_category", t->merchant_category, sizeof(t->merchant_category));
	print_code("merchant_country", t->merchant_country, sizeof(t->merchant_country));
	fputs(",\"parties\":[", stdout);
	for (size_t i = 0; i < t->parties_count; i++) {
		if (i > 0)
			putchar(',');
		print_party(&t->parties[i]);
	}
	putchar(']');
	print_supplied(t, schema && schema->count == t->features_count ? schema : NULL);
	putchar('}');
}

/* Codes and words as in the answer (runtime/reply/reply.h). */
static void print_reason(const struct decision_reason *reason)
{
	char text[REPLY_REASON_BYTES_MAX];

	printf("{\"code\":\"%s\",\"text\":", reply_reason_code(reason));
	audit_print_text(bytes_of(text, reply_reason_text(text, sizeof(text), reason)));
	print_float("a", reason->a);
	print_float("b", reason->b);
	putchar('}');
}

static void print_rule(const struct decision_rule *rule)
{
	fputs("{\"id\":", stdout);
	audit_print_text(bytes_of(rule->id.data, rule->id.size_bytes));
	printf(",\"severity\":%u,\"verdict\":\"%s\",\"text\":", rule->severity,
	       verdict_name(rule->verdict));
	audit_print_text(bytes_of(rule->text.data, rule->text.size_bytes));
	putchar('}');
}

static void print_decision(const struct decision *decision)
{
	printf(",\"decision\":\"%s\"", verdict_name(decision->verdict));
	print_float("score", decision->score);
	print_float("margin", decision->margin);
	printf(",\"stages_run\":%u,\"reasons\":[", decision->stages_run);
	for (size_t i = 0; i < decision->reasons_count; i++) {
		if (i > 0)
			putchar(',');
		print_reason(&decision->reasons[i]);
	}
	printf("],\"rules_hit\":%u,\"rules\":[", decision->rules_hit);
	for (size_t i = 0; i < decision->rules_count; i++) {
		if (i > 0)
			putchar(',');
		print_rule(&decision->rules[i]);
	}
	putchar(']');
}

static void print_shadow(const struct decision_shadow *shadow)
{
	if (!shadow->ran)
		return;
	printf(",\"shadow\":{\"decision\":\"%s\"", verdict_name(shadow->verdict));
	print_float("score", shadow->score);
	print_float("margin", shadow->margin);
	printf(",\"rules_hit\":%u", shadow->rules_hit);
	audit_print_digest("digest", shadow->digest);
	putchar('}');
}

static void print_circumstance(const struct audit_decoded *decoded)
{
	const struct audit_circumstance *c = &decoded->circumstance;

	fputs(",\"circumstance\":{\"identity\":", stdout);
	audit_print_text(decoded->identity);
	printf(",\"core\":%u,\"batch_index\":%u,\"batch_size\":%u,\"resumed\":%s", c->core,
	       c->batch_index, c->batch_size, c->resumed ? "true" : "false");
	print_time("received", c->received_ns);
	print_time("encoded", c->encoded_ns);
	printf(",\"durable_sequence\":%" PRIu64 ",\"ledger_ns\":{", c->durable_sequence);
	for (int stage = 0; stage < STAGE_COUNT; stage++)
		printf("%s\"%s\":%u", stage ? "," : "", stage_name((enum stage)stage),
		       c->ledger.stage_ns[stage]);
	fputs("}}", stdout);
}

/* ---- what each kind has of its own ---- */

static void print_artefacts(const struct artefact_digests *artefacts)
{
	audit_print_digest("config", artefacts->config);
	audit_print_digest("model", artefacts->model);
	audit_print_digest("rules_digest", artefacts->rules);
}

static void print_identity(const struct audit_decoded *decoded)
{
	fputs(",\"identity\":", stdout);
	audit_print_text(decoded->identity);
}

static void print_decided(const struct audit_decoded *decoded, const struct audit_names *names)
{
	bool named = names != NULL &&
		     memcmp(names->config, decoded->artefacts.config, DIGEST_BYTES) == 0;
	const struct feature_plan *plan = named ? names->computed : NULL;

	print_identity(decoded);
	print_transaction(&decoded->transaction, named ? names->supplied : NULL);
	print_computed(&decoded->values,
		       plan && plan->features_count == decoded->values.count ? plan : NULL);
	print_decision(&decoded->decision);
	print_shadow(&decoded->shadow);
	print_circumstance(decoded);
	print_artefacts(&decoded->artefacts);
}

static void print_event(const struct audit_decoded *decoded)
{
	fputs(",\"note\":", stdout);
	audit_print_text(decoded->note);
	print_artefacts(&decoded->artefacts);
}

static void print_repeat(const struct audit_decoded *decoded)
{
	print_identity(decoded);
	fputs(",\"id\":", stdout);
	audit_print_text(decoded->id);
	printf(",\"first_sequence\":%" PRIu64, decoded->first_sequence);
}

static void print_label(const struct audit_decoded *decoded)
{
	const struct label *label = &decoded->label;

	print_identity(decoded);
	printf(",\"label\":{\"kind\":\"%s\"", label_kind_name(label->kind));
	PRINT_MEMBER("caller", label->caller);
	PRINT_MEMBER("id", label->id);
	printf("},\"outcome\":\"%s\",\"labelled_order\":%" PRIu64,
	       label_outcome_name(decoded->label_outcome), decoded->labelled_order);
}

static void print_list(const struct audit_decoded *decoded)
{
	const struct list_edit *edit = &decoded->edit;

	print_identity(decoded);
	printf(",\"edit\":{\"remove\":%s", edit->remove ? "true" : "false");
	PRINT_MEMBER("list", edit->list);
	PRINT_MEMBER("value", edit->value);
	if (edit->expires_ns == INT64_MAX)
		fputs(",\"expires\":null", stdout); /* never */
	else
		print_time("expires", edit->expires_ns);
	printf("},\"outcome\":\"%s\"", decoded->edit_outcome == REASON_NONE
					       ? "done"
					       : reason_row_of(decoded->edit_outcome)->name);
}

void audit_print_record(const struct audit_record *record, const struct audit_decoded *decoded,
			const struct audit_names *names)
{
	printf("{\"sequence\":%" PRIu64 ",\"kind\":\"%s\",\"order\":%" PRIu64, record->sequence,
	       audit_kind_name(record->kind), decoded->order);
	print_time("now", decoded->now_ns);
	switch (record->kind) {
	case AUDIT_DECISION: print_decided(decoded, names); break;
	case AUDIT_REPEAT: print_repeat(decoded); break;
	case AUDIT_LABEL: print_label(decoded); break;
	case AUDIT_LIST: print_list(decoded); break;
	default: print_event(decoded); break;
	}
	fputs(",\"build\":", stdout);
	audit_print_text(decoded->circumstance.build);
	audit_print_digest("hash", record->hash);
	fputs("}\n", stdout);
}
