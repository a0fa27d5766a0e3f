/* Work on hostile bytes in a process that can do nothing else.
 *
 * The child is forked, not executed, so that no second program is needed.  Before
 * it works it gives up, in this order: memory shared with anyone (hugepages, the
 * lanes), every file but its pipe, all but a little memory (64 MiB more than it has)
 * and processor time (2 s), files and core dumps, user and group (nobody, when it was
 * root), all capabilities, new privileges, and that others look into it.  Last, a
 * seccomp filter leaves it memory, the pipe and exit; anything else fails with EPERM.
 *
 * It needs /proc/self/maps; where that can't be read it refuses to work.
 *
 * Bounds:  deadline_ms from start to the pipe's end, then it is killed; at most
 *          `capacity_bytes` of the stream are read.
 * Failure: false with a sentence.  That the child ended well is not enough to
 *          believe what it sent: the stream's END is (stream.h). */
#ifndef ASSAY_CONFIG_CHILD_H
#define ASSAY_CONFIG_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "config/stream.h"

typedef void child_work(const char *text, struct stream *out);

/* Runs work(text, child's copy of out); out->data gets the bytes it sent. */
bool child_run(child_work *work, const char *text, struct stream *out, uint32_t deadline_ms,
	       const char **fault);

#endif
