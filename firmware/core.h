/* The net core: everything one polling thread owns.
 *
 *     NIC -> TCP -> TLS -> HTTP -> decode -> pipeline (deciders) -> audit -> reply
 *
 * A connection (struct conn) is cheap and there may be thousands.  A request
 * needs a job (struct job): parser, body, transactions and room for the answer.
 * There are fewer jobs than connections; a connection that finds none waits in
 * line, its bytes stay unread, and TCP's window pushes back on its peer.
 *
 * Owner:   the thread that runs turn_run.  Others touch only what is marked
 *          "shared with control" in struct core.
 * Memory:  taken at boot by core_plan; nothing grows afterwards.
 * Bounds:  the constants below; each says why it is what it is. */
#ifndef ASSAY_FIRMWARE_CORE_H
#define ASSAY_FIRMWARE_CORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "drivers/clock/clock.h"
#include "drivers/http/http.h"
#include "drivers/nic/nic.h"
#include "drivers/tcp/tcp.h"
#include "drivers/tls/tls.h"
#include "firmware/live.h"
#include "firmware/log.h"
#include "firmware/pipeline.h"
#include "firmware/stats.h"
#include "firmware/walk.h"
#include "runtime/audit/audit.h"
#include "runtime/base/label.h"
#include "runtime/base/lane.h"
#include "runtime/reply/reply.h"

/* Plain text read ahead of the parser; one small request fits. */
#define CORE_IN_BYTES       4096
/* Steps one connection may take per event, so that one caller's pipelined
 * requests cannot keep the others waiting; it goes on at the next turn. */
#define CORE_PUMP_MAX       8
/* Connections looked at for timeouts per turn: at a million turns a second, ten
 * thousand connections are all seen within a few milliseconds. */
#define CORE_SWEEP_MAX      4
/* Answers released per turn once their records are on disk. */
#define CORE_COMMITS_MAX    64
/* Records made per turn of what the deciders have done. */
#define CORE_RECORDS_MAX    128
/* Connections that waited for a job or a turn, served per turn. */
#define CORE_RESUMES_MAX    16
/* Steps of handshakes per turn: one takes about a millisecond of signing and verifying,
 * which is how long everybody else's answers wait for it. */
#define CORE_HANDSHAKES_MAX 1
#define CORE_JOBS_MAX       256
/* A connection that is to go is closed when it was quiet for so long between two
 * requests; one that is not gets Connection: close with its next answer. */
#define CORE_QUIET_NS       UINT64_C(100000000)
/* With no job free and somebody waiting for one, a request whose bytes have stopped
 * for STALL_NS gives its job up, but not in the first GRACE_NS that it has it. */
#define CORE_STALL_NS       UINT64_C(1000000000)
#define CORE_GRACE_NS       UINT64_C(100000000)
#define CORE_JOBS_MIN       8

struct conn;

/* One request, from its first byte until its answer is handed to TLS. */
struct job {
	struct job         *next; /* in the free list or the commit queue */
	struct conn        *conn; /* NULL: the caller has gone; the record stays */
	struct http_parser  http;
	uint8_t            *head; /* http_head_memory_bytes */
	uint8_t            *out;  /* [out_capacity_bytes] the whole answer */
	size_t              out_bytes, out_at;
	bool                keep_alive;
	bool                interim; /* `out` is 100 Continue; the request goes on after it */
	bool                resumed; /* the caller's TLS session was */
	uint16_t            identity_bytes;
	uint8_t             identity[AUDIT_IDENTITY_BYTES_MAX]; /* the caller may be gone */
	uint32_t            left;            /* slots of it that are not recorded yet */
	enum reason         refused;         /* what was decided is not to be told: this is */
	uint64_t            last_sequence;   /* of its records, once none is left */
	uint64_t            tls_ns, http_ns; /* spent on it so far */
	uint64_t            started_ns;      /* its first byte was read: deadlines count from it */
	uint64_t            taken_ns;        /* it got this job; later, if it had to wait for one */
	uint64_t            recorded_ns;     /* its last record was chained */
	struct walk_request request;
	/* [batch_max] for each transaction the bytes of its answer, which lie in `out`
	 * (job_answer); for each label its outcome (enum label_outcome); for each list edit
	 * its outcome (enum reason) */
	uint64_t *answers;
};

/* Where the answer of transaction i lies until all are there; at most
 * REPLY_DECISION_BYTES_MAX.  The job has its own, since `repeats` may drop one meanwhile. */
static inline uint8_t *job_answer(const struct job *job, size_t i)
{
	return job->out + HTTP_HEAD_BYTES_MAX + REPLY_BATCH_BYTES_MAX(i);
}

