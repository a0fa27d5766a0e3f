/* Connections: TCP events in, requests through the walk, answers out.
 *
 * Owner: the net core.  See edge.c for the states of a connection. */
#ifndef ASSAY_FIRMWARE_EDGE_H
#define ASSAY_FIRMWARE_EDGE_H

#include "firmware/core.h"

/* Registers the events with TCP. */
void edge_serve(struct core *core);

/* Connections that waited for a job or for their next turn go on. */
void edge_resume(struct core *core);

/* A step of the handshake that has waited longest. */
void edge_handshake(struct core *core);

/* Answers whose records are on disk go out; or 503 when the disk refuses or hangs. */
void edge_commit(struct core *core);

/* Looks at a few connections and ends those whose time is up. */
void edge_sweep(struct core *core);

/* For edge.c and request.c alone: a whole request has been read into conn->job.
 * Afterwards the job has an answer in `out`, or records on their way to disk. */
void request_handle(struct core *core, struct conn *conn);
/* The answer of a job whose records are safe. */
void request_answer(struct core *core, struct job *job);
void request_refuse(struct core *core, struct job *job, const struct failure *failure,
		    bool keep_alive);

#endif
