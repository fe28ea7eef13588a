/* SPDX-License-Identifier: ISC */
#ifndef RENDER_DEVICE_H
#define RENDER_DEVICE_H

/*
 * What a User-Agent says in words that its owner knows: "Firefox" and
 * "Windows".  Names are the makers' own, the same in every language; each is
 * NULL where the field does not tell.  A field can say anything, so nothing
 * but a person's memory may depend on them.
 */
struct device {
	const char *browser, *system;
};

/* user_agent may be NULL. */
struct device device_of(const char *user_agent);

#endif
