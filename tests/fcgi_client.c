/* SPDX-License-Identifier: ISC */
#include "tests/fcgi_client.h"

#include <check.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/encode.h"

/* Plain on purpose: shares nothing with the code under test but put_be*(). */
#define RECORD_MAX 32000
#define HEADER 8
#define TYPE_STDOUT 6
#define TYPE_END 3

void
packet_bytes(struct packet *p, const void *bytes, size_t n)
{
	ck_assert(n <= sizeof p->data - p->n);
	if (n > 0)
		memcpy(p->data + p->n, bytes, n);
	p->n += n;
}

static void
header(struct packet *p, int type, size_t n)
{
	unsigned char bytes[HEADER] = { 1, (unsigned char)type, 0, 1 };

	put_be16(bytes + 4, (unsigned)n);
	packet_bytes(p, bytes, sizeof bytes);
}

void
packet_record(struct packet *p, int type, const void *content, size_t n)
{
	header(p, type, n);
	packet_bytes(p, content, n);
}

void
packet_begin(struct packet *p)
{
	packet_record(p, RECORD_BEGIN, "\0\1\0\0\0\0\0\0", 8);
}

void
packet_end(struct packet *p, int type)
{
	packet_record(p, type, NULL, 0);
}

/* A pair in a record of its own, its lengths always four bytes long. */
void
packet_param(struct packet *p, const char *name, const char *value)
{
	unsigned char lengths[8];
	size_t name_len = strlen(name), value_len = strlen(value);

	ck_assert(name_len + value_len <= 65535 - sizeof lengths);
	put_be32(lengths, (uint32_t)name_len | 0x80000000);
	put_be32(lengths + 4, (uint32_t)value_len | 0x80000000);
	header(p, RECORD_PARAMS, sizeof lengths + name_len + value_len);
	packet_bytes(p, lengths, sizeof lengths);
	packet_bytes(p, name, name_len);
	packet_bytes(p, value, value_len);
}

void
packet_body(struct packet *p, const char *body, size_t n)
{
	while (n > 0) {
		size_t part = n < RECORD_MAX ? n : RECORD_MAX;

		packet_record(p, RECORD_STDIN, body, part);
		body += part;
		n -= part;
	}
	packet_end(p, RECORD_STDIN);
}

void
packet_request(struct packet *p, const char *const params[], const char *body)
{
	char length[24];

	p->n = 0;
	packet_begin(p);
	if (body != NULL) {
		(void)snprintf(length, sizeof length, "%zu", strlen(body));
		packet_param(p, "CONTENT_LENGTH", length);
	}
	for (; params != NULL && *params != NULL; params += 2)
		packet_param(p, params[0], params[1]);
	packet_end(p, RECORD_PARAMS);
	packet_body(p, body, body == NULL ? 0 : strlen(body));
}

int
client_listen(void)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	/* A bare family binds a free name in the abstract space (unix(7)). */
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&any,
			     sizeof any.sun_family),
	    0);
	ck_assert_int_eq(listen(fd, 2048), 0);
	return fd;
}

int
client_connect(int listener)
{
	struct sockaddr_un name;
	socklen_t n = sizeof name;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&name, &n),
	    0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&name, n), 0);
	return fd;
}

void
client_send(int fd, const struct packet *p)
{
	size_t sent = 0;

	while (sent < p->n) {
		ssize_t n = send(fd, p->data + sent, p->n - sent, MSG_NOSIGNAL);

		ck_assert_int_gt(n, 0);
		sent += (size_t)n;
	}
}

/* Appends the content of the records in data to out. */
static bool
collect(const unsigned char *data, size_t n, char *out, size_t cap)
{
	size_t at = 0, len = 0;
	int type = 0;

	while (n - at >= HEADER) {
		size_t content = (size_t)data[at + 4] << 8 | data[at + 5];

		type = data[at + 1];
		ck_assert(content + data[at + 6] <= n - at - HEADER);
		if (type == TYPE_STDOUT) {
			ck_assert(len + content < cap);
			memcpy(out + len, data + at + HEADER, content);
			len += content;
		}
		at += HEADER + content + data[at + 6];
	}
	out[len] = '\0';
	return at == n && type == TYPE_END;
}

bool
client_answer(int fd, char *out, size_t cap)
{
	static unsigned char data[PACKET_MAX];
	size_t n = 0;
	ssize_t got;

	while ((got = recv(fd, data + n, sizeof data - n, 0)) > 0)
		n += (size_t)got;
	close(fd);
	return collect(data, n, out, cap);
}

bool
client_refused(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&p, 1, 0) == 1 && recv(fd, &byte, 1, 0) <= 0;
}
