#include "config/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIPE_FD      3
#define NOBODY       65534
#define MEMORY_BYTES (64UL << 20) /* 1 MiB of text makes a tree of about 20 MiB */
#define CPU_SECONDS  2
#define MAPPINGS_MAX 65536 /* the kernel's default limit, vm.max_map_count */
#define SHARED_MAX   4096  /* a DPDK process maps each hugepage by itself */
#define EXIT_SANDBOX 3     /* the child could not give up what it must */

/* Unmaps what is shared and writable; returns the bytes that remain, 0 on failure. */
static size_t drop_shared_memory(void)
{
	static struct mapping {
		size_t start, end;
	} shared[SHARED_MAX];
	static char line[512]; /* addresses and rights come first; the rest is not read */
	size_t      shared_count = 0, remaining_bytes = 0;
	FILE       *maps = fopen("/proc/self/maps", "re");

	if (maps == NULL)
		return 0;
	for (int i = 0; i < MAPPINGS_MAX && fgets(line, sizeof(line), maps) != NULL; i++) {
		struct mapping map;
		char           rights[5];

		if (sscanf(line, "%zx-%zx %4s", &map.start, &map.end, rights) != 3)
			continue; /* the tail of a long file name */
		remaining_bytes += map.end - map.start;
		if (rights[1] != 'w' || rights[3] != 's')
			continue;
		if (shared_count == SHARED_MAX) {
			fclose(maps);
			return 0;
		}
		shared[shared_count++] = map;
	}
	fclose(maps);
	for (size_t i = 0; i < shared_count; i++)
		if (munmap((void *)shared[i].start, shared[i].end - shared[i].start) != 0)
			return 0;
	return remaining_bytes;
}

static bool limit(int resource, rlim_t most)
{
	struct rlimit both = { .rlim_cur = most, .rlim_max = most };

	return setrlimit((__rlimit_resource_t)resource, &both) == 0;
}

static bool drop_rights(void)
{
	struct __user_cap_header_struct head    = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct   none[2] = { { 0 }, { 0 } };

	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
			       setresuid(NOBODY, NOBODY, NOBODY) != 0))
		return false;
	return syscall(SYS_capset, &head, none) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

#define LOAD(field)          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(action)       BPF_STMT(BPF_RET | BPF_K, action)
#define IF_IS(value, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1), ANSWER(action)
#define PERMIT(name)         IF_IS(SYS_##name, SECCOMP_RET_ALLOW)

/* Memory may be had, but none that can be executed. */
static bool filter_calls(void)
{
	static struct sock_filter rules[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		ANSWER(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		PERMIT(exit_group),
		PERMIT(exit),
		PERMIT(brk),
		PERMIT(munmap),
		PERMIT(mremap),
		PERMIT(madvise),
		PERMIT(futex),
		PERMIT(getrandom),
		PERMIT(rt_sigreturn),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 3),
		LOAD(args[0]),
		IF_IS(PIPE_FD, SECCOMP_RET_ALLOW),
		LOAD(nr), /* not reached with SYS_mmap unless the descriptor was another */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
		LOAD(args[2]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0),
		ANSWER(SECCOMP_RET_ALLOW),
		ANSWER(SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = { .len = sizeof(rules) / sizeof(rules[0]), .filter = rules };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static bool enter_sandbox(int pipe_fd)
{
	sigset_t all;
	size_t   memory_bytes;

	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, NULL) != 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return false;
	memory_bytes = drop_shared_memory();
	if (memory_bytes == 0 || (pipe_fd != PIPE_FD && dup2(pipe_fd, PIPE_FD) != PIPE_FD))
		return false;
	if (close_range(0, PIPE_FD - 1, 0) != 0 || close_range(PIPE_FD + 1, ~0U, 0) != 0)
		return false;
	return limit(RLIMIT_AS, memory_bytes + MEMORY_BYTES) && limit(RLIMIT_CPU, CPU_SECONDS) &&
	       limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NOFILE, 0) &&
	       drop_rights() && filter_calls();
}

static _Noreturn void child_main(int pipe_fd, child_work *work, const char *text,
				 struct stream *out)
{
	size_t sent = 0;

	if (!enter_sandbox(pipe_fd))
		_exit(EXIT_SANDBOX);
	work(text, out);
	while (sent < out->size_bytes) {
		ssize_t n = write(PIPE_FD, out->data + sent, out->size_bytes - sent);

		if (n <= 0)
			_exit(1);
		sent += (size_t)n;
	}
	_exit(0);
}

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until the pipe ends; NULL, or what went wrong. */
static const char *collect(int fd, struct stream *out, int64_t deadline)
{
	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		int64_t       left = deadline - clock_ms();
		ssize_t       n;

		if (left <= 0)
			return "the parser did not finish in time";
		if (poll(&wait, 1, (int)left) <= 0)
			continue; /* time is up, or a signal came */
		if (out->size_bytes == out->capacity_bytes)
			return "the parser sent too much";
		n = read(fd, out->data + out->size_bytes, out->capacity_bytes - out->size_bytes);
		if (n == 0)
			return NULL;
		if (n < 0 && errno != EINTR)
			return "the parser's pipe broke";
		out->size_bytes += n > 0 ? (size_t)n : 0;
	}
}

bool child_run(child_work *work, const char *text, struct stream *out, uint32_t deadline_ms,
	       const char **fault)
{
	int64_t deadline = clock_ms() + deadline_ms;
	int     ends[2], status = 0;
	pid_t   pid;

	out->size_bytes = 0;
	out->full       = false;
	*fault          = "no pipe or process can be had for the parser";
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		child_main(ends[1], work, text, out);
	close(ends[1]);
	if (pid > 0) {
		*fault = collect(ends[0], out, deadline);
		if (*fault != NULL)
			kill(pid, SIGKILL);
		/* A process that reaps every child may have been faster: ECHILD is no harm. */
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (*fault == NULL && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SANDBOX)
			*fault = "the parser's sandbox cannot be made (it needs /proc and seccomp)";
	}
	close(ends[0]);
	return *fault == NULL;
}
