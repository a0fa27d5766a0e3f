#include "runtime/rules/render.h"

#include <float.h>
#include <math.h>

#include "runtime/base/currency.h"
#include "runtime/base/number.h"
#include "runtime/base/time.h"
#include "runtime/rules/lex.h"

#define PLAIN_END     1e15
#define DECIMALS_MOST 4 /* of a number that does not say */

static const char unknown[] = "unknown"; /* what is missing */

struct writer {
	char  *out;
	size_t size_bytes, room;
	bool   cut;
};

static void put(struct writer *writer, struct bytes text)
{
	size_t left  = writer->room - writer->size_bytes;
	size_t taken = writer->cut ? 0 : lex_cut(text, left);

	if (taken > 0)
		memcpy(writer->out + writer->size_bytes, text.data, taken);
	writer->size_bytes += taken;
	writer->cut |= taken < text.size_bytes;
}

static void put_words(struct writer *writer, const char *words)
{
	put(writer, bytes_of(words, strlen(words)));
}

/* The decimals of a fraction that is `scaled` / 10^decimals, with the point. */
static size_t print_fraction(uint64_t scaled, uint8_t decimals, char *out)
{
	out[0] = '.';
	for (uint8_t i = decimals; i > 0; i--, scaled /= 10)
		out[i] = (char)('0' + scaled % 10);
	return decimals > 0 ? decimals + 1u : 0;
}

static size_t print_shortest(double number, char *out)
{
	float nearest = (float)number;

	if (!isfinite(nearest))
		nearest = number < 0 ? -FLT_MAX : FLT_MAX;
	return number_print_float(nearest, out);
}

size_t render_number(double number, uint8_t decimals, char out[RENDER_NUMBER_BYTES_MAX])
{
	bool     as_is = decimals == RULES_DECIMALS_AS_IS;
	double   size  = fabs(number);
	double   scale = 1;
	size_t   at    = 0;
	uint64_t whole, fraction;

	if (isnan(number)) {
		memcpy(out, unknown, sizeof(unknown) - 1);
		return sizeof(unknown) - 1;
	}
	if (size >= PLAIN_END)
		return print_shortest(number, out);
	decimals = as_is ? DECIMALS_MOST : decimals;
	for (uint8_t i = 0; i < decimals; i++)
		scale *= 10;
	whole    = (uint64_t)size;
	fraction = (uint64_t)round((size - (double)whole) * scale);
	if (fraction == (uint64_t)scale) {
		whole++;
		fraction = 0;
	}
	if (as_is && whole == 0 && fraction == 0 && size > 0)
		return print_shortest(number, out);
	for (; as_is && decimals > 0 && fraction % 10 == 0; decimals--)
		fraction /= 10;
	if (number < 0 && (whole > 0 || fraction > 0))
		out[at++] = '-';
	at += number_print_u64(whole, out + at);
	return at + print_fraction(fraction, decimals, out + at);
}

static void put_text(struct writer *writer, struct value text)
{
	uint8_t bytes[RULES_VALUE_BYTES_MAX];

	assert(text.size_bytes <= sizeof(bytes));
	for (uint32_t i = 0; i < text.size_bytes; i++)
		bytes[i] = value_byte(text, i);
	put(writer, bytes_of(bytes, text.size_bytes));
}

static void put_value(struct writer *writer, const struct machine *machine, const struct part *part)
{
	struct value value    = machine_run(machine, part->code);
	uint8_t      decimals = part->decimals;
	char         number[RENDER_NUMBER_BYTES_MAX];
	char         time[TIME_TEXT_BYTES_MAX];

	if (part->money && decimals == RULES_DECIMALS_AS_IS)
		decimals = machine->input->transaction->currency_exponent;
	if (part->type == TYPE_NUMBER)
		put(writer, bytes_of(number, render_number(value.number, decimals, number)));
	else if (part->type == TYPE_BOOLEAN)
		put_words(writer, value.boolean ? "yes" : "no");
	else if (part->type == TYPE_TIME)
		put(writer,
		    bytes_of(time, time_print(value.time_ns < 0 ? 0 : value.time_ns, time)));
	else if (value.size_bytes == 0)
		put_words(writer, unknown);
	else
		put_text(writer, value);
}

void render_reason(const struct machine *machine, const struct item *item,
		   struct decision_rule *out)
{
	const struct program *program = machine->program;
	struct writer         writer  = { .out = out->text.data, .room = sizeof(out->text.data) };

	for (uint32_t i = 0; i < item->parts.count; i++) {
		const struct part *part = &program->parts[item->parts.first + i];

		if (part->code.count > 0)
			put_value(&writer, machine, part);
		else
			put(&writer, program_text(program, part->words));
	}
	if (writer.cut) { /* again, with room for the dots */
		writer.size_bytes = lex_cut(
			bytes_of(writer.out, writer.size_bytes),
			writer.room - 3 < writer.size_bytes ? writer.room - 3 : writer.size_bytes);
		memcpy(writer.out + writer.size_bytes, "...", 3);
		writer.size_bytes += 3;
	}
	memset(writer.out + writer.size_bytes, 0, writer.room - writer.size_bytes);
	out->text.size_bytes = (uint16_t)writer.size_bytes;
}
