/* Starting DPDK's environment, quietly, with errors a person can act on. */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/mem/mem.h"

#define ARGUMENTS_MAX      (12 + 2 * MEM_DEVICES_MAX)
#define ARGUMENT_BYTES_MAX 192
#define LOG_BYTES_MAX      2048

/* The last of what DPDK had to say; it is shown only when something failed. */
static char   log_tail[LOG_BYTES_MAX];
static size_t log_bytes;

struct arguments {
	char  text[ARGUMENTS_MAX][ARGUMENT_BYTES_MAX];
	char *pointers[ARGUMENTS_MAX + 1];
	int   count;
};

static ssize_t log_write(void *unused, const char *text, size_t size_bytes)
{
	const size_t room = LOG_BYTES_MAX - 1;
	const size_t add  = size_bytes < room ? size_bytes : room;
	const size_t keep = log_bytes < room - add ? log_bytes : room - add;

	(void)unused;
	memmove(log_tail, log_tail + log_bytes - keep, keep);
	memcpy(log_tail + keep, text + size_bytes - add, add);
	log_bytes           = keep + add;
	log_tail[log_bytes] = '\0';
	return (ssize_t)size_bytes;
}

static void keep_log(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = log_write });

	if (stream) {
		setvbuf(stream, NULL, _IOLBF, 0);
		rte_openlog_stream(stream);
	}
}

__attribute__((format(printf, 3, 4))) static bool say(char *error, size_t size_bytes,
						      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, size_bytes, format, arguments);
	va_end(arguments);
	return false;
}

bool mem_device_is_pci(const char *device)
{
	unsigned domain, bus, slot, function;
	int      used = 0;

	if (sscanf(device, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &used) == 4 &&
	    device[used] == '\0')
		return true;
	used = 0;
	return sscanf(device, "%2x:%2x.%1x%n", &bus, &slot, &function, &used) == 3 &&
	       device[used] == '\0';
}

/* The name DPDK gives the device: a full PCI address, or what precedes the comma. */
static void name_of(const char *device, char *name, size_t size_bytes)
{
	const bool pci = mem_device_is_pci(device);

	if (pci && strlen(device) < sizeof("0000:00:00.0") - 1)
		snprintf(name, size_bytes, "0000:%s", device);
	else
		snprintf(name, size_bytes, "%.*s", (int)strcspn(device, ","), device);
}

static uint64_t read_number(const char *path)
{
	char  text[32] = "";
	FILE *file     = fopen(path, "re");
	char *got      = file ? fgets(text, sizeof(text), file) : NULL;

	if (file)
		fclose(file);
	return got ? strtoull(text, NULL, 10) : 0;
}

/* Free memory in hugepages of every size the kernel has. */
static uint64_t hugepages_free_mib(void)
{
	char           path[PATH_MAX];
	uint64_t       free_kib = 0;
	struct dirent *entry;
	DIR           *sizes = opendir("/sys/kernel/mm/hugepages");

	while (sizes && (entry = readdir(sizes))) {
		unsigned long long kib;
		if (sscanf(entry->d_name, "hugepages-%llukB", &kib) != 1)
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%s/free_hugepages",
			 entry->d_name);
		free_kib += kib * read_number(path);
	}
	if (sizes)
		closedir(sizes);
	return free_kib / 1024;
}

static bool check_hugepages(const struct mem_options *options, char *error, size_t size_bytes)
{
	const uint64_t free_mib = hugepages_free_mib();
	const uint64_t have     = read_number("/proc/sys/vm/nr_hugepages");

	if (geteuid() != 0)
		return say(error, size_bytes,
			   "memory: hugepages and network devices need root: run this with sudo");
	if (free_mib >= options->hugepages_mib)
		return true;
	/* Pages of 2 MiB, the kernel's default on x86-64. */
	return say(error, size_bytes,
		   "memory: %u MiB of hugepages are wanted (memory.hugepages_mib) and %llu MiB are "
		   "free; as root: echo %llu > /proc/sys/vm/nr_hugepages",
		   options->hugepages_mib, (unsigned long long)free_mib,
		   (unsigned long long)(have + (options->hugepages_mib - free_mib + 1) / 2));
}

