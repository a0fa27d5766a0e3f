/* One value of the stream against one row of the schema. */
#ifndef ASSAY_CONFIG_VALUE_H
#define ASSAY_CONFIG_VALUE_H

#include "config/schema.h"
#include "config/stream.h"

/* Is it of the row's type?  A whole number is good for a REAL, too. */
bool value_type_fits(const struct stream_record *record, const struct schema_row *row);

/* False: the value is not one the row allows, and nothing was stored. */
bool value_store(const struct schema_row *row, const struct stream_record *record, void *value);

/* "is 70000", "is a list": the value as the operator wrote it. */
void value_describe(const struct stream_record *record, char *out, size_t out_bytes);

/* Sets the value of a row from its default in the schema, inside lists that of element
 * `index`; nothing for groups, elements that are no group, and required keys. */
void value_set_initial(const struct schema_row *row, struct config *config, uint32_t index);

/* How many elements an outermost list has. */
void     value_set_count(const struct schema_row *list, struct config *config, uint32_t count);
uint32_t value_count(const struct schema_row *list, const struct config *config);

#endif
