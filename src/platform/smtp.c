/* SPDX-License-Identifier: ISC */
/*
 * libesmtp, and a watch over it.  The library goes on unauthenticated after a
 * refused password, takes plaintext that was slipped in before TLS for an
 * answer, and says "success" of sessions that delivered nothing.  So its
 * monitor callback, which sees every command just before it leaves and every
 * answer just before it is read, is used as a gate: what may not be said cuts
 * the connection instead.  And the outcome is read from the three replies
 * that count, not from what the library returns.
 */
#include "platform/smtp.h"

#include <openssl/ssl.h>
/* libesmtp.h declares more after these two. */
#include <auth-client.h>
#include <libesmtp.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/must.h"
#include "platform/smtp_watch.h"

#define FDS 256 /* descriptors looked at when the connection is cut */

struct talk {
	const struct smtp_relay *relay;
	const char *message;
	size_t n;
	bool read;          /* the library has the message */
	bool was_open[FDS]; /* sockets that are not of this session */
	struct smtp_watch watch;
	const char *why; /* set when we broke it off */
};

/* For what a library declares without the const, or with one too many. */
static void *
unconst(const void *p)
{
	union {
		const void *in;
		void *out;
	} u = { .in = p };

	return u.out;
}

/* The gate. */

static bool
is_stream(int fd)
{
	int type = 0, domain = 0;
	socklen_t n = sizeof type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) != 0)
		return false;
	n = sizeof domain;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) != 0)
		return false;
	return type == SOCK_STREAM && (domain == AF_INET || domain == AF_INET6);
}

/*
 * Shuts the session's connection.  The library does not tell its descriptor,
 * but it is the one stream socket that was not there before.
 */
static void
shut(const struct talk *t, int how)
{
	for (int fd = 0; fd < FDS; fd++)
		if (!t->was_open[fd] && is_stream(fd))
			(void)shutdown(fd, how);
}

static void
monitor(const char *p, int n, int writing, void *arg)
{
	struct talk *t = arg;
	enum smtp_move move = SMTP_GO_ON;
	const char *why = NULL;

	if (n <= 0)
		return;
	if (writing == SMTP_CB_WRITING)
		move = smtp_watch_sent(&t->watch, p, (size_t)n, &why);
	else if (writing == SMTP_CB_READING)
		move = smtp_watch_received(&t->watch, p, (size_t)n, &why);
	switch (move) {
	case SMTP_GO_ON:
		return;
	case SMTP_HANG_UP:
		/* A server that is slow to say goodbye must not turn a
		 * delivered mail into one that is sent again. */
		shut(t, SHUT_RD);
		return;
	case SMTP_CUT:
		if (t->why == NULL)
			t->why = why;
		shut(t, SHUT_RDWR);
		return;
	}
}

static void
event(smtp_session_t session, int number, void *arg, ...)
{
	struct talk *t = arg;
	va_list ap;

	(void)session;
	va_start(ap, arg);
	switch (number) {
	case SMTP_EV_CONNECT: /* again, where the host has more addresses */
		smtp_watch_init(&t->watch, t->relay->starttls,
		    t->relay->user[0] != '\0');
		break;
	case SMTP_EV_STARTTLS_OK:
		t->watch.encrypted = true;
		break;
	case SMTP_EV_EXTNA_STARTTLS:
		t->why = "the relay offers no STARTTLS";
		break;
	case SMTP_EV_WRONG_PEER_CERTIFICATE:
		/* The library compares with a name out of the DNS; the
		 * handshake has compared with the configured one, or we would
		 * not be here (make_tls()). */
		*va_arg(ap, int *) = 1;
		break;
	}
	va_end(ap);
}

/* TLS. */

static bool
is_ipv4(const char *host)
{
	struct in_addr a;

	return inet_pton(AF_INET, host, &a) == 1;
}

