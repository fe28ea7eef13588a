/* SPDX-License-Identifier: ISC */
/*
 * The scripted SMTP server of test_smtp.c: the test's own process serves,
 * the code under test runs in a child and hands its result back by a pipe.
 */
#include "tests/unit/platform/smtp_sink.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

static SSL_CTX *identity; /* make_certificate()'s */
static SSL *tls;          /* of the present connection, or NULL */

#define PATIENCE 10000 /* ms; the client's own limits are far shorter */

static int
listen_loopback(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static bool
put(int fd, const char *text)
{
	int n = (int)strlen(text);

	if (tls != NULL)
		return SSL_write(tls, text, n) == n;
	return send(fd, text, (size_t)n, MSG_NOSIGNAL) == n;
}

static bool
get(int fd, char *c)
{
	if (tls != NULL)
		return SSL_read(tls, c, 1) == 1;
	return read(fd, c, 1) == 1;
}

static void
add_names(X509 *x, const char *names)
{
	X509_EXTENSION *e =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

	ck_assert_ptr_nonnull(e);
	ck_assert_int_eq(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

void
make_certificate(const char *names, const char *path, int version)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
	    (const unsigned char *)"sink", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	add_names(x, names);
	ck_assert_int_gt(X509_sign(x, key, EVP_sha256()), 0);
	ck_assert_int_eq(PEM_write_X509(f, x), 1);
	fclose(f);
	SSL_CTX_free(identity);
	identity = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_min_proto_version(identity, version);
	SSL_CTX_set_max_proto_version(identity, version);
	ck_assert_int_eq(SSL_CTX_use_certificate(identity, x), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(identity, key), 1);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* The server's side of the handshake; false when the client ends it. */
static bool
start_tls(int fd)
{
	tls = SSL_new(identity);
	ck_assert_int_eq(SSL_set_fd(tls, fd), 1);
	return SSL_accept(tls) == 1;
}

static bool
readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* One line into told, its length as the result; 0 at the end. */
static size_t
read_line(struct session *s, int fd)
{
	size_t begin = s->n;

	while (s->n < sizeof s->told - 1 &&
	    (tls != NULL || readable(fd, PATIENCE)) && get(fd, &s->told[s->n]))
		if (s->told[s->n++] == '\n')
			break;
	s->told[s->n] = '\0';
	return s->n - begin;
}

static bool
says(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* False when the session is to end. */
static bool
answer(int fd, const char *reply, const char *usual)
{
	const char *text = reply != NULL ? reply : usual;
	char junk[4096];

	if (strcmp(text, DROP) == 0)
		return false;
	if (strcmp(text, HANG) == 0) {
		while (
		    readable(fd, PATIENCE) && read(fd, junk, sizeof junk) > 0)
			continue;
		return false;
	}
	return put(fd, text) && put(fd, "\r\n");
}

static bool
take_message(struct session *s, int fd, const struct script *script)
{
	const char *line;

	do {
		line = s->told + s->n;
		if (read_line(s, fd) == 0)
			return false;
	} while (strcmp(line, ".\r\n") != 0);
	return answer(fd, script->body, "250 taken");
}

/* Answers a command; false when the session is to end. */
static bool
serve_command(struct session *s, int fd, const struct script *script,
    const char *line)
{
	if (says(line, "EHLO"))
		return answer(fd, script->ehlo, "250 sink");
	if (says(line, "HELO"))
		return answer(fd, script->helo, "250 sink");
	if (says(line, "STARTTLS"))
		return answer(fd, script->starttls, "220 go") &&
		    (!script->tls || start_tls(fd));
	if (says(line, "AUTH"))
		return answer(fd, script->auth, "502 no");
	if (says(line, "MAIL"))
		return answer(fd, script->mail, "250 ok");
	if (says(line, "RCPT"))
		return answer(fd, script->rcpt, "250 ok");
	if (says(line, "DATA")) {
		if (!answer(fd, script->data, "354 go on"))
			return false;
		return script->data != NULL || take_message(s, fd, script);
	}
	if (says(line, "QUIT"))
		return answer(fd, script->quit, "221 bye") && false;
	return answer(fd, NULL, "500 what?");
}

static void
serve(struct session *s, int fd, const struct script *script)
{
	const char *line;

	if (!answer(fd, script->greeting, "220 sink"))
		return;
	do {
		line = s->told + s->n;
		if (read_line(s, fd) == 0)
			return;
	} while (serve_command(s, fd, script, line));
}

_Noreturn static void
send_and_tell(const struct sending *what, int port, int out)
{
	struct sending w = *what;
	struct smtp_result r;

	w.relay.host = w.relay.host != NULL ? w.relay.host : "127.0.0.1";
	w.relay.port = port;
	w.relay.ca_file = w.relay.ca_file != NULL ? w.relay.ca_file : "";
	w.relay.user = w.relay.user != NULL ? w.relay.user : "";
	w.relay.password = w.relay.password != NULL ? w.relay.password : "";
	w.relay.timeout_s = 1;
	r = smtp_send(&w.relay, w.sender, w.recipient, w.message,
	    strlen(w.message));
	_exit(write(out, &r, sizeof r) == sizeof r ? 0 : 1);
}

/* Serves connections until the child has given its result. */
static void
serve_all(struct session *s, int listener, int in, const struct script *script)
{
	struct pollfd p[2] = { { .fd = listener, .events = POLLIN },
		{ .fd = in, .events = POLLIN } };

	while (poll(p, 2, PATIENCE) > 0 && p[1].revents == 0) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		int on = 1;

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		s->connections++;
		serve(s, fd, script);
		SSL_free(tls);
		tls = NULL;
		close(fd);
	}
}

void
run_session(struct session *s, const struct sending *what,
    const struct script *script)
{
	int port, status, pipefd[2];
	int listener = listen_loopback(&port);
	pid_t pid;

	memset(s, 0, sizeof *s);
	ck_assert_int_eq(pipe(pipefd), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		send_and_tell(what, port, pipefd[1]);
	close(pipefd[1]);
	signal(SIGPIPE, SIG_IGN); /* OpenSSL knows no MSG_NOSIGNAL */
	serve_all(s, listener, pipefd[0], script);
	ck_assert_int_eq(read(pipefd[0], &s->result, sizeof s->result),
	    sizeof s->result);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(pipefd[0]);
	close(listener);
	SSL_CTX_free(identity);
	identity = NULL;
}
