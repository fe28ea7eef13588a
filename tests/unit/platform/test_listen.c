/* SPDX-License-Identifier: ISC */
/* A socket in the way goes only when nobody can be behind it. */
#include "platform/listen.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/log.h"
#include "tests/test.h"

static char folder[] = "/tmp/postern-listen-XXXXXX";
static struct sockaddr_un sa = { .sun_family = AF_UNIX };

static void
make_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s/s", folder);
}

static void
remove_folder(void)
{
	(void)unlink(sa.sun_path);
	ck_assert_int_eq(rmdir(folder), 0);
}

/* What lies at the path, and whether listen_unix() may take its place. */
static const struct {
	int type; /* of a socket; 0 for a plain file */
	bool listens, closed, replaced;
} rows[] = {
	{ SOCK_STREAM, true, false, false }, /* a server */
	{ SOCK_STREAM, true, true, true },   /* one that crashed */
	{ SOCK_STREAM, false, false, true }, /* nobody can connect */
	/* connect(2) fails, but somebody is there. */
	{ SOCK_DGRAM, false, false, false },
	{ SOCK_SEQPACKET, true, false, false },
	{ 0, false, true, false },
};

static int
put_in_the_way(int i)
{
	int fd;

	if (rows[i].type == 0)
		fd = open(sa.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	else
		fd = socket(AF_UNIX, rows[i].type, 0);
	ck_assert_int_ge(fd, 0);
	if (rows[i].type != 0)
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa),
		    0);
	if (rows[i].listens)
		ck_assert_int_eq(listen(fd, 1), 0);
	if (rows[i].closed)
		close(fd);
	return fd;
}

START_TEST(what_is_in_the_way_goes_only_when_it_is_dead)
{
	struct stat before, after;
	int fd, status;
	pid_t pid;

	make_folder();
	fd = put_in_the_way(_i);
	ck_assert_int_eq(lstat(sa.sun_path, &before), 0);
	if ((pid = fork()) == 0)
		_exit(listen_unix(sa.sun_path, "") < 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), rows[_i].replaced ? 0 : 1);
	ck_assert_int_eq(lstat(sa.sun_path, &after), 0);
	ck_assert_int_eq(before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
		before.st_ctim.tv_nsec == after.st_ctim.tv_nsec,
	    !rows[_i].replaced);
	if (!rows[_i].closed)
		close(fd);
	remove_folder();
}
END_TEST

START_TEST(a_free_path_is_taken)
{
	struct stat st;
	int fd;

	make_folder();
	fd = listen_unix(sa.sun_path, "");
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(stat(sa.sun_path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_int_eq(st.st_mode & 0777, 0660);
	close(fd);
	remove_folder();
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "in the way", what_is_in_the_way_goes_only_when_it_is_dead,
		    ROWS(rows) },
		{ "free", a_free_path_is_taken, 0 },
	};

	log_open("test", LOG_LEVEL_ERROR);
	return test_main("listen", suite, ROWS(suite));
}