enum conn_state {
	CONN_FREE,
	CONN_HANDSHAKE,
	CONN_READING,    /* reading a request, or idle between two */
	CONN_COMMITTING, /* it is being decided, or its record is on its way to disk */
	CONN_WRITING,    /* its answer is being sent */
	CONN_CLOSING,    /* close_notify or an alert is being sent */
};

struct conn {
	struct tcp_conn    *tcp; /* NULL once TCP has let go */
	struct tls_session *tls;
	struct live        *live; /* opened under this one */
	struct job         *job;  /* NULL between requests */
	struct conn        *wait_next;
	bool                waiting;       /* in one of the lines of struct core */
	uint8_t             state;         /* enum conn_state */
	uint64_t            checked_epoch; /* identity last checked under this epoch */
	uint64_t            since_ns;      /* when the state's timeout began */
	uint64_t            asked_ns; /* a request's first byte came, and no job was free; else 0 */
	uint32_t            may;
	uint64_t            read_ns; /* spent decrypting what is in `in` */
	uint32_t            in_at, in_bytes;
	uint8_t             in[CORE_IN_BYTES];
};

struct conn_line {
	struct conn *first, *last;
};

struct core {
	/* shared with control */
	struct live *_Atomic next_live; /* control sets it, the core takes it and sets NULL */
	_Atomic uint64_t       adopted_epoch;
	_Atomic uint64_t       refused_epoch; /* control sets 0; the core: next_live's, and why: */
	struct pipeline_misfit misfit;
	_Atomic bool           stop;
	_Atomic bool           draining; /* the end is near: answer what is there and close */
	_Atomic bool           ready;
	struct stats          *stats;
	struct lane            events;           /* to control: struct log_event */
	struct lane            records;          /* to audit: whole audit records */
	_Atomic uint64_t      *durable_sequence; /* audit's: all up to it are on disk */
	_Atomic bool          *audit_failing;    /* audit's: the disk refuses */
	_Atomic bool           audit_late; /* a record is not on disk after audit.patience_ms */

	/* the core's own */
	const struct clock *clock;
	struct nic         *nic;
	struct frame_sink   sink;
	struct live        *live;
	struct walk         walk;
	struct engine       engine;
	struct pipeline     pipeline;
	struct audit_chain  chain;
	uint8_t            *batch; /* [REPLY_BATCH_BYTES_MAX] scratch: a batch put together */
	bool                durable_reply;
	uint64_t            now_ns;  /* of this turn */
	int64_t             wall_ns; /* of this turn */
	struct http_limits  limits;
	struct conn        *conns;      /* [conns_max] */
	struct conn        *conns_free; /* by wait_next */
	uint32_t            conns_max;
	uint32_t            sweep_at;
	struct conn_line    wait_jobs;       /* need a job */
	struct conn_line    wait_handshakes; /* bytes have come, or room */
	struct conn_line    wait_turns;      /* have more to do than one turn allows */
	struct job         *jobs;            /* [jobs_max] */
	struct job         *jobs_free;
	uint32_t            jobs_max;
	struct job         *commit_first, *commit_last; /* in order of sequence */
	uint32_t            handshakes_max;
	uint64_t            idle_ns, header_ns, body_ns;
	uint64_t            still_ns; /* tcp.idle_seconds: no byte moved either way */
	/* A record that was the newest at pledged_ns; while it is not on disk, the disk may
	 * hang. */
	uint64_t pledged_sequence, pledged_ns;
	uint64_t patience_ns; /* audit.patience_ms */
};

/* What core_plan takes, in bytes, and the largest piece of it. */
struct core_need {
	uint32_t jobs;
	size_t   jobs_bytes, conns_bytes, lanes_bytes, decoder_bytes;
	size_t   total_bytes, largest_bytes;
};
struct core_need core_need(const struct config *config);

/* Take the core's memory from the plan and link its pools. */
void core_plan(struct core *core, const struct config *config);

/* The monotonic time of a struct clock, as the walk and the engine ask for it. */
uint64_t core_stamp(void *clock);

struct job *core_job_take(struct core *core); /* NULL: none is free */
void        core_job_give(struct core *core, struct job *job);

/* pipeline.emit: a slot's record, and what its request gets from it. */
void record_slot(void *core, struct slot *slot);
/* Whether `count` more slots would find room for their records. */
bool record_room(struct core *core, size_t count);

/* Nothing can be recorded now: the disk says so, or has said nothing for too long. */
static inline bool core_audit_refuses(const struct core *core)
{
	return atomic_load_explicit(core->audit_failing, memory_order_acquire) ||
	       atomic_load_explicit(&core->audit_late, memory_order_relaxed);
}

/* Tell control, by lane, what happened; formats nothing. */
void core_event(struct core *core, enum reason reason, const struct conn *conn, uint16_t alert);

#endif
