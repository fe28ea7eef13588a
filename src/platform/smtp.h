/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_SMTP_H
#define PLATFORM_SMTP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * One mail over one SMTP session (RFC 5321), through libesmtp.  The library
 * blocks and cannot be trusted with time: the caller runs this in a process
 * of its own and ends that at a deadline.
 */
struct smtp_relay {
	const char *host; /* a name or an IPv4 address */
	int port;
	int starttls;         /* required, with a valid certificate for host */
	const char *ca_file;  /* "" for the system's */
	const char *user;     /* "" for no AUTH */
	const char *password; /* "" for none */
	int timeout_s;        /* of each step; connecting has none */
};

enum smtp_outcome {
	SMTP_DELIVERED, /* transfer and recipient both answered 2xx */
	SMTP_LATER,     /* anything that may pass: 4xx, no answer, no TLS, and
			 * whatever the relay has against us and not the mail */
	SMTP_REFUSED, /* 5xx to recipient or message: trying again is no use */
};

/*
 * What happened, in words for a log: printable ASCII, and without anything
 * that could be an address, a link or a token, whatever the server said.
 */
struct smtp_result {
	enum smtp_outcome outcome;
	int code;       /* the reply that decided, 0 for none */
	char what[200]; /* the step and the server's words */
};

/* A result with these words; text, the server's, may be NULL. */
struct smtp_result smtp_result(enum smtp_outcome outcome, const char *step,
    int code, const char *text);

/*
 * Whether an address can stand in an SMTP command and in a header line as it
 * is: printable ASCII, one '@' inside, nothing that would need quoting.
 */
bool smtp_address_ok(const char *address);

/*
 * Sends message (n bytes, header and body, lines ended by CRLF; libesmtp
 * stuffs dots) from sender to recipient.  Both addresses are checked once
 * more.  Never goes on after a refused AUTH, without AUTH where there is a
 * user, or without demanded TLS.  Sets SIGPIPE to be ignored.
 */
struct smtp_result smtp_send(const struct smtp_relay *relay, const char *sender,
    const char *recipient, const char *message, size_t n);

#endif
