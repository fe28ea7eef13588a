/* SPDX-License-Identifier: ISC */
/* One trial at a time, and nothing of it left when it is over. */
#include "trial.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/clock.h"
#include "platform/log.h"
#include "tests/test.h"

static const struct {
	int status; /* of waitpid(2) */
	bool passes;
} ends[] = {
	{ 0, true },
	{ 1 << 8, false },
	{ 127 << 8, false },
	{ SIGKILL, false },
};

START_TEST(what_exits_with_0_passes)
{
	struct trial t = { .change = CHANGE_PROGRAM, .pid = 4711 };

	ck_assert_int_eq(trial_end(&t, ends[_i].status),
	    ends[_i].passes ? CHANGE_PROGRAM : CHANGE_NONE);
}
END_TEST

/* The kernel gives the pid to somebody else. */
START_TEST(an_ended_trial_has_no_pid)
{
	struct trial t = { .change = CHANGE_CONFIGURATION, .pid = 4711 };

	ck_assert(trial_is(&t, 4711));
	ck_assert(!trial_is(&t, 4712));
	(void)trial_end(&t, ends[_i].status);
	ck_assert(!trial_is(&t, 4711));
	ck_assert(!trial_is(&t, 0));
}
END_TEST

START_TEST(who_is_at_it_too_long_is_killed)
{
	int64_t now = clock_steady_ms();
	struct trial t = { .change = CHANGE_PROGRAM, .pid = fork() };
	int status;

	if (t.pid == 0)
		for (;;)
			(void)pause();
	t.began = now - TRIAL_MOST_MS + 10000;
	trial_watch(&t);
	ck_assert_int_eq(waitpid(t.pid, &status, WNOHANG), 0);
	t.began = now - TRIAL_MOST_MS - 1;
	trial_watch(&t);
	ck_assert_int_eq(waitpid(t.pid, &status, 0), t.pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(trial_end(&t, status), CHANGE_NONE);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "passes", what_exits_with_0_passes, ROWS(ends) },
		{ "forgotten", an_ended_trial_has_no_pid, ROWS(ends) },
		{ "deadline", who_is_at_it_too_long_is_killed, 0 },
	};

	log_open("test", LOG_LEVEL_ERROR);
	return test_main("trial", suite, ROWS(suite));
}