/* Names the host in the handshake (RFC 6066), which the library forgets. */
static void
name_host(const SSL *ssl, int where, int ret)
{
	const struct talk *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)ret;
	if ((where & SSL_CB_HANDSHAKE_START) == 0 || is_ipv4(t->relay->host))
		return;
	(void)SSL_set_tlsext_host_name(unconst(ssl), unconst(t->relay->host));
}

/* Keeps the reason of the first certificate that does not hold. */
static int
judge_certificate(int ok, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store,
	    SSL_get_ex_data_X509_STORE_CTX_idx());
	struct talk *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (!ok && t->why == NULL)
		t->why = X509_verify_cert_error_string(
		    X509_STORE_CTX_get_error(store));
	return ok;
}

/*
 * The context the library is to use: TLS 1.2 alone, because with 1.3 it waits
 * for an answer to what it has not sent yet.  NULL with t->why.
 */
static SSL_CTX *
make_tls(struct talk *t)
{
	const struct smtp_relay *relay = t->relay;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	X509_VERIFY_PARAM *param;
	int ok;

	must(ctx != NULL);
	param = SSL_CTX_get0_param(ctx);
	must(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
	must(SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) == 1);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, judge_certificate);
	SSL_CTX_set_info_callback(ctx, name_host);
	must(SSL_CTX_set_app_data(ctx, t) == 1);
	if (is_ipv4(relay->host))
		ok = X509_VERIFY_PARAM_set1_ip_asc(param, relay->host);
	else
		ok = X509_VERIFY_PARAM_set1_host(param, relay->host, 0);
	must(ok == 1);
	if (relay->ca_file[0] == '\0')
		ok = SSL_CTX_set_default_verify_paths(ctx);
	else
		ok = SSL_CTX_load_verify_file(ctx, relay->ca_file);
	if (ok == 1)
		return ctx;
	t->why = "smtp_ca_file cannot be read";
	SSL_CTX_free(ctx);
	return NULL;
}

/* The library's other questions. */

static int
answer_auth(auth_client_request_t request, char **result, int fields, void *arg)
{
	static char empty[] = "";
	struct talk *t = arg;
	const char *value;

	for (int i = 0; i < fields; i++) {
		result[i] = empty;
		value = NULL;
		if (request[i].flags & AUTH_USER)
			value = t->relay->user;
		else if (request[i].flags & AUTH_PASS)
			value = t->relay->password;
		if (value != NULL)
			result[i] = unconst(value);
	}
	return 1;
}

static const char *
give_message(void **ctx, int *len, void *arg)
{
	struct talk *t = arg;

	(void)ctx;
	if (len == NULL) { /* from the beginning, please */
		t->read = false;
		return NULL;
	}
	*len = t->read ? 0 : (int)t->n;
	t->read = true;
	return *len == 0 ? NULL : t->message;
}

/* The outcome. */

/* A step that was answered with something else than 2xx. */
static struct smtp_result
judge(const char *step, const smtp_status_t *s, bool final)
{
	bool refused = final && s->code / 100 == 5;

	/* 354 asks for the message, so it is no answer to it. */
	if (s->code < 400)
		return smtp_result(SMTP_LATER, step, 0, "got no answer");
	return smtp_result(refused ? SMTP_REFUSED : SMTP_LATER, step, s->code,
	    s->text);
}

static struct smtp_result
outcome(const struct talk *t, smtp_message_t m, smtp_recipient_t r)
{
	const smtp_status_t *mail = smtp_reverse_path_status(m);
	const smtp_status_t *rcpt = smtp_recipient_status(r);
	const smtp_status_t *data = smtp_message_transfer_status(m);
	int number = smtp_errno();
	char buf[128];
	const char *text;

	if (t->why != NULL)
		return smtp_result(SMTP_LATER, t->why, 0,
		    t->watch.refused ? t->watch.last : NULL);
	if (rcpt->code / 100 == 2 && data->code / 100 == 2)
		return smtp_result(SMTP_DELIVERED, "delivered:", data->code,
		    data->text);
	if (rcpt->code / 100 == 2)
		return judge("the message", data, true);
	if (rcpt->code != 0)
		return judge("the recipient", rcpt, true);
	if (mail->code / 100 == 2)
		return judge("the recipient", rcpt, false);
	if (mail->code != 0)
		return judge("the sender", mail, false);
	if (smtp_watch_code(&t->watch) >= 400)
		text = t->watch.last;
	else if (number == 0)
		text = "it did not answer";
	else if (number == SMTP_ERR_CLIENT_ERROR)
		text = "the TLS handshake failed";
	else
		text = smtp_strerror(number, buf, sizeof buf);
	return smtp_result(SMTP_LATER, "no session with the relay:", 0, text);
}

