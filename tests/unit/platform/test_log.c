/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "platform/log.h"
#include "tests/test.h"

/* What a line looks like, and that no value can make one that is not. */

static char said[8192];

/* What f writes to standard error, in said; returns its exit status. */
static int
listen_to(void (*f)(void))
{
	char path[] = "/tmp/postern-test-log-XXXXXX";
	int fd = mkstemp(path), status = 0;
	ssize_t n;
	pid_t pid;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(unlink(path), 0);
	if ((pid = fork()) == 0) {
		dup2(fd, STDERR_FILENO);
		f();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	n = pread(fd, said, sizeof said - 1, 0);
	ck_assert_int_ge(n, 0);
	said[n] = '\0';
	close(fd);
	return status;
}

static void
assert_said(const char *pattern)
{
	regex_t re;

	ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&re, said, 0, NULL, 0) == 0, "%s: %s", pattern,
	    said);
	regfree(&re);
}

#define TIME "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z "

static void
say_one(void)
{
	log_open("web", INFO);
	log_request("r-17");
	log_event(WARN, "login.refused", "account=%d why=%s", 7, "limit");
}

START_TEST(a_line_names_time_level_process_event_and_request)
{
	ck_assert_int_eq(listen_to(say_one), 0);
	assert_said(TIME "warn web login\\.refused request=r-17 account=7 "
			 "why=limit\n$");
}
END_TEST

static void
say_without(void)
{
	log_open("mailer", DEBUG);
	log_request("r-17");
	log_request("");
	log_event(DEBUG, "idle", "%s", "");
}

START_TEST(what_is_empty_leaves_no_trace)
{
	ck_assert_int_eq(listen_to(say_without), 0);
	assert_said(TIME "debug mailer idle\n$");
}
END_TEST

static void
say_all_levels(void)
{
	log_open("web", WARN);
	log_event(DEBUG, "one", "n=%d", 1);
	log_event(INFO, "two", "n=%d", 2);
	log_event(WARN, "three", "n=%d", 3);
	log_event(ERROR, "four", "n=%d", 4);
}

START_TEST(less_important_levels_are_left_out)
{
	ck_assert_int_eq(listen_to(say_all_levels), 0);
	ck_assert_ptr_null(strstr(said, " one "));
	ck_assert_ptr_null(strstr(said, " two "));
	ck_assert_ptr_nonnull(strstr(said, " warn web three n=3\n"));
	ck_assert_ptr_nonnull(strstr(said, " error web four n=4\n"));
}
END_TEST

static const struct {
	const char *value, *written;
} values[] = {
	{ "a\nb", "a\\x0ab" },
	{ "a\r\tb", "a\\x0d\\x09b" },
	{ "\x1b[2J", "\\x1b[2J" },
	{ "\x7f", "\\x7f" },
	{ "say \"x\"", "say \\\"x\\\"" },
	{ "back\\slash", "back\\\\slash" },
	{ "\xc2\x9b", "\\xc2\\x9b" },          /* C1 control */
	{ "\xe2\x80\x8b", "\\xe2\\x80\\x8b" }, /* of no width */
	{ "%s%n", "%s%n" },
};
static int value_row;

static void
say_value(void)
{
	log_open("web", INFO);
	log_event(INFO, "event", "v=%s", values[value_row].value);
}

START_TEST(no_value_forges_a_line)
{
	char want[64];

	value_row = _i;
	ck_assert_int_eq(listen_to(say_value), 0);
	(void)snprintf(want, sizeof want, " event v=%s\n", values[_i].written);
	ck_assert_ptr_nonnull(strstr(said, want));
	ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
}
END_TEST

static void
say_much(void)
{
	static char much[10000];

	memset(much, value_row == 0 ? 'x' : '\n', sizeof much - 1);
	log_open("web", INFO);
	log_event(INFO, "event", "v=%s", much);
}

START_TEST(a_long_line_is_cut_and_says_so)
{
	value_row = _i;
	ck_assert_int_eq(listen_to(say_much), 0);
	ck_assert_uint_le(strlen(said), 4096);
	ck_assert_uint_ge(strlen(said), 2000);
	ck_assert_str_eq(said + strlen(said) - 4, "...\n");
}
END_TEST

static void
say_with_errno(void)
{
	errno = ENOENT;
	log_event(INFO, "event", "error=%m");
	if (errno != ENOENT)
		_exit(1);
}

START_TEST(errno_is_told_and_kept)
{
	ck_assert_int_eq(listen_to(say_with_errno), 0);
	ck_assert_ptr_nonnull(
	    strstr(said, "postern event error=No such file or directory\n"));
}
END_TEST

static void
say_fatal(void)
{
	log_open("supervisor", ERROR);
	log_fatal("port %d is taken: choose another", 25);
}

START_TEST(fatal_says_why_and_exits_with_1)
{
	int status = listen_to(say_fatal);

	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_said(TIME "error supervisor fatal port 25 is taken: choose "
			 "another\n$");
}
END_TEST

static void
break_a_promise(void)
{
	log_open("web", ERROR);
	log_request("r-17");
	must(1 == 2);
}

START_TEST(a_failed_must_is_logged_before_the_end)
{
	int status = listen_to(break_a_promise);

	ck_assert(WIFSIGNALED(status));
	assert_said(TIME "error web bug request=r-17 must=1 == 2 "
			 "at=.*test_log\\.c:[0-9]+ function=break_a_promise\n");
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "line", a_line_names_time_level_process_event_and_request,
		    0 },
		{ "empty", what_is_empty_leaves_no_trace, 0 },
		{ "level", less_important_levels_are_left_out, 0 },
		{ "escape", no_value_forges_a_line, ROWS(values) },
		{ "long", a_long_line_is_cut_and_says_so, 2 },
		{ "errno", errno_is_told_and_kept, 0 },
		{ "fatal", fatal_says_why_and_exits_with_1, 0 },
		{ "must", a_failed_must_is_logged_before_the_end, 0 },
	};

	return test_main("log", suite, ROWS(suite));
}
