/* SPDX-License-Identifier: ISC */
/*
 * What may be said in an SMTP session and when.  Commands are recognised as
 * the library writes them, in capitals and from the start of a piece; what is
 * not recognised is held to be the worst, so a library that wrote otherwise
 * would be cut off and not let through.
 */
#include "platform/smtp_watch.h"

#include <ctype.h>
#include <string.h>

void
smtp_watch_init(struct smtp_watch *w, bool needs_tls, bool needs_auth)
{
	/* One reply is owed before any command: the greeting. */
	*w = (struct smtp_watch){ .needs_tls = needs_tls,
		.needs_auth = needs_auth,
		.owed = 1 };
}

static bool
begins(const char *p, size_t n, const char *with)
{
	size_t len = strlen(with);

	return n >= len && memcmp(p, with, len) == 0;
}

enum smtp_move
smtp_watch_sent(struct smtp_watch *w, const char *p, size_t n, const char **why)
{
	for (size_t i = 0; i < n; i++)
		w->owed += p[i] == '\n';
	if (begins(p, n, "EHLO ") || begins(p, n, "HELO ") ||
	    begins(p, n, "STARTTLS\r"))
		return SMTP_GO_ON;
	if (begins(p, n, "QUIT\r")) {
		w->over = true;
		return SMTP_HANG_UP;
	}
	if (w->needs_tls && !w->encrypted) {
		*why = "the relay gave no TLS";
		return SMTP_CUT;
	}
	if (!w->needs_auth || w->authenticated || w->authenticating)
		return SMTP_GO_ON;
	if (!w->refused && begins(p, n, "AUTH ")) {
		w->authenticating = true;
		return SMTP_GO_ON;
	}
	*why = w->refused ? "the relay refused AUTH:" :
			    "the relay offers no AUTH we know";
	return SMTP_CUT;
}

int
smtp_watch_code(const struct smtp_watch *w)
{
	int code = 0;

	for (int i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)w->last[i]))
			return 0;
		code = code * 10 + (w->last[i] - '0');
	}
	return code;
}

/* A line has come, without its end. */
static void
take_line(struct smtp_watch *w)
{
	int code;

	w->line[w->column] = '\0';
	if (w->column > 3 && w->line[3] == '-')
		return; /* more of the same reply follows */
	memcpy(w->last, w->line, w->column + 1);
	w->owed--;
	code = smtp_watch_code(w);
	if (!w->authenticating || code / 100 == 3)
		return;
	w->authenticating = false;
	w->authenticated = code == 235;
	w->refused = !w->authenticated;
}

enum smtp_move
smtp_watch_received(struct smtp_watch *w, const char *p, size_t n,
    const char **why)
{
	for (size_t i = 0; i < n && !w->over; i++) {
		if (p[i] == '\n') {
			take_line(w);
			w->column = 0;
			continue;
		}
		if (w->column < sizeof w->line - 1)
			w->line[w->column++] = p[i];
	}
	if (!w->needs_tls || w->encrypted)
		return SMTP_GO_ON;
	if (w->owed > 0 || (w->owed == 0 && w->column == 0))
		return SMTP_GO_ON;
	*why = "the relay said more than it was asked before TLS";
	return SMTP_CUT;
}
