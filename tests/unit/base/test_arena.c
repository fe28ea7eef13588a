/* SPDX-License-Identifier: ISC */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/must.h"
#include "tests/test.h"

/*
 * What requests rely on: memory that is zero, aligned, wiped at the reset,
 * and an arena that is full ends the process.  With it the two smallest
 * modules of base/, must and err.
 */
static const size_t sizes[] = { 0, 1, 15, 16, 17, 4095, 4096, 4097, 100000 };

START_TEST(memory_is_aligned_zeroed_and_apart)
{
	struct arena *a = arena_new(1 << 20);
	unsigned char *before = arena_alloc(a, 3);
	unsigned char *p = arena_alloc(a, sizes[_i]);
	unsigned char *after = arena_alloc(a, 3);

	ck_assert_uint_eq((uintptr_t)p % 16, 0);
	ck_assert(before + 3 <= p && p + sizes[_i] <= after && p != after);
	for (size_t i = 0; i < sizes[_i]; i++)
		ck_assert_uint_eq(p[i], 0);
	memset(p, 0xff, sizes[_i]);
	arena_free(&a);
	ck_assert_ptr_null(a);
}
END_TEST

START_TEST(reset_starts_over_with_clean_memory)
{
	struct arena *a = arena_new(4096);
	char *first = arena_strdup(a, "a password");
	char *again;

	ck_assert_uint_ge(arena_used(a), 11);
	arena_reset(a);
	ck_assert_uint_eq(arena_used(a), 0);
	again = arena_alloc(a, 11);
	ck_assert_ptr_eq(again, first);
	for (int i = 0; i < 11; i++)
		ck_assert_int_eq(again[i], 0);
	arena_free(&a);
}
END_TEST

START_TEST(free_takes_null)
{
	struct arena *a = NULL;

	arena_free(&a);
	ck_assert_ptr_null(a);
}
END_TEST

START_TEST(copies_are_terminated)
{
	struct arena *a = arena_new(4096);
	char *p = arena_memdup(a, "ab\0cd", 5);

	ck_assert_mem_eq(p, "ab\0cd", 6);
	ck_assert_str_eq(arena_memdup(a, NULL, 0), "");
	ck_assert_str_eq(arena_strdup(a, "x"), "x");
	ck_assert_ptr_null(arena_strdup(a, NULL));
	ck_assert_str_eq(arena_printf(a, "%d-%s", 7, "y"), "7-y");
	ck_assert_str_eq(arena_printf(a, "%s", ""), "");
	arena_free(&a);
}
END_TEST

/* The signal a child that runs f dies of; 0 for none. */
static int
signal_of(void (*f)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		f();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
fill_exactly(void)
{
	struct arena *a = arena_new(64);

	arena_alloc(a, 31);
	arena_alloc(a, 31);
}

static void
overfill(void)
{
	struct arena *a = arena_new(64);

	arena_alloc(a, 31);
	arena_alloc(a, 32);
}

static void
ask_for_all(void)
{
	struct arena *a = arena_new(64);

	arena_alloc(a, SIZE_MAX);
}

START_TEST(a_full_arena_is_a_bug)
{
	ck_assert_int_eq(signal_of(fill_exactly), 0);
	ck_assert_int_eq(signal_of(overfill), SIGABRT);
	ck_assert_int_eq(signal_of(ask_for_all), SIGABRT);
}
END_TEST

static void
leave(const char *what, const char *file, int line, const char *func)
{
	if (strcmp(what, "1 == 2") == 0 && strstr(file, "test_arena.c") &&
	    line > 0 && strcmp(func, "fail_with_hook") == 0)
		kill(getpid(), SIGUSR1);
}

static void
fail_with_hook(void)
{
	must_set_hook(leave);
	must(1 == 1);
	must(1 == 2);
}

START_TEST(must_tells_its_hook)
{
	ck_assert_int_eq(signal_of(fail_with_hook), SIGUSR1);
}
END_TEST

START_TEST(errors_have_their_own_names)
{
	ck_assert_str_eq(err_name(OK), "OK");
	ck_assert_str_eq(err_name(ERR_EMAIL_TAKEN), "ERR_EMAIL_TAKEN");
	ck_assert_str_eq(err_name(ERR_INTERNAL), "ERR_INTERNAL");
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "memory", memory_is_aligned_zeroed_and_apart, ROWS(sizes) },
		{ "reset", reset_starts_over_with_clean_memory, 0 },
		{ "free", free_takes_null, 0 },
		{ "copies", copies_are_terminated, 0 },
		{ "full", a_full_arena_is_a_bug, 0 },
		{ "must", must_tells_its_hook, 0 },
		{ "err", errors_have_their_own_names, 0 },
	};

	return test_main("arena", suite, ROWS(suite));
}
