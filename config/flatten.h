/* libconfig's tree as a flat stream; the only file that knows the library.
 *
 * Runs in the child (child.h): it allocates, and the library may call exit().
 * Text the prescan has passed is not known to make it do so, which is what
 * tests/fuzz/config_text.c tries to disprove. */
#ifndef ASSAY_CONFIG_FLATTEN_H
#define ASSAY_CONFIG_FLATTEN_H

#include "config/stream.h"
#include "runtime/base/bytes.h"

/* One record per setting in the order of the file, or one ERROR; then END. */
void flatten(const char *text, struct stream *out);

#endif
