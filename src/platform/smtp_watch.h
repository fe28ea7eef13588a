/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_SMTP_WATCH_H
#define PLATFORM_SMTP_WATCH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The watch over an SMTP session that a library speaks for us: it is shown
 * every piece just before it is sent and just after it was received, and says
 * what is to become of the connection.  It knows nothing of the library.
 */
struct smtp_watch {
	bool needs_tls, needs_auth;
	bool encrypted; /* set by the caller, after the handshake */
	bool authenticated;
	bool authenticating; /* AUTH was sent and not answered for good */
	bool refused;   /* AUTH was answered with something else than 235 */
	bool over;      /* QUIT was sent: what comes now is of no interest */
	int owed;       /* replies to come; smtp_watch_init() */
	char line[160]; /* the server's present line */
	size_t column;
	char last[160]; /* its last whole reply, or the last line of that */
};

enum smtp_move {
	SMTP_GO_ON,
	SMTP_HANG_UP, /* the session is over: wait for nothing more */
	SMTP_CUT,     /* let nothing more out; *why says why */
};

void smtp_watch_init(struct smtp_watch *w, bool needs_tls, bool needs_auth);

/*
 * n bytes that are about to be sent: one command or several.  Before TLS and
 * before AUTH, where they are needed, nothing passes but what leads there.
 */
enum smtp_move smtp_watch_sent(struct smtp_watch *w, const char *p, size_t n,
    const char **why);

/*
 * n bytes that came.  Where TLS is needed, a byte more than was asked for
 * before it is up is an answer planted for afterwards (CVE-2011-0411).
 */
enum smtp_move smtp_watch_received(struct smtp_watch *w, const char *p,
    size_t n, const char **why);

/* The code of the last reply, 0 for none. */
int smtp_watch_code(const struct smtp_watch *w);

#endif
