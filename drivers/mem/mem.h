/* The machine's memory and DPDK's environment (EAL), taken once at boot.
 *
 *     mem_start -> nic_open, mem_take ... -> mem_seal -> run -> mem_stop
 *
 * Owner:    the thread that boots, which must be pinned to nothing yet; see below.
 * Bounds:   hugepages_mib is all there will ever be; it is reserved by mem_start and
 *           nothing grows.  MEM_TAKES_MAX takes.
 * Failure:  mem_start says in a sentence what is wrong and what to type; what the
 *           EAL has to say is kept back and appended only when it failed.  The EAL
 *           can be started once in a process, so after a failure only exit makes
 *           sense.  mem_take never returns NULL: the plan has proved that everything
 *           fits, so running out, or taking after mem_seal, stops the machine.
 * Affinity: rte_eal_init pins the calling thread to the first core of `cores`.
 *           mem_start puts the caller's own affinity back before it returns, so
 *           that whoever makes the threads decides where they run, and starts no
 *           worker threads: `cores` has the net core only.  The EAL's own service
 *           threads (interrupts) get the caller's affinity minus that core. */
#ifndef ASSAY_DRIVERS_MEM_MEM_H
#define ASSAY_DRIVERS_MEM_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MEM_TAKES_MAX      64u
#define MEM_DEVICES_MAX    8u
#define MEM_NAME_BYTES_MAX 32u
#define MEM_TEXT_BYTES_MAX 1024u

struct mem_options {
	uint32_t    net_core; /* the core that polls */
	uint32_t    hugepages_mib;
	const char *file_prefix; /* keeps two programs on one machine apart; NULL: "assay" */
	const char *devices[MEM_DEVICES_MAX]; /* as nic_options.device; NULL ends.  Else none */
	bool        no_hugepages; /* tests only: ordinary pages, no root needed, no PCI device */
};

/* At the first false the process should say `error` and end. */
bool mem_start(const struct mem_options *options, char *error, size_t size_bytes);
void mem_stop(void);

/* The thread that polls calls this once, unless it is the one that called mem_start:
 * it gets DPDK's cache of free buffers.  Without it everything works, more slowly. */
bool mem_thread_enter(void);

/* `size_bytes` of zeroed hugepage memory that is never given back.  `align_bytes`
 * is a power of two, at least 1.  `name` is copied. */
void *mem_take(const char *name, size_t size_bytes, size_t align_bytes);
void  mem_seal(void);

/* What is left to take: all of it, and its largest piece. */
struct mem_room {
	size_t free_bytes;
	size_t largest_bytes;
};
struct mem_room mem_room(void);

/* What was taken, one row each.  Boot prints it. */
struct mem_row {
	char   name[MEM_NAME_BYTES_MAX];
	size_t size_bytes;
};
uint32_t mem_rows(const struct mem_row **rows);

/* Is `device` a PCI address ("0000:03:00.0" or "03:00.0")? */
bool mem_device_is_pci(const char *device);

#endif
