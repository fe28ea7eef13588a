/* SPDX-License-Identifier: ISC */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <check.h>

/*
 * What every test program shares.  A test file is a list of tests and a
 * short main():
 *
 *	int
 *	main(void)
 *	{
 *		const struct test_case suite[] = {
 *			{ "round trips", round_trips, ROWS(pairs) },
 *		};
 *
 *		return test_main("encode", suite, ROWS(suite));
 *	}
 *
 * A test with a table of cases runs once a row, _i indexing it.
 */
struct test_case {
	const char *name;
	const TTest *test;
	int rows; /* of its table; 0 for a test without one */
};

#define ROWS(table) ((int)(sizeof(table) / sizeof *(table)))

/* Runs them, each in a process of its own; 0 when all passed. */
int test_main(const char *name, const struct test_case *cases, int n);

/* Adds the cases to a suite of that name: for programs with several. */
Suite *test_suite(const char *name, const struct test_case *cases, int n);

#endif
