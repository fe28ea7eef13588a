/* SPDX-License-Identifier: ISC */
#include "tests/test.h"

Suite *
test_suite(const char *name, const struct test_case *cases, int n)
{
	Suite *s = suite_create(name);

	for (int i = 0; i < n; i++) {
		TCase *tc = tcase_create(cases[i].name);

		tcase_set_timeout(tc, 60);
		/* CK_EXCLUDE_TAGS in the environment leaves it out. */
		tcase_set_tags(tc, cases[i].name);
		if (cases[i].rows > 0)
			tcase_add_loop_test(tc, cases[i].test, 0,
			    cases[i].rows);
		else
			tcase_add_test(tc, cases[i].test);
		suite_add_tcase(s, tc);
	}
	return s;
}

int
test_main(const char *name, const struct test_case *cases, int n)
{
	SRunner *r = srunner_create(test_suite(name, cases, n));
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