/* The session. */

static void
set_timeouts(smtp_session_t session, int seconds)
{
	static const int steps[] = { Timeout_GREETING, Timeout_ENVELOPE,
		Timeout_DATA, Timeout_TRANSFER, Timeout_DATA2 };

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		(void)smtp_set_timeout(session,
		    steps[i] | Timeout_OVERRIDE_RFC2822_MINIMUM,
		    1000L * seconds);
}

static auth_context_t
set_auth(smtp_session_t session, struct talk *t)
{
	auth_context_t auth = auth_create_context();

	must(auth != NULL);
	(void)auth_set_mechanism_flags(auth, AUTH_PLUGIN_PLAIN, 0);
	(void)auth_set_interact_cb(auth, answer_auth, t);
	must(smtp_auth_set_context(session, auth));
	return auth;
}

static bool
set_tls(smtp_session_t session, struct talk *t)
{
	SSL_CTX *ctx = make_tls(t);

	if (ctx == NULL)
		return false;
	must(smtp_starttls_set_ctx(session, ctx));
	SSL_CTX_free(ctx); /* the session has its own reference */
	must(smtp_starttls_enable(session, Starttls_REQUIRED));
	return true;
}

static struct smtp_result
run(smtp_session_t session, struct talk *t, const char *sender,
    const char *recipient)
{
	smtp_message_t m = smtp_add_message(session);
	smtp_recipient_t r;
	auth_context_t auth = NULL;
	char server[300];
	struct smtp_result res;

	must(m != NULL && smtp_set_reverse_path(m, sender));
	r = smtp_add_recipient(m, recipient);
	must(r != NULL && smtp_set_messagecb(m, give_message, t));
	(void)snprintf(server, sizeof server, "%s:%d", t->relay->host,
	    t->relay->port);
	must(smtp_set_server(session, server));
	set_timeouts(session, t->relay->timeout_s);
	must(smtp_set_monitorcb(session, monitor, t, 0));
	must(smtp_set_eventcb(session, event, t));
	if (t->relay->user[0] != '\0')
		auth = set_auth(session, t);
	/* Its result says little: outcome() looks at the replies. */
	if (!t->relay->starttls || set_tls(session, t))
		(void)smtp_start_session(session);
	res = outcome(t, m, r);
	if (auth != NULL)
		auth_destroy_context(auth);
	return res;
}

struct smtp_result
smtp_send(const struct smtp_relay *relay, const char *sender,
    const char *recipient, const char *message, size_t n)
{
	struct talk t = { .relay = relay, .message = message, .n = n };
	smtp_session_t session;
	struct smtp_result r;

	if (!smtp_address_ok(sender) || !smtp_address_ok(recipient))
		return smtp_result(SMTP_REFUSED,
		    "an address that cannot be sent", 0, NULL);
	/* The library takes all behind the first colon for the port. */
	if (strchr(relay->host, ':') != NULL)
		return smtp_result(SMTP_LATER,
		    "smtp_host is neither a name nor an IPv4 address", 0, NULL);
	for (int fd = 0; fd < FDS; fd++)
		t.was_open[fd] = is_stream(fd);
	(void)signal(SIGPIPE, SIG_IGN);
	session = smtp_create_session();
	must(session != NULL);
	r = run(session, &t, sender, recipient);
	smtp_destroy_session(session);
	return r;
}
