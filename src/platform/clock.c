/* SPDX-License-Identifier: ISC */
#include "platform/clock.h"

#include <time.h>

#include "base/must.h"

/*
 * The two clocks there are, apart from the database's: one that people read
 * and one that deadlines are measured on.
 */
static int64_t
read_ms(clockid_t clock)
{
	struct timespec t;

	must(clock_gettime(clock, &t) == 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
clock_unix_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t
clock_steady_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}