/* A PCI device the kernel still drives, or that is not there, is invisible to DPDK. */
static bool check_pci(const char *device, char *error, size_t size_bytes)
{
	char    name[64], path[128], driver[128];
	ssize_t length;

	name_of(device, name, sizeof(name));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", name);
	if (access(path, F_OK) != 0)
		return say(error, size_bytes, "nic.device: there is no PCI device %s", name);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", name);
	length                          = readlink(path, driver, sizeof(driver) - 1);
	driver[length > 0 ? length : 0] = '\0';
	const char *base                = strrchr(driver, '/') ? strrchr(driver, '/') + 1 : "none";
	/* Mellanox cards are shared with their kernel driver, through verbs. */
	if (strcmp(base, "vfio-pci") == 0 || strcmp(base, "uio_pci_generic") == 0 ||
	    strcmp(base, "igb_uio") == 0 || strcmp(base, "mlx5_core") == 0)
		return true;
	return say(
		error, size_bytes,
		"nic.device: %s belongs to the kernel driver '%s'; as root: modprobe vfio-pci && "
		"echo vfio-pci > /sys/bus/pci/devices/%s/driver_override && "
		"echo %s > /sys/bus/pci/devices/%s/driver/unbind ; "
		"echo %s > /sys/bus/pci/drivers_probe",
		name, base, name, name, name, name);
}

__attribute__((format(printf, 2, 3))) static void argue(struct arguments *arguments,
							const char       *format, ...)
{
	va_list values;

	assert(arguments->count < (int)ARGUMENTS_MAX);
	va_start(values, format);
	vsnprintf(arguments->text[arguments->count], ARGUMENT_BYTES_MAX, format, values);
	va_end(values);
	arguments->pointers[arguments->count] = arguments->text[arguments->count];
	arguments->count++;
}

/* In memory: no files in hugetlbfs or /run, so nothing is left after a crash and
 * no second process can attach.  No telemetry: no socket that would tell. */
static void argue_all(struct arguments *arguments, const struct mem_options *options)
{
	bool pci = false;

	argue(arguments, "assay");
	argue(arguments, "--lcores=0@%u", options->net_core);
	argue(arguments, "--no-telemetry");
	argue(arguments, "--file-prefix=%s", options->file_prefix ? options->file_prefix : "assay");
	argue(arguments, "-m");
	argue(arguments, "%u", options->hugepages_mib);
	if (options->no_hugepages) {
		argue(arguments, "--no-huge"); /* DPDK refuses it together with --in-memory */
		argue(arguments, "--no-shconf");
	} else {
		argue(arguments, "--in-memory");
	}
	for (uint32_t i = 0; i < MEM_DEVICES_MAX && options->devices[i]; i++) {
		const bool this_pci = mem_device_is_pci(options->devices[i]);
		argue(arguments, "%s=%s", this_pci ? "--allow" : "--vdev", options->devices[i]);
		pci |= this_pci;
	}
	if (!pci)
		argue(arguments, "--no-pci");
}

/* DPDK prints some of its errors to the terminal whatever the log stream is. */
static int init_quietly(struct arguments *arguments)
{
	const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);

	fflush(NULL);
	if (null >= 0) {
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	const int result = rte_eal_init(arguments->count, arguments->pointers);
	fflush(NULL);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	if (err >= 0)
		dup2(err, STDERR_FILENO);
	close(null);
	close(out);
	close(err);
	return result;
}

static bool check_devices(const struct mem_options *options, char *error, size_t size_bytes)
{
	char     name[64];
	uint16_t port;

	for (uint32_t i = 0; i < MEM_DEVICES_MAX && options->devices[i]; i++) {
		name_of(options->devices[i], name, sizeof(name));
		if (rte_eth_dev_get_port_by_name(name, &port) != 0)
			return say(error, size_bytes,
				   "nic.device: '%s' could not be opened; DPDK says: %s",
				   options->devices[i], log_tail);
	}
	return true;
}

bool mem_start(const struct mem_options *options, char *error, size_t size_bytes)
{
	struct arguments arguments = { .count = 0 };
	cpu_set_t        affinity;

	error[0] = '\0';
	if (!options->no_hugepages && !check_hugepages(options, error, size_bytes))
		return false;
	for (uint32_t i = 0; i < MEM_DEVICES_MAX && options->devices[i]; i++) {
		if (strlen(options->devices[i]) + sizeof("--allow=") > ARGUMENT_BYTES_MAX)
			return say(error, size_bytes, "nic.device: longer than %u bytes",
				   ARGUMENT_BYTES_MAX - (unsigned)sizeof("--allow="));
		if (mem_device_is_pci(options->devices[i]) &&
		    !check_pci(options->devices[i], error, size_bytes))
			return false;
	}
	argue_all(&arguments, options);
	keep_log();
	sched_getaffinity(0, sizeof(affinity), &affinity);
	const int result = init_quietly(&arguments);
	sched_setaffinity(0, sizeof(affinity), &affinity);
	if (result < 0)
		return say(error, size_bytes, "memory: DPDK did not start: %s; it says: %s",
			   rte_strerror(rte_errno), log_tail);
	return check_devices(options, error, size_bytes);
}
