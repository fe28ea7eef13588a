/* SPDX-License-Identifier: ISC */
/*
 * Privileges given up.  capset(2) is called by its number because libcap
 * would be one more library for one call.
 */
#include "platform/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <link.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/must.h"
#include "platform/log.h"

bool
sandbox_separates(void)
{
	return geteuid() == 0;
}

/* Out of reach for every later child too. */
static void
drop_bounding_set(unsigned long long keep)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if ((keep >> cap & 1) == 0)
			(void)prctl(PR_CAPBSET_DROP, cap);
}

void
sandbox_supervisor(void)
{
	const unsigned long long keep =
	    1ULL << CAP_SETUID | 1ULL << CAP_SETGID | 1ULL << CAP_KILL;
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { { 0 } };

	if (!sandbox_separates())
		return;
	drop_bounding_set(keep);
	data[0].effective = data[0].permitted = (unsigned)keep;
	if (syscall(SYS_capset, &header, data) != 0)
		log_fatal("cannot give up capabilities: %s", strerror(errno));
}

static void
become(const char *user)
{
	const struct passwd *pw = getpwnam(user);

	if (pw == NULL)
		log_fatal("system user %s does not exist: make it with"
			  " `adduser --system --group %s`, or name another one"
			  " in postern.conf",
		    user, user);
	if (pw->pw_uid == 0)
		log_fatal("system user %s is root: name another one", user);
	if (initgroups(user, pw->pw_gid) != 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		log_fatal("cannot become %s: %s", user, strerror(errno));
	/* Root must not come back: a kernel that allows it is no ground to
	 * stand on. */
	must(setuid(0) == -1 && setgid(0) == -1);
}

static void
limit(__rlimit_resource_t what, rlim_t value)
{
	struct rlimit r = { value, value };

	if (setrlimit(what, &r) != 0)
		log_fatal("cannot set a resource limit: %s", strerror(errno));
}

void
sandbox_child(const struct sandbox *s)
{
	if (s->nice != 0)
		(void)setpriority(PRIO_PROCESS, 0, s->nice);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, (rlim_t)s->max_files);
	if (sandbox_separates())
		become(s->user);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		log_fatal("cannot set no_new_privs: %s", strerror(errno));
#ifndef SANITIZERS /* their leak check traces the process */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		log_fatal("cannot become undumpable: %s", strerror(errno));
#endif
	/* Without a supervisor nobody would watch over us: leave with it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != s->parent)
		(void)raise(SIGTERM);
}

/* Of one loaded object; the segments that were written to stay. */
static int
trim_object(struct dl_phdr_info *object, size_t size, void *arg)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		ElfW(Addr) from = object->dlpi_addr + p->p_vaddr;
		size_t before = from % page;

		if (p->p_type != PT_LOAD || (p->p_flags & PF_W) != 0)
			continue;
		/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
		(void)madvise((void *)(from - before), p->p_memsz + before,
		    MADV_DONTNEED);
	}
	return 0;
}

void
sandbox_trim(void)
{
	(void)dl_iterate_phdr(trim_object, NULL);
}

void
sandbox_name(const char *name)
{
	char text[16]; /* what the kernel keeps */

	(void)snprintf(text, sizeof text, "postern-%s", name);
	(void)prctl(PR_SET_NAME, text, 0, 0, 0);
}

void
sandbox_close_files(const int *keep, int n)
{
	unsigned from = 3;

	for (int i = 0; i < n; i++) {
		/* keep is in ascending order, and -1 is nothing. */
		if (keep[i] < (int)from)
			continue;
		if (keep[i] > (int)from)
			(void)close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	(void)close_range(from, ~0U, 0);
}

long
sandbox_memory_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long resident = 0, shared = 0;
	char line[128];

	if (f == NULL)
		return 0;
	if (fgets(line, sizeof line, f) != NULL) {
		char *p = strchr(line, ' ');

		resident = p == NULL ? 0 : strtol(p, &p, 10);
		shared = p == NULL ? 0 : strtol(p, NULL, 10);
	}
	(void)fclose(f);
	return (resident - shared) * (sysconf(_SC_PAGESIZE) / 1024);
}
