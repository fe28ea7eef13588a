/* SPDX-License-Identifier: ISC */
/* A child has the one descriptor it is to have, and no other. */
#include "platform/sandbox.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

#define OPEN_TO 40 /* descriptors that are open before */

static const int keep[] = { -1, 3, 4, 20, OPEN_TO - 1, OPEN_TO };

/* How many are not as they should be. */
static int
wrong_after(int kept)
{
	int wrong = 0;

	sandbox_close_files(kept);
	for (int fd = 3; fd < 2 * OPEN_TO; fd++) {
		bool is_open = fcntl(fd, F_GETFD) != -1;

		wrong += is_open != (fd == kept && fd < OPEN_TO);
	}
	return wrong;
}

START_TEST(all_but_one_descriptor_are_closed)
{
	pid_t pid = fork(); /* the test itself needs its own */
	int status;

	if (pid == 0) {
		for (int fd = 3; fd < OPEN_TO; fd++)
			(void)dup2(0, fd);
		_exit(wrong_after(keep[_i]));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "files", all_but_one_descriptor_are_closed, ROWS(keep) },
	};

	return test_main("sandbox", suite, ROWS(suite));
}
