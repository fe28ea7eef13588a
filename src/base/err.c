/* SPDX-License-Identifier: ISC */
#include "base/err.h"

#include "base/must.h"

/*
 * The names come from the same table as the values, so that a log can never
 * call an error by another one's name.
 */
#define ERR_NAME(name) [name] = #name,
static const char *const names[] = { ERR_TABLE(ERR_NAME) };
#undef ERR_NAME

const char *
err_name(enum err e)
{
	must((unsigned)e < sizeof names / sizeof *names);
	return names[e];
}
