/* SPDX-License-Identifier: ISC */
#include "base/must.h"

#include <stddef.h>
#include <stdlib.h>

/*
 * base/ writes nothing by itself, so the words of a failed must() go through
 * a hook.  It is taken away before it is called: a must() that fails inside
 * the hook must not come back here for ever.
 */
static void (
    *told)(const char *what, const char *file, int line, const char *func);

void
must_set_hook(void (
    *hook)(const char *what, const char *file, int line, const char *func))
{
	told = hook;
}

_Noreturn void
must_failed(const char *what, const char *file, int line, const char *func)
{
	void (*hook)(const char *, const char *, int, const char *) = told;

	told = NULL;
	if (hook != NULL)
		hook(what, file, line, func);
	abort();
}
