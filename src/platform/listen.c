/* SPDX-License-Identifier: ISC */
/*
 * The sockets nginx connects to.  libfcgi's own FCGX_OpenSocket() removes
 * whatever is at the path, so it is not used.
 */
#include "platform/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/must.h"
#include "platform/log.h"

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

static const struct group *
find_group(const char *name)
{
	const struct group *g = getgrnam(name);

	if (g == NULL)
		log_fatal("socket_group: group %s does not exist: name the"
			  " group that nginx runs as",
		    name);
	return g;
}

void
listen_check_group(const char *name)
{
	if (*name != '\0')
		(void)find_group(name);
}

static void
give_to_group(const char *path, const char *group)
{
	if (*group == '\0')
		return;
	if (chown(path, (uid_t)-1, find_group(group)->gr_gid) != 0)
		log_fatal("cannot give %s to group %s: %s: start as root, or"
			  " set socket_group to one of your own groups, or to"
			  " nothing",
		    path, group, strerror(errno));
}

void
listen_make_folder(const char *path, const char *group)
{
	if (mkdir(path, 0750) == 0) {
		give_to_group(path, group);
		return;
	}
	if (errno != EEXIST)
		log_fatal("runtime_dir: cannot make %s: %s", path,
		    strerror(errno));
}

/* What connect(2) says of the socket there: 0 when somebody answers. */
static int
knock(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int why = 0;

	if (fd < 0)
		log_fatal("cannot make a socket: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)sa, sizeof *sa) != 0)
		why = errno;
	(void)close(fd);
	/* Its backlog is full, so somebody holds it. */
	return why == EAGAIN ? 0 : why;
}

/* Takes away a socket that nobody listens on any more. */
static void
make_way(const char *path, const struct sockaddr_un *sa)
{
	struct stat st;
	int why;

	if (lstat(path, &st) != 0)
		return;
	if (!S_ISSOCK(st.st_mode))
		log_fatal("%s is in the way and is no socket: move it", path);
	why = knock(sa);
	if (why == 0)
		log_fatal("another server listens on %s: stop it first, or"
			  " choose another runtime_dir",
		    path);
	if (why != ECONNREFUSED && why != ENOENT)
		log_fatal("whether another server listens on %s cannot be"
			  " found out: %s: stop that server, or remove %s if"
			  " there is none",
		    path, strerror(why), path);
	(void)unlink(path);
}

int
listen_unix(const char *path, const char *group)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, bound;

	if (strlen(path) >= sizeof sa.sun_path)
		log_fatal("runtime_dir: %s is too long for a socket's name"
			  " (%zu bytes at most)",
		    path, sizeof sa.sun_path - 1);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	make_way(path, &sa);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		log_fatal("cannot make a socket: %s", strerror(errno));
	mask = umask(0117);
	bound = bind(fd, (const struct sockaddr *)&sa, sizeof sa);
	(void)umask(mask);
	if (bound != 0 || listen(fd, BACKLOG) != 0)
		log_fatal("cannot listen on %s: %s", path, strerror(errno));
	give_to_group(path, group);
	return fd;
}

#define FIRST_INHERITED 3 /* SD_LISTEN_FDS_START */

/* How many sockets the environment says are ours. */
static int
count_inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

	if (pid == NULL || n == NULL || strtol(pid, NULL, 10) != getpid())
		return 0;
	return (int)strtol(n, NULL, 10);
}

/* Whether fd is a unix socket that is bound to a file of that name. */
static bool
is_bound_to(int fd, const char *name)
{
	struct sockaddr_un sa = { 0 };
	socklen_t size = sizeof sa - 1;
	const char *base;

	if (getsockname(fd, (struct sockaddr *)&sa, &size) != 0 ||
	    sa.sun_family != AF_UNIX)
		return false;
	base = strrchr(sa.sun_path, '/');
	return strcmp(base == NULL ? sa.sun_path : base + 1, name) == 0;
}

int
listen_inherited(const char *name)
{
	int end = FIRST_INHERITED + count_inherited();

	for (int fd = FIRST_INHERITED; fd < end; fd++) {
		if (!is_bound_to(fd, name))
			continue;
		if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
		    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
			log_fatal("the inherited socket %s cannot be used: %s",
			    name, strerror(errno));
		return fd;
	}
	return -1;
}

void
listen_hand_on(const int *fds, int n)
{
	char text[16];
	int high[8];

	must(n <= 8);
	/* Out of the way first: one may sit where another has to go. */
	for (int i = 0; i < n; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_INHERITED + n);
		must(high[i] >= 0);
	}
	for (int i = 0; i < n; i++)
		must(dup2(high[i], FIRST_INHERITED + i) >= 0);
	(void)snprintf(text, sizeof text, "%d", n);
	must(setenv("LISTEN_FDS", text, 1) == 0);
	(void)snprintf(text, sizeof text, "%ld", (long)getpid());
	must(setenv("LISTEN_PID", text, 1) == 0);
}
