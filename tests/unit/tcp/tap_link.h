/* A wire to the kernel for the TCP tests: a TAP device in a network namespace of
 * the test's own, with drivers/tcp on our end and kernel sockets on the other.
 * Loss, duplication and reordering come from a seed, in both directions.
 *
 * The stack runs in a thread of its own, which plays a small server. */
#ifndef ASSAY_TESTS_UNIT_TCP_TAP_LINK_H
#define ASSAY_TESTS_UNIT_TCP_TAP_LINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "drivers/tcp/tcp.h"

#define TAP_PORT    443
#define TAP_OUR_IP4 "10.77.0.1"
#define TAP_KERNEL4 "10.77.0.2"
#define TAP_OUR_IP6 "fd77::1"
#define TAP_KERNEL6 "fd77::2"

enum tap_serve {
	TAP_ECHO,
	TAP_STALL,  /* reads nothing */
	TAP_FLOOD,  /* writes whenever there is space */
	TAP_ALERT,  /* on the first byte: writes "ALERT", closes, reads nothing */
	TAP_ABORT,  /* on the first byte: resets */
	TAP_REFUSE, /* accepts nobody */
	TAP_GREET,  /* writes "HELLO" when connected, then echoes */
};

struct tap_link {
	/* set before tap_link_open */
	uint16_t vlan;            /* the kernel's end sees untagged frames */
	uint16_t vlan_sent;       /* tag put on the kernel's frames */
	uint32_t connections_max; /* 0: default */
	/* may be set at any time */
	_Atomic uint32_t loss_per_mille, duplicate_per_mille, reorder_per_mille;
	_Atomic uint32_t lose_next_out_longer_than; /* once; 0: no */
	_Atomic uint16_t dial_port;                 /* we connect to the kernel, once; 0: no */
	_Atomic int      serve;                     /* enum tap_serve */
	/* what happened */
	_Atomic uint64_t lost, duplicated, reordered, flooded, input_ns, inputs, timers_ns, timers;
	_Atomic uint32_t syn_ack_sequence;
};

/* 0, or what is missing to run these tests (root, /dev/net/tun). */
const char *tap_link_open(struct tap_link *link, uint64_t seed);
void        tap_close(void);

#endif
