/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_OPTION_H
#define PLATFORM_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The types of options that CONFIG_TABLE names, one value each below.  A
 * slot is a member of struct config, or something as wide.
 */
struct option_type {
	/*
	 * Reads a value.  NULL, or what would have been one, as the end of a
	 * sentence ("on or off"); the slot is then untouched.
	 */
	const char *(*read)(void *slot, const char *text);

	/* Writes the slot in the form that read() takes. */
	void (*print)(const void *slot, FILE *out);

	/* What the bounds of an option of this type bound. */
	int64_t (*size)(const void *slot);

	size_t width; /* of the slot */
	bool owned;   /* the slot is a string of malloc's */
};

extern const struct option_type option_type_TEXT, option_type_PATH,
    option_type_URL, option_type_ADDRESS, option_type_COUNT,
    option_type_SECONDS, option_type_RATE, option_type_SWITCH,
    option_type_LOGLEVEL, option_type_SMTPTLS, option_type_CONFLICT;

/*
 * The number a bound is given as: 12, or a time such as 15m in seconds; -1
 * if it is none.
 */
int64_t option_bound(const char *text);

#endif
