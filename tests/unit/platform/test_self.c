/* SPDX-License-Identifier: ISC */
/* What worker_memory is held against: the memory that is this process's own. */
#include "platform/self.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/test.h"

#define SIZE_KIB 32768L
#define SLACK_KIB (SIZE_KIB / 10)

static const struct {
	int flags;
	long grows_kib;
} mappings[] = {
	{ MAP_PRIVATE, SIZE_KIB },
	{ MAP_SHARED, 0 },
};

START_TEST(private_memory_counts_when_it_is_written_to)
{
	const size_t size = (size_t)SIZE_KIB * 1024;
	long before = self_memory_kib(), grown;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    mappings[_i].flags | MAP_ANONYMOUS, -1, 0);

	ck_assert(p != MAP_FAILED);
	ck_assert_int_gt(before, 0);
	ck_assert_int_lt(self_memory_kib() - before, SLACK_KIB);
	memset(p, 1, size);
	grown = self_memory_kib() - before;
	ck_assert_int_gt(grown, mappings[_i].grows_kib - SLACK_KIB);
	ck_assert_int_lt(grown, mappings[_i].grows_kib + SLACK_KIB);
	ck_assert_int_eq(munmap(p, size), 0);
	ck_assert_int_lt(self_memory_kib() - before, SLACK_KIB);
}
END_TEST

static const struct {
	const char *name, *shown;
} names[] = {
	{ "web", "postern-web\n" },
	{ "password", "postern-passwor\n" },
};

START_TEST(the_name_is_what_ps_shows)
{
	char line[32] = "";
	FILE *f;

	self_name(names[_i].name);
	f = fopen("/proc/self/comm", "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(line, sizeof line, f));
	fclose(f);
	ck_assert_str_eq(line, names[_i].shown);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "memory", private_memory_counts_when_it_is_written_to,
		    ROWS(mappings) },
		{ "name", the_name_is_what_ps_shows, ROWS(names) },
	};

	return test_main("self", suite, ROWS(suite));
}
