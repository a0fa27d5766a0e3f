/* ONNX Runtime as the peer: one thread, one model, one input and output. */
#ifndef ASSAY_TESTS_BENCH_PEER_ONNXRUNTIME_H
#define ASSAY_TESTS_BENCH_PEER_ONNXRUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer;

/* NULL when there is no such file; ends the program on any other failure.  `x` and `o` are
 * read and written by every peer_run: tensors over them are made once. */
struct peer *peer_open(const char *path, float *x, const int64_t *dims, size_t rank);
void         peer_run(struct peer *peer);
const float *peer_output(const struct peer *peer);

#endif
