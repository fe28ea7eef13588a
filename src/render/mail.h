/* SPDX-License-Identifier: ISC */
#ifndef RENDER_MAIL_H
#define RENDER_MAIL_H

#include <stddef.h>

#include "render/language.h"

struct arena;
struct templates;

/*
 * A whole mail: header and a multipart/alternative of text and HTML
 * (RFC 5322, 2045, 2047), lines ended by CRLF, quoted-printable.
 */
struct mail {
	const char *name; /* "verify", "reset", "password_changed" … */
	enum language language;
	const char *recipient;
	const char *link;   /* or NULL; this site's for one without a token */
	long long lifetime; /* its, in seconds */
	const char *message_id; /* without brackets */
};

/*
 * The message, in mem; sender and site from conf, the subject from the text
 * "mail.<name>.subject".  NULL when an address or
 * the Message-ID is not fit for a header line (smtp_address_ok()).
 */
char *mail_compose(struct arena *mem, const struct templates *t,
    const struct mail *m, size_t *n);

/* "24 hours", "1 hour", "90 minutes", "30 seconds", "3 days", in words of the
 * language: the largest unit that divides it, but a single day is given in
 * hours; in mem. */
char *mail_lifetime(const struct templates *t, struct arena *mem,
    enum language l, long long seconds);

#endif
