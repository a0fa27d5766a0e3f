/* What a reload replaces, in one piece: the checked config, the TLS server made
 * from its certificates, the model, the rules, the thresholds and the shadow.
 *
 * A `struct live` never changes after live_make.  The control role makes one and
 * publishes it; the net core takes it up between two turns, so that no request
 * sees half of an old one and half of a new one (core.h).
 *
 * Owner:   control makes and frees.  `sessions` counts the connections that were
 *          opened under it; a retired one is freed when they are gone.  When too
 *          many are retired, control sets `evict` in the oldest, and whoever holds
 *          a connection of it closes it between two requests.
 * Memory:  malloc, on the control role; the model lies in one of two slots of huge
 *          pages, taken at boot (boot.c), so that old and new fit side by side.
 * Failure: live_make says in a sentence what is wrong and changes nothing. */
#ifndef ASSAY_FIRMWARE_LIVE_H
#define ASSAY_FIRMWARE_LIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "drivers/tls/tls.h"
#include "firmware/brain.h"

#define LIVE_ERROR_BYTES BRAIN_ERROR_BYTES

struct live {
	struct config         config;
	struct feature_schema names;  /* of all features: supplied, then computed */
	struct brain          brain;  /* answers */
	struct brain          shadow; /* is recorded beside it; only with has_shadow */
	bool                  has_shadow;
	struct tls_server    *service; /* the DPDK port's; NULL in offline use */
	struct tls_server    *management;
	uint64_t              epoch;               /* grows by one each time; tickets carry it */
	int64_t               lists_good_until_ns; /* the service's revocation lists; 0: none */
	_Atomic uint32_t      sessions;
	_Atomic bool          evict; /* set by control: its idle connections are to be closed */
};

struct live_options {
	const struct config *config;
	struct brain_slot    slot;
	uint32_t             lists;   /* copies: 1 and one for each decider */
	struct tls_tickets  *tickets; /* NULL: none */
	uint64_t             epoch;
	int64_t              wall_ns;
	bool                 offline; /* no TLS: for assayctl decide */
};

bool live_make(const struct live_options *options, struct live **out, char error[LIVE_ERROR_BYTES]);
void live_free(struct live *live); /* NULL is fine */

/* Are the service's revocation lists, if any, young enough at that time? */
bool live_lists_are_good(const struct live *live, int64_t wall_ns);

/* What the identity may do: a bit set of enum config_may; 0 when not listed. */
uint32_t live_may(const struct live *live, struct bytes identity);

#endif
