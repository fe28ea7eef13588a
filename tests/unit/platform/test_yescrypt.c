/* SPDX-License-Identifier: ISC */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/yescrypt.h"
#include "tests/test.h"

/* Hashes at the lowest cost: what is tested is the wrapping. */
#define COST 1

/* Made by the library through another language's binding. */
#define SETTING "$y$j75$LdJMENpBABJJ3hIHjB1Bi.$"
static const struct {
	const char *password, *hash;
	bool right;
} known[] = {
	{ "pleaseletmein",
	    SETTING "LOFz5qVpaHYHlkfy7RM1hH9gRBSqy5mk4KRmFVRFKM4", true },
	{ "p\xc3\xa4ssw\xc3\xb6rd \xf0\x9f\x94\x91",
	    SETTING ".qeni2RcfspxZBSuf/xsiv8VhRY4oyUW4zWziQQbKJ3", true },
	{ "pleaseletmeIn",
	    SETTING "LOFz5qVpaHYHlkfy7RM1hH9gRBSqy5mk4KRmFVRFKM4", false },
	{ "pleaseletmein",
	    SETTING "LOFz5qVpaHYHlkfy7RM1hH9gRBSqy5mk4KRmFVRFKM5", false },
	{ "pleaseletmein", SETTING "LOFz5qVpaHYHlkfy7RM1hH9gRBSqy5mk4KRmFVRFKM",
	    false },
	{ "pleaseletmein", SETTING, false },
	{ "", SETTING "LOFz5qVpaHYHlkfy7RM1hH9gRBSqy5mk4KRmFVRFKM4", false },
};

START_TEST(verify_knows_right_from_wrong)
{
	bool right = !known[_i].right;

	yescrypt_open();
	ck_assert_int_eq(yescrypt_verify(known[_i].hash, known[_i].password,
			     &right),
	    OK);
	ck_assert_int_eq(right, known[_i].right);
}
END_TEST

static const char *const foreign[] = { "", "*0", "x", "pleaseletmein",
	"$6$salt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2",
	"$7$CU..../....salt$x", "$y$", "$y$!!$salt$x" };

START_TEST(verify_refuses_what_is_no_yescrypt)
{
	bool right = false;

	yescrypt_open();
	ck_assert_int_eq(yescrypt_verify(foreign[_i], "pleaseletmein", &right),
	    ERR_INTERNAL);
	ck_assert(!right);
}
END_TEST

START_TEST(a_hash_verifies_and_is_salted)
{
	char a[YESCRYPT_MAX], b[YESCRYPT_MAX];
	bool right = false;

	yescrypt_open();
	ck_assert_int_eq(yescrypt_hash(a, "secret", COST), OK);
	ck_assert_int_eq(yescrypt_hash(b, "secret", COST), OK);
	ck_assert_str_ne(a, b);
	ck_assert_int_eq(strncmp(a, "$y$j75$", 7), 0);
	ck_assert_int_eq(yescrypt_verify(a, "secret", &right), OK);
	ck_assert(right);
}
END_TEST

START_TEST(the_longest_password_counts_to_its_last_byte)
{
	char password[YESCRYPT_PASSWORD + 2], hash[YESCRYPT_MAX];
	bool right = false;

	yescrypt_open();
	memset(password, 'x', sizeof password);
	password[YESCRYPT_PASSWORD] = '\0';
	ck_assert_int_eq(yescrypt_hash(hash, password, COST), OK);
	ck_assert_int_eq(yescrypt_verify(hash, password, &right), OK);
	ck_assert(right);
	password[YESCRYPT_PASSWORD - 1] = 'y';
	ck_assert_int_eq(yescrypt_verify(hash, password, &right), OK);
	ck_assert(!right);
}
END_TEST

START_TEST(a_longer_password_is_wrong_not_an_error)
{
	char password[YESCRYPT_PASSWORD + 2], hash[YESCRYPT_MAX];
	bool right = true;

	yescrypt_open();
	memset(password, 'x', sizeof password);
	password[sizeof password - 1] = '\0';
	ck_assert_int_eq(yescrypt_hash(hash, "secret", COST), OK);
	ck_assert_int_eq(yescrypt_verify(hash, password, &right), OK);
	ck_assert(!right);
	ck_assert_int_eq(yescrypt_waste(password, COST), OK);
}
END_TEST

/* Not even the text that is hashed in its place lets anybody in. */
START_TEST(the_stand_in_opens_nothing)
{
	char password[YESCRYPT_PASSWORD + 2], hash[YESCRYPT_MAX];
	bool right = true;

	yescrypt_open();
	memset(password, 'x', sizeof password);
	password[sizeof password - 1] = '\0';
	ck_assert_int_eq(yescrypt_hash(hash, "a password of no account", COST),
	    OK);
	ck_assert_int_eq(yescrypt_verify(hash, password, &right), OK);
	ck_assert(!right);
}
END_TEST

static const struct {
	const char *hash;
	int cost;
	bool outdated;
} costs[] = {
	{ "$y$j75$salt$hash", 1, false },
	{ "$y$j8T$salt$hash", 4, false },
	{ "$y$j9T$salt$hash", 5, false },
	{ "$y$jBT$salt$hash", 7, false },
	{ "$y$jFT$salt$hash", 11, false },
	{ "$y$j9T$salt$hash", 7, true },
	{ "$y$jBT$salt$hash", 5, true },
	{ "$y$jBT", 7, true },
	{ "$7$jBT$salt$hash", 7, true },
	{ "", 7, true },
};

START_TEST(outdated_tells_costs_apart)
{
	ck_assert_int_eq(yescrypt_outdated(costs[_i].hash, costs[_i].cost),
	    costs[_i].outdated);
}
END_TEST

START_TEST(hashing_in_a_process_that_may_not_is_a_bug)
{
	bool right;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(yescrypt_verify(known[0].hash, "x", &right) == OK);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "verify", verify_knows_right_from_wrong, ROWS(known) },
		{ "foreign", verify_refuses_what_is_no_yescrypt,
		    ROWS(foreign) },
		{ "hash", a_hash_verifies_and_is_salted, 0 },
		{ "longest", the_longest_password_counts_to_its_last_byte, 0 },
		{ "longer", a_longer_password_is_wrong_not_an_error, 0 },
		{ "stand-in", the_stand_in_opens_nothing, 0 },
		{ "outdated", outdated_tells_costs_apart, ROWS(costs) },
		{ "closed", hashing_in_a_process_that_may_not_is_a_bug, 0 },
	};

	return test_main("yescrypt", suite, ROWS(suite));
}
