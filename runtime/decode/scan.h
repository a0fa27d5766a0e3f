/* One linear look at a body before the JSON parser sees it. */
#ifndef ASSAY_RUNTIME_DECODE_SCAN_H
#define ASSAY_RUNTIME_DECODE_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/reason.h"

/* REASON_NONE; json_encoding when a byte is not part of well-formed UTF-8
 * (RFC 3629 section 4) or the body starts with a byte order mark (RFC 8259
 * section 8.1); json_depth when brackets outside of strings nest deeper than
 * depth_max.  *offset is then the byte it stopped at. */
enum reason scan_body(const uint8_t *body, size_t n, unsigned depth_max, size_t *offset);

#endif
