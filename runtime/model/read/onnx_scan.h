/* Is a file safe to give to libprotobuf-c's unpacker?  Private to runtime/model/read.
 *
 * Bounds:  one pass; nesting and the memory the unpacker will take are bounded, the latter
 *          by 64 times the size of the file.
 * Failure: "byte N". */
#ifndef ASSAY_RUNTIME_MODEL_READ_ONNX_SCAN_H
#define ASSAY_RUNTIME_MODEL_READ_ONNX_SCAN_H

#include <assert.h>
#include <protobuf-c/protobuf-c.h>

#include "runtime/base/bytes.h"
#include "runtime/base/reason.h"

int onnx_scan(struct bytes file, const ProtobufCMessageDescriptor *message,
	      struct failure *failure);

#endif
