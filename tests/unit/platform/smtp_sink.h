/* SPDX-License-Identifier: ISC */
#ifndef TESTS_SMTP_SINK_H
#define TESTS_SMTP_SINK_H

#include <stddef.h>

#include "platform/smtp.h"

/*
 * An SMTP server for one session on 127.0.0.1, which answers by a script and
 * keeps what it was told.
 */

/*
 * The reply to each step, without its line end.  NULL is the usual one, HANG
 * says nothing until the client gives up, DROP closes the connection.
 */
#define HANG "hang"
#define DROP "drop"

struct script {
	const char *greeting, *ehlo, *helo, *starttls, *auth, *mail, *rcpt;
	const char *data, *body, *quit;
	int tls; /* speaks TLS after its 220 to STARTTLS */
};

struct session {
	struct smtp_result result;
	int connections;
	char told[8192]; /* every line that came, the message too */
	size_t n;
};

/* What is sent and how; the sink fills in host and port. */
struct sending {
	struct smtp_relay relay;
	const char *sender, *recipient, *message;
};

/*
 * Runs smtp_send() in a process of its own against a sink with this script;
 * fails the test when that process does not end well.
 */
void run_session(struct session *s, const struct sending *what,
    const struct script *script);

/*
 * Makes the sink's certificate for these names ("DNS:localhost"), signed by
 * itself, and writes it to path.  It speaks this TLS version alone
 * (0x0303 is 1.2).
 */
void make_certificate(const char *names, const char *path, int version);

#endif
