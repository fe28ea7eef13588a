/* SPDX-License-Identifier: ISC */
/*
 * Privileges given up.  capset(2) is called by its number because libcap
 * would be one more library for one call.
 */
#include "platform/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
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

void
sandbox_close_files(int keep)
{
	if (keep > 3)
		(void)close_range(3, (unsigned)keep - 1, 0);
	(void)close_range(keep < 3 ? 3U : (unsigned)keep + 1, ~0U, 0);
}
